"""From URLs to what Django, Celery and Redis want."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from webapp import addresses

DATA = Path("/data")


def test_no_url_means_sqlite_with_locks_taken_at_begin() -> None:
    assert addresses.database("", data=DATA) == {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": "/data/db.sqlite3",
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }


def test_sqlite_url_names_a_file() -> None:
    assert addresses.database("sqlite:////var/my%20db", data=DATA)["NAME"] == "/var/my db"


def test_postgresql_url_in_full() -> None:
    assert addresses.database("postgres://al%40ice:p%2Fw@db.example:5433/name?sslmode=require", data=DATA) == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "name",
        "USER": "al@ice",
        "PASSWORD": "p/w",
        "HOST": "db.example",
        "PORT": "5433",
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"sslmode": "require"},
    }


def test_postgresql_on_a_socket() -> None:
    found = addresses.database("postgresql://me@/name?host=/run/pg", data=DATA)
    assert (found["HOST"], found["PORT"], found["OPTIONS"]) == ("/run/pg", "", {})


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://host", "sqlite://", "nonsense", "postgresql://h:x/y"])
def test_other_database_urls_are_refused_without_repeating_a_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"DATABASE_URL (must look like|cannot be read)"):
        addresses.database(url, data=DATA)


@given(st.text(st.characters(exclude_categories=["C"]), min_size=1))
def test_embedded_redis_url_carries_any_password_and_path(password: str) -> None:
    url = addresses.redis("", socket=Path("/run/a b/v.sock"), password=password)
    found = redis.connection.parse_url(url)
    assert (found["password"], found["path"]) == (password, "/run/a b/v.sock")
    assert unquote(addresses.broker(url)) == f"redis+socket://:{password}@/run/a b/v.sock"


def test_given_redis_url_is_used_as_it_is() -> None:
    url = "rediss://:secret@redis.example:6380/2"
    assert addresses.redis(url, socket=Path("/x"), password="y") == url
    assert addresses.broker(url) == url


def test_other_redis_urls_are_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"REDIS_URL must start with"):
        addresses.redis("amqp://localhost", socket=Path("/x"), password="y")
