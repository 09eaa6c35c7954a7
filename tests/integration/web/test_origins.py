"""Who may open a live connection: pages of this very server, and of the origins that the settings trust."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pytest_django import Settings

from webapp.origins import OwnPagesOnly


def _reaches(origin: str | None, host: str = "localhost:8000", *, scheme: str = "ws", **more: str) -> bool:
    """Return whether a connection with these headers gets through to the application."""
    reached: list[bool] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        reached.append(True)

    events = iter(["websocket.connect", "websocket.disconnect"])

    async def receive() -> dict[str, object]:
        return {"type": next(events), "code": 1000}

    async def send(message: dict[str, Any]) -> None:
        assert message["type"] == "websocket.close"

    given = {"host": host, **more} | ({} if origin is None else {"origin": origin})
    headers = [(name.replace("_", "-").encode(), value.encode("latin1")) for name, value in given.items()]
    scope = {"type": "websocket", "scheme": scheme, "path": "/ws/runs/", "headers": headers}
    asyncio.run(OwnPagesOnly(application)(scope, receive, send))
    return bool(reached)


@pytest.fixture(autouse=True)
def _plain(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "[::1]", "countersign.example.org"]
    settings.CSRF_TRUSTED_ORIGINS = []


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8000", "localhost:8000"),
        ("http://LOCALHOST:8000", "localhost:8000"),
        ("http://localhost", "localhost"),
        ("http://localhost:80", "localhost"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_a_page_of_this_server_connects(origin: str, host: str) -> None:
    assert _reaches(origin, host)


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "http://localhost:8001",
        "http://localhost",
        "https://localhost:8000",
        "http://evil.example:8000",
        "http://localhost.evil.example:8000",
        "http://[",
        "http://localhost:99999",
        "localhost:8000",
    ],
)
def test_any_other_page_is_refused(origin: str | None) -> None:
    assert not _reaches(origin)


def test_a_host_that_is_not_this_servers_is_refused() -> None:
    assert not _reaches("http://rebound.example", "rebound.example")


def test_https_is_seen_by_the_server_or_by_the_proxy_that_is_trusted(settings: Settings) -> None:
    assert _reaches("https://localhost:8000", scheme="wss")
    assert not _reaches("https://localhost:8000", x_forwarded_proto="https")
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert _reaches("https://localhost:8000", x_forwarded_proto="https")
    assert not _reaches("http://localhost:8000", x_forwarded_proto="https")


def test_origins_of_the_settings_connect(settings: Settings) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://countersign.example.org", "https://*.example.net"]
    assert _reaches("https://countersign.example.org")
    assert _reaches("https://a.example.net")
    assert not _reaches("https://countersign.example.org:444")
    assert not _reaches("http://a.example.net")
    assert not _reaches("https://example.net.evil.example")
