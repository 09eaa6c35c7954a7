"""Addresses of the database and of Redis: from one URL to what each library wants."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_POSTGRES = frozenset({"postgres", "postgresql"})
_REDIS = frozenset({"redis", "rediss", "unix"})


def database(url: str, *, data: Path) -> dict[str, Any]:
    """Return Django's description of the database at ``url``; of ``data``/db.sqlite3 when the URL is empty.

    Raises ImproperlyConfigured for anything but sqlite:///PATH and postgresql://USER:PASSWORD@HOST:PORT/NAME.
    """
    if not url:
        return _sqlite(data / "db.sqlite3")
    parts = _split("DATABASE_URL", url)
    if parts.scheme == "sqlite" and len(parts.path) > 1:
        return _sqlite(Path(unquote(parts.path[1:])))
    if parts.scheme in _POSTGRES and len(parts.path) > 1:
        return _postgresql(parts)
    raise ImproperlyConfigured(
        "DATABASE_URL must look like postgresql://user:password@host:5432/name or sqlite:////path/to/file; "
        f"this one starts with {parts.scheme or url[:12]!r}."
    )


def redis(url: str, *, socket: Path, password: str) -> str:
    """Return the Redis URL to use: the one given, else that of the embedded server's socket.

    Raises ImproperlyConfigured when the given URL is not of redis://, rediss:// or unix://.
    """
    if not url:
        return f"unix://:{quote(password, safe='')}@{quote(str(socket))}"
    if _split("REDIS_URL", url).scheme not in _REDIS:
        raise ImproperlyConfigured("REDIS_URL must start with redis://, rediss:// or unix://.")
    return url


def broker(redis_url: str) -> str:
    """Return the same server as Celery writes it: unix:// becomes redis+socket://."""
    return redis_url.replace("unix://", "redis+socket://", 1)


def _split(name: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {error}.") from error
    return parts


def _sqlite(path: Path) -> dict[str, Any]:
    """Return SQLite as concurrent writers need it: write-ahead log, full synchronisation, locks taken at BEGIN."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }


def _postgresql(parts: SplitResult) -> dict[str, Any]:
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", unquote(parts.hostname or "")),
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }
