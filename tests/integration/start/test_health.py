"""What every answer tells the browser, and what the health pages say without signing in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from improvement.models import Target
from improvement.runner import ticking
from tests import by_hand
from tests import factories as make
from webapp import heartbeats


def test_every_answer_tells_the_browser_to_load_and_send_nothing_elsewhere(client: Client) -> None:
    headers = client.get("/healthz").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert {name: headers[name] for name in ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy")} == {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
    }
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_a_host_that_is_not_ours_is_refused(client: Client) -> None:
    assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 400


def test_a_page_that_nobody_declared_open_asks_to_sign_in(client: Client) -> None:
    answer = client.get("/audit/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in/?next=/audit/")


@pytest.mark.django_db
def test_ready_when_database_redis_and_every_worker_answer(
    client: Client, redis_url: str, data_directory: Path, nothing_enqueued: None
) -> None:
    for name in ("control@here", "evaluations@here", heartbeats.BEAT):
        heartbeats.record(name)
    answer = client.get("/readyz")
    said = json.loads(answer.content)
    assert (answer.status_code, said["ready"], said["degraded"]) == (200, True, False)
    make.target()
    by_hand.forge_head(Target.objects.get())
    ticking.tick()
    answer = client.get("/readyz")
    said = json.loads(answer.content)
    assert (answer.status_code, said["ready"], said["degraded"]) == (200, True, True)
    assert said["branches"]["detail"] == "the branch of 1 target was moved by hand; the target's page says what to do"
    heartbeats.forget("evaluations@here")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert json.loads(answer.content)["workers"] == {"ok": False, "detail": "not heard of: evaluations"}


@pytest.mark.django_db
def test_not_ready_without_the_message_server_and_no_address_is_told(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    heartbeats.connection.cache_clear()
    answer = client.get("/readyz")
    heartbeats.connection.cache_clear()
    assert answer.status_code == 503
    assert json.loads(answer.content)["redis"] == {"ok": False, "detail": redis.ConnectionError.__name__}
    assert b"nowhere" not in answer.content


def test_cookies_are_for_https_only_when_there_is_https() -> None:
    assert settings.SESSION_COOKIE_SECURE is settings.CSRF_COOKIE_SECURE is settings.HTTPS is False
    assert settings.SESSION_COOKIE_HTTPONLY is True


def test_static_files_are_answered_with_the_headers_of_pages(
    client: Client, tmp_path: Path, settings: Settings
) -> None:
    settings.STATIC_ROOT = tmp_path
    (tmp_path / "some.js").write_text("1;")
    page, file = client.get("/healthz").headers, Client().get("/static/some.js").headers
    assert file["Content-Type"].startswith("text/javascript")
    for name in ("Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"):
        assert file[name] == page[name]
