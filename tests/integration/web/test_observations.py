"""Observations over HTTP: tokens, forms, limits, problems by their codes, and what a repetition changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from improvement.exceptions import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn
from improvement.models import ApiToken, AuditEvent, StreamRecord, User
from improvement.services import people, tokens
from improvement.services.actors import human
from tests import factories as make
from tests import streaming
from webapp import heartbeats, throttle

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/targets/flow/observations"


def token(user: User | None = None, *, by: Any = None) -> str:
    user = user or make.user("olga", "operator")
    return tokens.create(user, name="sensor", scopes=["observe"], actor=by or make.alice(), now=timezone.now())


def post(body: Any, *, bearer: str | None, form: str = "application/json", path: str = ADDRESS) -> Any:
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return Client().post(path, text, content_type=form, headers=headers)


def test_observations_are_taken_once_as_array_lines_or_object() -> None:
    streaming.target()
    bearer, values = token(), streaming.observations(4)
    assert post(values[:2], bearer=bearer).json() == {"accepted": 2, "duplicates": 0, "last": 2, "unmatched": []}
    lines = "\n".join(map(json.dumps, values[:3]))
    fed = {"accepted": 1, "duplicates": 2, "last": 3, "unmatched": []}
    assert post(lines, bearer=bearer, form="application/x-ndjson").json() == fed
    answer = post([values[3], {"id": "nobody-knows", "label": "low"}], bearer=bearer)
    assert (answer.status_code, answer.json()["last"], answer.json()["unmatched"]) == (202, 4, ["nobody-knows"])
    assert set(StreamRecord.objects.values_list("source", flat=True)) == {f"token:{ApiToken.objects.get().pk}"}


@pytest.mark.parametrize(
    ("body", "form", "status", "code", "said"),
    [
        ("{", "application/json", 422, "invalid", "is not JSON"),
        (b"\xff", "application/json", 422, "invalid", "not UTF-8"),
        ("[" * 100_000, "application/json", 422, "invalid", "is not JSON"),
        ([], "application/json", 422, "invalid", "no observation"),
        ([{"id": "a"}], "application/json", 422, "invalid", "Observation 1 (a) has neither"),
        ([{"id": "a\0", "label": "low"}], "application/json", 422, "invalid", "Observation 1"),
        ('{"id": "a", "label": "low"}\n{', "application/x-ndjson", 422, "invalid", "Line 2 is not JSON"),
        ("a=b", "application/x-www-form-urlencoded", 415, "unsupported_media_type", "Send application/json"),
        ("[" + " " * 1_000_001 + "]", "application/json", 413, "too_large", "more than 1,000,000 bytes"),
        ("[" + " " * 3_000_000 + "]", "application/json", 413, "too_large", "more than 1,000,000 bytes"),
    ],
    ids=lambda value: None if isinstance(value, str) and len(value) > 99 else str(value)[:30],
)
def test_what_cannot_be_taken_is_a_problem_with_a_code(body: Any, form: str, status: int, code: str, said: str) -> None:
    streaming.target()
    answer = post(body, bearer=token(), form=form)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == code
    assert said in answer.json()["detail"]
    assert not StreamRecord.objects.exists()


def test_one_that_arrived_otherwise_before_refuses_the_whole_request() -> None:
    streaming.target()
    bearer = token()
    post([{"id": "a", "features": {"x": 0.1}, "label": "low"}], bearer=bearer)
    answer = post([{"id": "b", "label": "low"}, {"id": "a", "label": "high"}], bearer=bearer)
    assert (answer.status_code, answer.json()["code"]) == (409, "observation_differs")
    assert StreamRecord.objects.count() == 1


def test_without_a_good_token_nobody_is_let_in() -> None:
    streaming.target()
    good = token()
    for bearer in (None, "countersign_wrong", good + "x"):
        answer = post(streaming.observations(1), bearer=bearer)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    tokens.revoke(ApiToken.objects.get().pk, actor=make.alice(), now=timezone.now())
    assert post(streaming.observations(1), bearer=good).status_code == 401


def test_a_session_does_not_stand_for_a_token() -> None:
    streaming.target()
    browser = Client()
    browser.force_login(make.user("alice"))
    assert browser.post(ADDRESS, "[]", content_type="application/json").status_code == 401


def test_a_token_has_the_rights_of_its_person_and_no_more() -> None:
    streaming.target()
    viewer, operator = token(make.user("mallory", "viewer")), make.user("olga", "operator")
    assert post(streaming.observations(1), bearer=viewer).json()["code"] == "not_allowed"
    bearer = token(operator)
    people.set_active(operator.pk, False, actor=make.alice(), now=timezone.now())
    assert post(streaming.observations(1), bearer=bearer).status_code == 401


def test_a_token_opens_no_page_and_votes_nowhere() -> None:
    bearer = token(make.user("bob", "reviewer"))
    headers = {"Authorization": f"Bearer {bearer}"}
    for path in ("/", "/review/", "/targets/"):
        assert Client().get(path, headers=headers).headers["Location"].startswith("/sign-in/")


def test_an_unknown_target_and_one_without_stream_are_told() -> None:
    make.target()
    bearer = token()
    assert post([], bearer=bearer, path="/api/v1/targets/none/observations").json()["code"] == "not_found"
    answer = post([], bearer=bearer, path="/api/v1/targets/small/observations")
    assert "follows no stream" in answer.json()["detail"]


def test_too_many_requests_are_held_up(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    streaming.target()
    monkeypatch.setattr(throttle, "REQUESTS_A_MINUTE", 2)
    bearer = token()
    heartbeats.connection().delete(f"rate:observe:token:{ApiToken.objects.get().pk}")
    answers = [post(streaming.observations(1), bearer=bearer) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert (answers[2].json()["code"], answers[2].headers["Retry-After"]) == ("rate_limited", "60")


def test_many_wrong_tokens_from_one_address_are_held_up(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    streaming.target()
    monkeypatch.setattr(throttle, "WRONG_TOKENS_A_MINUTE", 2)
    heartbeats.connection().delete("wrong:token:127.0.0.1")
    good = token()
    for bearer, status in ((good, 202), ("wrong", 401), (good, 202), ("wronger", 401), ("wrongest", 429), (good, 429)):
        assert post(streaming.observations(1), bearer=bearer).status_code == status


def test_a_wrong_token_writes_nothing_and_opens_no_transaction() -> None:
    with CaptureQueriesContext(connection) as queries, pytest.raises(NotSignedIn):
        tokens.actor_of("wrong", scope="observe", now=timezone.now())
    assert [query["sql"].partition(" ")[0] for query in queries.captured_queries] == ["SELECT"]


def test_a_token_is_kept_as_a_hash_and_told_of_in_the_trail() -> None:
    text = token()
    row = ApiToken.objects.get()
    assert text not in json.dumps([str(value) for value in vars(row).values()])
    tokens.revoke(row.pk, actor=make.alice(), now=timezone.now())
    events = AuditEvent.objects.filter(type__startswith="token.").order_by("seq")
    assert [event.type for event in events] == ["token.created", "token.revoked"]
    assert all(text.encode() not in bytes(event.body) for event in events)


def test_who_may_make_and_end_tokens() -> None:
    olga, now = make.user("olga", "operator"), timezone.now()
    with pytest.raises(NotAllowed):
        token(olga, by=make.bob())
    token(olga, by=human(olga))
    with pytest.raises(Invalid, match="scopes"):
        tokens.create(olga, name="x", scopes=["vote"], actor=make.alice(), now=now)
    with pytest.raises(Invalid, match="name"):
        tokens.create(olga, name=" ", scopes=["observe"], actor=make.alice(), now=now)
    with pytest.raises(NotFound):
        tokens.revoke(999, actor=make.alice(), now=now)
    tokens.revoke(ApiToken.objects.get().pk, actor=make.alice(), now=now)
    with pytest.raises(Conflict):
        tokens.revoke(ApiToken.objects.get().pk, actor=make.alice(), now=now)
