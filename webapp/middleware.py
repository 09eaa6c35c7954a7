"""Errors of the domain as HTTP, in one place: a page for people, problem+json for programs."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from improvement.exceptions import CountersignError
from webapp.views import errors


class DomainErrorsMiddleware:
    """Turns an error that a service or a selector raised into the response it stands for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page or problem for an error of the domain; any other goes on to the 500 page."""
        if isinstance(exception, CountersignError):
            return errors.of_domain(request, exception)
        return None
