"""What stands around every view: text that no database can hold is refused, errors of the domain become HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

from django.http import HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.http.response import HttpResponseBase

from improvement.exceptions import CountersignError
from webapp.views import errors


class ReadableTextMiddleware:
    """Refuses a request with a NUL character in its address, cookies or form: no text of ours has one.

    PostgreSQL cannot even be asked about such a text, so without this every lookup would have to look for it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on a request whose address and cookies can be read."""
        if _has_nul(chain((request.path_info,), _texts(request.GET), request.COOKIES.values())):
            return errors.unreadable(request)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponseBase | None:
        """Refuse a form that cannot be read; it is parsed here, where errors of parsing have their page."""
        try:
            return errors.unreadable(request) if _has_nul(_texts(request.POST)) else None
        except UnreadablePostError:
            return errors.unreadable(request)


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


def _texts(fields: QueryDict) -> Iterable[str]:
    return (text for name, values in fields.lists() for text in (name, *map(str, values)))


def _has_nul(texts: Iterable[str]) -> bool:
    return any("\0" in text for text in texts)
