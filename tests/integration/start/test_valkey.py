"""The embedded server as the product configures it."""

from __future__ import annotations

import stat

import pytest
import redis
from django.conf import settings

from webapp import heartbeats
from webapp.celery import app


def test_the_server_wants_the_password(redis_url: str) -> None:
    without = redis_url.replace(settings.DATA.secret("redis_password"), "guess")
    with redis.Redis.from_url(without) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_only_the_owner_reaches_socket_and_configuration(redis_url: str) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in settings.DATA.run.glob("valkey.*")}
    assert {name: oct(mode) for name, mode in modes.items()} == {"valkey.sock": "0o600", "valkey.conf": "0o600"}


def test_nothing_is_written_to_disk(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("appendonly") == {"appendonly": "no"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_celery_reaches_the_same_server(redis_url: str) -> None:
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1)
        assert connection.connected


def test_heartbeats_are_heard_until_they_are_taken_back(redis_url: str) -> None:
    heartbeats.record("control@here")
    assert "control@here" in heartbeats.alive()
    heartbeats.forget("control@here")
    assert "control@here" not in heartbeats.alive()
