"""Nonsense at every address: a refusal each time, never a broken page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from urllib.parse import quote, urlencode

import pytest
from django.db import transaction
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, get_resolver

from improvement.models import User
from tests import factories as make
from tests.integration.web.conftest import World

pytestmark = pytest.mark.timeout(600)  # many requests, on a busy machine

Browsers = Callable[[User | None], Client]

NONSENSE: tuple[str | bytes, ...] = (
    "",
    "\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    "\u202e\u0661\u0662",
    "x" * 5000,
    "9" * 5000,
    "9" * 30,
    str(2**63),
    "-1",
    "R-" + "9" * 15,
    "0001-01-01",
    "9999-12-31",
    "2026-02-30",
    "http://[",
)
MODEL_FIELDS = (
    "name", "dialect", "address", "private", "model", "key", "price_in", "price_out", "max_tokens", "seconds",
    "requests_per_minute",
)  # fmt: skip
FIELDS = {
    "candidate": ("tab", "view"),
    "decide": ("verdict", "reason", "patch", "policy", "confirmed"),
    "runs": ("state", "target", "page"),
    "run": ("tab", "sort", "state", "page"),
    "run-new": ("target", "strategy", "budget", "seconds", "cpu_seconds", "tokens", "usd", "seed"),
    "run-budget": ("evaluations", "seconds", "cpu_seconds", "tokens", "usd", "reason"),
    "run-live": ("after",),
    "run-candidates": ("sort", "state", "page"),
    "run-stop": ("reason",),
    "target-new": ("path", "format", "name"),
    "table-new": ("upload",),
    "table": ("predict", "groups", "drop", "metric", "holdout", "name"),
    "target-rollback": ("to", "reason"),
    "model-new": MODEL_FIELDS,
    "model-edit": MODEL_FIELDS,
    "audit": ("type", "actor", "run", "since", "until", "page", "show"),
    "audit-export": ("run",),
    "team-invite": ("name", "role"),
    "team-policy": ("preset", "reason"),
    "team-narrow": ("person", "target", "role"),
    "team-role": ("role",),
    "team-link": ("name",),
    "account-password": ("current", "new", "again"),
    "account-keyboard": ("keys",),
    "sign-in": ("name", "password", "next"),
    "set-password": ("new", "again"),
    "halt": ("reason",),
    "halt-lift": ("reason",),
}
ELSE_RIGHT = {
    "reason": "because",
    "verdict": "approve",
    "target": "small",
    "strategy": "evolution",
    "budget": "9",
    "format": "auto",
    "role": "viewer",
    "preset": "team",
    "person": "1",
    "name": "llama",
    "dialect": "compatible",
    "address": "https://llama.example.org/v1",
    "model": "llama-4",
    "price_in": "0",
    "price_out": "0",
    "max_tokens": "100",
    "seconds": "10",
    "requests_per_minute": "60",
    "current": "a long old phrase",
    "new": "a long new phrase",
    "again": "a long new phrase",
    "predict": "1",
    "holdout": "25",
}
SLOTS = {
    "candidate_id": "candidate",
    "run_id": "run",
    "user_id": "bob",
    "name": "target",
    "model": "model",
    "table_id": "table",
}
PATTERNS = tuple(pattern for pattern in get_resolver().url_patterns if isinstance(pattern, URLPattern))
METHODS = ("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
BODIES = (
    (PARTS, b"--b\r\n"),
    ("multipart/form-data", b"--b--"),
    ("multipart/form-data; boundary=\xff", b"--b--"),
    (PARTS, b'--b\r\nContent-Disposition: form-data; name="upload"; filename="../\x00.zip"\r\n\r\nPK\r\n--b--\r\n'),
    (PARTS, b'--b\r\nContent-Disposition: form-data; name="upload"; filename="a.tar"\r\n\r\n\r\n--b--\r\n'),
    (PARTS, b'--b\r\nContent-Disposition: form-data; name="reason"\r\n\r\na\x00b\r\n--b--\r\n'),
    (
        PARTS,
        b'--b\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n--b--\r\n',
    ),
    (f"{FORM}; charset=utf-16", b"reason=x"),
    (FORM, b"&".join(b"a=b" for _ in range(1001))),
    ("application/json", b"{"),
    ("", b"x"),
)
HEADERS = (
    {"accept": ";q=x, */;q=2, text/"},
    {"accept": "application/json"},
    {"referer": "http://[/", "accept": "application/problem+json"},
    {"host": "evil.example"},
    {"host": "[::1"},
    {"cookie": 'countersign_session="aaaaaaaa\\000"; diff="\\000"'},
    {"cookie": "countersign_csrf=\xff; messages=[[; countersign_session=" + "x" * 4000},
    {"if-modified-since": "yesterday", "range": "bytes=9-1", "content-length": "nine"},
    {"hx-request": "true", "hx-current-url": "http://[", "hx-current-url-uri-autoencoded": "yes"},
    {"accept-encoding": "gzip;q=nan", "accept-language": "x" * 600, "x-forwarded-proto": "gopher"},
)


def _path(pattern: URLPattern, filled: dict[str, str]) -> str:
    """Return an address with its slots filled; what is filled in is quoted already."""
    path = str(pattern.pattern)
    for slot, converter in pattern.pattern.converters.items():
        kind = "int" if "Int" in type(converter).__name__ else "str"
        path = path.replace(f"<{kind}:{slot}>", filled[slot])
    return f"/{path}"


def _right(pattern: URLPattern, world: World) -> dict[str, str]:
    """Return what belongs into the slots of an address, as far as it exists."""
    known = {slot: str(world.numbers[of]) for slot, of in SLOTS.items()}
    return {
        "import_id": "7",
        "form": "bundle",
        "key": "curves",
        "proposal_id": "7",
        "serving_id": "7",
        "thread_id": "7",
        "token": "unknown",
        **known,
    }


def _well_formed(world: World, fields: Iterable[str]) -> dict[str, str]:
    """Return fields of a form as they should be, so that the one that is nonsense is looked at."""
    known = {**ELSE_RIGHT, **asdict(make.shown(world.candidate))}
    return {field: str(known[field]) for field in fields if field in known}


@contextmanager
def _taken_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _asked(
    browser: Client, method: str, path: str, body: bytes = b"", kind: str = FORM, headers: dict[str, str] | None = None
) -> int:
    """Return the status of one request, which leaves nothing behind."""
    with _taken_back():
        answer: HttpResponseBase = browser.generic(method, path, body, content_type=kind, headers=headers)
        b"".join(answer)  # a download ends when it is read
        return int(answer.status_code)


@pytest.fixture
def browsers(world: World, signed_in: Browsers) -> tuple[Client, ...]:
    """Return the browsers of an administrator and of nobody; neither raises what the server catches."""
    clients = tuple(map(signed_in, (make.user("alice"), None)))
    for client in clients:
        client.raise_request_exception = False
    return clients


def test_nonsense_in_the_address(world: World, browsers: tuple[Client, ...]) -> None:
    nonsense = [quote(value, safe="") for value in NONSENSE]
    paths = [
        _path(pattern, {**_right(pattern, world), slot: value})
        for pattern in PATTERNS
        for slot in pattern.pattern.converters
        for value in nonsense
    ]
    tried = [(browser, method, path) for browser in browsers for method in ("GET", "POST") for path in paths]
    assert [(method, path) for browser, method, path in tried if _asked(browser, method, path) == 500] == []


@pytest.mark.parametrize("pattern", [one for one in PATTERNS if one.name in FIELDS], ids=lambda pattern: pattern.name)
def test_nonsense_in_query_and_form(world: World, browsers: tuple[Client, ...], pattern: URLPattern) -> None:
    path, fields = _path(pattern, _right(pattern, world)), FIELDS[str(pattern.name)]
    tried = [urlencode({**_well_formed(world, fields), field: value}) for field in fields for value in NONSENSE]
    for browser in browsers:
        assert [asked for asked in tried if _asked(browser, "GET", f"{path}?{asked}") == 500] == []
        assert [asked for asked in tried if _asked(browser, "POST", path, asked.encode()) == 500] == []


def test_odd_methods(world: World, browsers: tuple[Client, ...]) -> None:
    tried = [(browser, method, path) for browser in browsers for path in _paths(world) for method in METHODS]
    assert [(method, path) for browser, method, path in tried if _asked(browser, method, path) == 500] == []


def test_odd_bodies(world: World, browsers: tuple[Client, ...]) -> None:
    tried = [(browser, path, *body) for browser in browsers for path in _paths(world) for body in BODIES]
    assert [
        (path, body) for browser, path, kind, body in tried if _asked(browser, "POST", path, body, kind) == 500
    ] == []


def test_odd_headers(world: World, browsers: tuple[Client, ...]) -> None:
    tried = [(browser, path, headers) for browser in browsers for path in _paths(world) for headers in HEADERS]
    assert [
        (path, headers) for browser, path, headers in tried if _asked(browser, "GET", path, headers=headers) == 500
    ] == []


def _paths(world: World) -> list[str]:
    return [_path(pattern, _right(pattern, world)) for pattern in PATTERNS]
