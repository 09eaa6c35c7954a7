"""`POST /api/v1/targets/{name}/observations`: a program with a token feeds a target's stream."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse, RawPostDataException
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from improvement.engine.streams import MOST_AT_ONCE, read_observations
from improvement.exceptions import Invalid, NotAllowed, NotSignedIn, TooLarge, UnsupportedMedia
from improvement.selectors import targets
from improvement.services import streams, tokens
from improvement.services.actors import Actor
from webapp import throttle

LARGEST = 1_000_000
"""Bytes of a request."""
LINES, ARRAY = "application/x-ndjson", "application/json"


@csrf_exempt
@login_not_required
@require_POST
def feed(request: HttpRequest, name: str) -> HttpResponse:
    """Take observations in, all of them or none: a JSON array, one object, or an object a line."""
    actor = _actor(request)
    throttle.check_rate(f"observe:{actor.id}")
    if actor.person is None:
        raise NotAllowed("Only a token of a person can feed a stream.")
    target = targets.get(name, actor.person)
    stream = targets.stream_of(targets.manifest(target))
    observations = read_observations(_values(request), stream)
    fed = streams.feed(target, observations=observations, source=actor.id, actor=actor, now=timezone.now())
    return JsonResponse(asdict(fed), status=202)


def _actor(request: HttpRequest) -> Actor:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotSignedIn("Say who you are with a token: Authorization: Bearer TOKEN.")
    with throttle.counting_wrong_tokens(request.META.get("REMOTE_ADDR", "")):
        return tokens.actor_of(token.strip(), scope="observe", now=timezone.now())


def _values(request: HttpRequest) -> list[Any]:
    text = _text(request)
    if request.content_type == LINES:
        return [_json(line, f"Line {number}") for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if request.content_type != ARRAY:
        raise UnsupportedMedia(f"Send {ARRAY} (an array, at most {MOST_AT_ONCE} objects) or {LINES} (one a line).")
    value = _json(text, "The request")
    return value if isinstance(value, list) else [value]


def _text(request: HttpRequest) -> str:
    try:
        if int(request.headers.get("Content-Length") or 0) > LARGEST:
            raise TooLarge(f"The request has more than {LARGEST:,} bytes. Send fewer observations at once.")
        return request.body.decode("utf-8")
    except RequestDataTooBig as error:
        raise TooLarge(f"The request has more than {LARGEST:,} bytes. Send fewer observations at once.") from error
    except (UnicodeDecodeError, RawPostDataException, ValueError) as error:
        raise Invalid("The request is not UTF-8 text.") from error


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{where} is not JSON: {error!s:.120}.") from error
