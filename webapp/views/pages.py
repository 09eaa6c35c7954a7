"""What views share: rendering inside the frame, who acts, and where a person came from."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from improvement.models import User
from improvement.permissions import Person
from improvement.selectors import people
from improvement.services.actors import Actor, human
from webapp.presenters import frame


def show(request: HttpRequest, template: str, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    """Return a page inside the frame for the signed-in person."""
    user = user_of(request)
    person = people.person_of(user)
    around = frame.around(person, keys=user.keyboard_shortcuts, path=request.path, now=timezone.now())
    return HttpResponse(render_to_string(template, {"frame": around, **context}, request), status=status)


def alone(request: HttpRequest, template: str, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    """Return a page that stands alone: signing in, setting a password."""
    return HttpResponse(render_to_string(template, context, request), status=status)


def user_of(request: HttpRequest) -> User:
    """Return the signed-in user; ``LoginRequiredMiddleware`` has seen to it that there is one."""
    user = request.user
    assert isinstance(user, User)
    return user


def person_of(request: HttpRequest) -> Person:
    """Return what decides about the rights of the signed-in person."""
    return people.person_of(user_of(request))


def actor_of(request: HttpRequest) -> Actor:
    """Return the signed-in person as the one who acts."""
    return human(user_of(request), via="web")


def page_number(request: HttpRequest) -> int:
    """Return which page of a list is asked for, from 1."""
    try:
        return max(1, int(request.GET.get("page", "1")))
    except ValueError:
        return 1


def local(request: HttpRequest, address: str | None, otherwise: str) -> str:
    """Return an address to go on to if it is one of this server, or else the other one."""
    if address and url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
        return address
    return otherwise


def came_from(request: HttpRequest) -> str:
    """Return the page of this server that the request came from, or an empty text."""
    parts = urlsplit(local(request, request.headers.get("Referer"), ""))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
