"""What the database says beside the log: columns, policy texts and champions that differ from it are found."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from improvement.models import PolicyVersion, Target
from improvement.runner import releasing
from improvement.selectors import audit as read
from improvement.selectors import records
from improvement.services import audit, trail
from tests import factories as make
from tests import log_triggers
from tests import trail as the_trail
from tests.integration.commands.console import said

pytestmark = pytest.mark.django_db


@pytest.fixture
def target() -> Target:
    """Give a target whose champion was released, under the second version of the policy."""
    make.follow("team")
    make.follow("solo")
    target = make.target()
    make.vote(make.reviewed_candidate(make.run(target)), make.alice())
    releasing.finish_release(make.intended_release(target).pk)
    releasing.finish_release(make.ordered_takeover(target, {"NOTES": b"Elsewhere.\n"}).pk)
    target.refresh_from_db()
    assert records.problems() == []
    return target


def tamper(statement: str, *parameters: object) -> None:
    """Change a row as somebody can who owns the database."""
    with log_triggers.away(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def problems() -> tuple[str, ...]:
    """Return what the verification of the whole log finds."""
    return trail.verify_log(now=timezone.now()).problems


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("type", "run.stopped"),
        ("actor", "mallory"),
        ("subject", "C-99"),
        ("ts", "2020-01-01T00:00:00.000000Z"),
        ("run_id", 77),
        ("target", "other"),
    ],
)
def test_an_index_column_that_differs_from_its_body(target: Target, column: str, value: object) -> None:
    tamper(f"UPDATE improvement_auditevent SET {column} = %s WHERE seq = 1", value)
    (found,) = problems()
    assert found.startswith(f"event 1: its column {column} says {value!r}, but its body says ")


def test_a_leaf_that_is_not_the_hash_of_its_body(target: Target) -> None:
    tamper("UPDATE improvement_auditevent SET leaf = %s WHERE seq = 1", b"0" * 32)
    assert problems() == ("event 1: its column leaf is not the hash of its body.",)


def test_a_body_stored_as_text_is_a_problem_and_not_a_crash(target: Target) -> None:
    rewrite = "UPDATE improvement_auditevent SET body = CAST(body AS TEXT) WHERE seq = 1"
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError), transaction.atomic():
            tamper(rewrite)
        return
    tamper(rewrite)
    assert problems() == ("event 1: its body is stored as text, not as the bytes that were hashed.",)
    assert read.check_quickly() == the_trail.size()
    client = Client()
    client.force_login(make.user("alice"))
    assert "stored as text" in client.post("/audit/verify/").content.decode()


def one_event(kind: object, data: dict[str, object], **parts: dict[str, object]) -> bytes:
    """Return the body of an event as somebody may write it past the program."""
    return json.dumps({"type": kind, "actor": {}, "subject": {}, "context": {}, **parts, "data": data}).encode()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (one_event("run.queued", {}, context={"run": "R-"}), "column leaf"),
        (one_event("run.queued", {}, context={"run": "12"}), "says 'run.queued'"),
        (one_event("target.added", {"champion": 7}), "target None"),
        (one_event("policy.changed", {"version": [1]}), "version is [1], not a number"),
        (one_event("policy.changed", {"version": "one"}), "version is 'one', not a number"),
        (one_event(["policy.changed"], {}), "column type"),
        (one_event("target.added", {"champion": "\ud800"}, context={"target": "\ud800"}), "\\ud800"),
        (b"[" * 100_000, "column leaf"),
    ],
)
def test_an_event_of_any_shape_is_a_problem_and_not_a_crash(target: Target, body: bytes, problem: str) -> None:
    tamper("UPDATE improvement_auditevent SET body = %s WHERE seq = 2", body)
    assert any(problem in one for one in records.problems())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["run", "target", "id", "name", "version", "champion", "commit"])
PART = st.dictionaries(NAMES, JSON | st.sampled_from(["R-", "R-7", "12", "R-²"]), max_size=5) | JSON
KINDS = st.sampled_from(["policy.changed", "target.added", "release.done", "run.queued"]) | JSON
EVENTS = st.fixed_dictionaries({"type": KINDS, "actor": PART, "subject": PART, "context": PART, "data": PART})


@given(told=EVENTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_event_makes_the_check_crash(target: Target, told: dict[str, Any]) -> None:
    tamper("UPDATE improvement_auditevent SET body = %s WHERE seq = 2", json.dumps(told).encode())
    assert "event 2: its column leaf is not the hash of its body." in records.problems()


def test_a_policy_that_is_not_the_recorded_one(target: Target) -> None:
    loose = PolicyVersion.objects.earliest("version")
    PolicyVersion.objects.filter(pk=loose.pk).update(text=loose.text + "\n")
    assert problems() == ("version 1 of the policy: its stored text is not the one that the log names.",)


def test_a_policy_that_nobody_put_in_force(target: Target) -> None:
    newest = PolicyVersion.objects.latest("version")
    PolicyVersion.objects.filter(pk=newest.pk).update(version=newest.version + 1)
    assert problems() == (
        f"version {newest.version + 1} of the policy is in the database, but the log does not tell of it.",
        f"version {newest.version} of the policy is in the log, but no longer in the database.",
    )


def test_a_champion_that_no_release_made(target: Target) -> None:
    champion = target.champion_commit
    Target.objects.filter(pk=target.pk).update(champion_commit="f" * 40)
    difference = f"target small: its champion in the database is fffffffff, but in the log it is {champion[:9]}."
    assert problems() == (difference,)


def test_the_command_verifies_this_installation(target: Target) -> None:
    holds = said("audit", "verify")
    assert (holds["ok"], holds["problems"], holds["size"]) == (True, [], the_trail.size())
    Target.objects.filter(pk=target.pk).update(champion_commit="f" * 40)
    with pytest.raises(SystemExit):
        said("audit", "verify")


def test_the_whole_log_is_checked_against_a_key_and_a_checkpoint_that_were_kept(target: Target) -> None:
    kept, other = audit.sign_head(now=timezone.now()).text, audit.signing_key().vkey.replace("countersign", "another")
    assert trail.verify_log(now=timezone.now(), key=audit.signing_key().vkey, kept=[kept]).ok
    assert not trail.verify_log(now=timezone.now(), key=other).ok
