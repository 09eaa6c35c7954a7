"""Events say what their type requires, in one plain sentence each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improvement.exceptions import LedgerError
from improvement.ledger.event import compose, decimal_text, is_person, sentence, timestamp
from improvement.ledger.event_types import EVENT_TYPES
from improvement.states import CANDIDATE_TRANSITIONS, RUN_TRANSITIONS
from tests.unit.ledger.story import LOG, SYSTEM, commit, digest, person

TS = "2026-05-01T12:00:00.000000Z"
ABOUT: dict[str, Any] = {
    "subject": {"kind": "candidate", "id": "C-12", "patch_sha256": digest("patch"), "base": commit("start")},
    "context": {
        "target": "circle-packing", "run": "R-7", "evidence_sha256": digest("evidence"), "preset": "team",
        "policy_version": 1, "policy_sha256": digest("policy"),
    },
}  # fmt: skip


def make(type: str, actor: dict[str, Any] = SYSTEM, **parts: Any) -> dict[str, Any]:
    return compose(seq=4, log=LOG, ts=TS, type=type, actor=actor, **parts)


def vote(**data: Any) -> dict[str, Any]:
    data = {"verdict": "approve", "reason": "Read.", "self_countersigned": False, "via": "web"} | data
    return make("review.voted", person("bob"), **ABOUT, data=data)


def test_an_event_has_every_part() -> None:
    event = make("run.started", subject={"kind": "run", "id": "R-7"})
    assert event == {
        "v": 1, "seq": 4, "log": LOG, "ts": TS, "type": "run.started", "actor": SYSTEM,
        "subject": {"kind": "run", "id": "R-7"}, "context": {}, "data": {}, "refs": [], "payloads": [],
    }  # fmt: skip


def test_an_event_keeps_nothing_of_what_it_was_made_from() -> None:
    subject = {"kind": "run", "id": "R-7"}
    event = make("run.started", subject=subject)
    subject["id"] = "R-8"
    assert event["subject"]["id"] == "R-7"


def test_every_transition_has_a_type_of_event() -> None:
    used = {row.audit for table in (CANDIDATE_TRANSITIONS, RUN_TRANSITIONS) for row in table.values()}
    assert used <= EVENT_TYPES.keys()


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_type_tells_its_sentence_once_it_has_what_it_requires(name: str) -> None:
    kind = EVENT_TYPES[name]
    filled = {key: digest(key) if key.endswith("sha256") else f"<{key}>" for key in (*kind.data, *kind.fields)}
    filled.update(required=2, approvals=[], verdict="approve", via="web", self_countersigned=False)
    subject = {"kind": "thing", "id": "X-1"} | {key: digest(key) for key in kind.subject}
    context = {key: digest(key) for key in kind.context}
    event = make(name, person("alice"), subject=subject, context=context, data=filled)
    told = sentence(event)
    assert told[0].isupper() or told.startswith("X-1")
    assert not {"{", "}", "(not stated)"} & set(told.split())


def test_what_the_loop_records_is_never_what_only_people_do() -> None:
    of_the_loop = {name for name, kind in EVENT_TYPES.items() if kind.by_loop}
    assert {"generation.proposed", "evidence.recorded", "review.opened"} <= of_the_loop
    assert not {name for name in of_the_loop if EVENT_TYPES[name].people_only}


@pytest.mark.parametrize("name", [name for name, kind in EVENT_TYPES.items() if kind.people_only])
def test_what_only_people_do_is_refused_to_everybody_else(name: str) -> None:
    for actor in (SYSTEM, {"kind": "token", "id": "user:bob"}, {"kind": "human", "id": "worker:1"}):
        with pytest.raises(LedgerError, match="only a person may do this"):
            make(name, actor, **ABOUT)


@pytest.mark.parametrize(
    ("told", "data"),
    [
        ("Bob approved C-12: Read.", {}),
        ("Bob rejected C-12: Read.", {"verdict": "reject"}),
        ("Bob asked for changes to C-12: Read.", {"verdict": "request_changes"}),
        ("Bob abstained on C-12: Read.", {"verdict": "abstain"}),
        ("Bob approved C-12: Read. (self-countersigned)", {"self_countersigned": True}),
        ("Bob approved C-12: Read. (by command line)", {"via": "command line"}),
        ("Bob approved C-12: {actor}", {"reason": "{actor}"}),
    ],
)
def test_a_vote_reads_as_a_sentence(told: str, data: dict[str, Any]) -> None:
    assert sentence(vote(**data)) == told


def test_a_stored_event_with_a_gap_still_reads() -> None:
    event = {"type": "run.failed", "actor": SYSTEM, "subject": {"kind": "run", "id": "R-7"}}
    assert sentence(event) == "R-7 failed: (not stated)"


def without(part: str, key: str) -> dict[str, Any]:
    return ABOUT | {part: {name: value for name, value in ABOUT[part].items() if name != key}}


@pytest.mark.parametrize(
    ("attempt", "complaint"),
    [
        (lambda: make("release.forced", **ABOUT), "'release.forced' is not a type"),
        (lambda: make("run.started", subject={"kind": "run"}), "the subject needs a kind and an id"),
        (lambda: make("run.started", {"kind": "robot", "id": "x"}, **ABOUT), "the actor needs an id and a kind"),
        (lambda: make("run.started", {"kind": "human", "id": ""}, **ABOUT), "the actor needs an id and a kind"),
        (lambda: make("run.failed", subject={"kind": "run", "id": "R-7"}), "data.reason is missing"),
        (lambda: make("review.opened", **without("subject", "patch_sha256")), "subject.patch_sha256 is missing"),
        (lambda: make("review.opened", **without("context", "policy_sha256")), "context.policy_sha256 is missing"),
        (lambda: make("review.opened", **ABOUT, data={"tier": "low", "required": 0}), "at least one"),
        (lambda: vote(verdict="maybe"), "the verdict is one of"),
        (lambda: vote(via="post"), "via one of"),
        (lambda: vote(photo_sha256="0"), "data.photo_sha256 is not a SHA-256"),
        (lambda: make("run.started", **ABOUT, payloads=[{"name": "log"}]), "payload sha256 is not a SHA-256"),
        (
            lambda: make(
                "release.done", **ABOUT,
                data={"commit": "c", "tree": "t", "previous": "p", "approvals": [{"user": "user:1"}]},
            ),
            "each approval names its user",
        ),
        (
            lambda: make(
                "rollback.done", person("alice"), subject={"kind": "target", "id": "t"},
                data={"commit": "c", "tree": "t", "previous": "p", "to": "o", "reason": " "},
            ),
            "a rollback needs a reason",
        ),
    ],
)  # fmt: skip
def test_an_event_that_lacks_something_is_refused(attempt: Any, complaint: str) -> None:
    with pytest.raises(LedgerError) as refused:
        attempt()
    assert complaint in refused.value.message


def test_a_person_is_a_user_however_they_came() -> None:
    assert is_person(person("bob"))
    assert is_person(person("bob", "command line"))
    assert not is_person(SYSTEM)


def test_a_timestamp_is_utc_with_microseconds_and_fixed_width() -> None:
    east = timezone(timedelta(hours=2))
    assert timestamp(datetime(2026, 5, 1, 14, 0, 0, 5, tzinfo=east)) == "2026-05-01T12:00:00.000005Z"
    assert timestamp(datetime(985, 5, 1, tzinfo=UTC)) == "0985-05-01T00:00:00.000000Z"


def test_a_timestamp_without_zone_is_refused() -> None:
    with pytest.raises(LedgerError, match="time zone"):
        timestamp(datetime(2026, 5, 1, 14))  # noqa: DTZ001


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_timestamps_sort_as_times_do(one: datetime, other: datetime) -> None:
    assert (timestamp(one) < timestamp(other)) == (one < other)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decimal_text_reads_back_as_the_same_number(value: float) -> None:
    text = decimal_text(value)
    assert float(text) == value
    assert "e" not in text.lower()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(LedgerError, match="finite number"):
        decimal_text(value)
