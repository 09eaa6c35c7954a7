"""Live connections come from pages of this server (same scheme, host and port) or from an origin of the settings.

A browser lets any page open a WebSocket to anywhere and sends the cookies along; only the Origin header tells.
The rule is the one by which Django judges forms (``CsrfViewMiddleware``), and `CSRF_TRUSTED_ORIGINS` widens both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain

Scope = dict[str, Any]
Application = Callable[[Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]
_PORTS = {"http": 80, "https": 443}


class OwnPagesOnly:
    """Passes a live connection on when a page of this server, or of a trusted origin, asks for it."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """Connect, or close before anything is accepted."""
        application = self._application if _may_connect(scope) else WebsocketDenier()
        await application(scope, receive, send)


def _may_connect(scope: Scope) -> bool:
    headers = {name.decode("latin1"): value.decode("latin1") for name, value in scope["headers"]}
    origin, host = headers.get("origin", ""), headers.get("host", "")
    scheme = "https" if _is_secure(scope, headers) else "http"
    return _is_own(origin, f"{scheme}://{host}") or any(
        _is_trusted(origin, trusted) for trusted in settings.CSRF_TRUSTED_ORIGINS
    )


def _is_secure(scope: Scope, headers: dict[str, str]) -> bool:
    """Whether the page was fetched by HTTPS, as the server or the proxy that the settings trust saw it."""
    name, value = settings.SECURE_PROXY_SSL_HEADER or ("", "")
    stated = name.removeprefix("HTTP_").replace("_", "-").lower()
    return scope.get("scheme") in {"wss", "https"} or (bool(stated) and headers.get(stated) == value)


def _is_own(origin: str, server: str) -> bool:
    domain, _ = split_domain_port(_parts(server).netloc)
    if not (domain and validate_host(domain, settings.ALLOWED_HOSTS)):
        return False
    seen = _place(origin)
    return seen is not None and seen == _place(server)


def _is_trusted(origin: str, trusted: str) -> bool:
    """Whether an origin is one of the settings, where ``https://*.example.org`` stands for every name below."""
    seen, meant = _place(origin), _place(trusted.replace("://*.", "://"))
    if seen is None or meant is None:
        return False
    if "://*." not in trusted:
        return seen == meant
    return (seen[0], seen[2]) == (meant[0], meant[2]) and is_same_domain(seen[1], f".{meant[1]}")


def _place(address: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an origin, or nothing for what is none."""
    parts = _parts(address)
    try:
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and port else None


def _parts(address: str) -> SplitResult:
    """Return the parts of an address; empty ones for what is no address."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")
