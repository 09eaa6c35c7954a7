"""The envelope: which new evidence an old vote still accepts."""

from __future__ import annotations

import pytest

from improvement.engine.evidence import Envelope, build, envelope_around, envelope_contains, payload_inside
from improvement.exceptions import Invalid
from tests.unit.engine.loop_factories import material, pairs

WORSE_ON_HOLDOUT = pairs([1.9, 2.2, 2.0], [2.0, 2.2, 2.1])


def test_envelope_around_confirmed_evidence_accepts_it() -> None:
    evidence = build(material())
    envelope = envelope_around(evidence)
    assert envelope == Envelope("score", pytest.approx(2.6 / 6), True)
    assert envelope is not None
    assert envelope_contains(envelope, evidence)


def test_envelope_around_unconfirmed_evidence_is_none() -> None:
    assert envelope_around(build(material(confirm=pairs([1.0] * 8, [1.0] * 8)))) is None


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        ({}, True),
        ({"confirm": pairs([1.6] * 8, [1.0] * 8)}, True),
        ({"confirm": pairs([1.4] * 8, [1.0] * 8)}, False),
        ({"confirm": pairs([1.0] * 8, [2.0] * 8)}, False),
        ({"confirm": pairs([2.0] * 7 + [None], [1.0] * 8)}, False),
        ({"holdout": WORSE_ON_HOLDOUT}, False),
        ({"required_level": 4}, False),
    ],
)
def test_envelope_contains(change: dict[str, object], accepted: bool) -> None:
    assert envelope_contains(Envelope("score", 0.5, True), build(material(**change))) is accepted


def test_envelope_contains_holdout_only_when_asked() -> None:
    worse = build(material(holdout=WORSE_ON_HOLDOUT))
    assert envelope_contains(Envelope("score", 0.5, False), worse)


def test_envelope_other_metric_not_accepted() -> None:
    assert not envelope_contains(Envelope("speed", 0.1, False), build(material()))


def test_envelope_read_back_is_the_same() -> None:
    envelope = Envelope("score", 0.1 + 0.2, True)
    assert Envelope.read(envelope.as_json()) == envelope


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"metric": "score", "low": "0", "holdout_not_worse": True},
        {"metric": "score", "low": "-1", "holdout_not_worse": True},
        {"metric": "score", "low": "nan", "holdout_not_worse": True},
        {"metric": "score", "low": "inf", "holdout_not_worse": True},
        {"metric": "score", "low": "1", "holdout_not_worse": "yes"},
    ],
)
def test_envelope_read_nonsense_refused(bad: dict[str, object]) -> None:
    with pytest.raises(Invalid, match="envelope"):
        Envelope.read(bad)


def test_payload_inside_as_stored() -> None:
    envelope, payload = Envelope("score", 0.5, True).as_json(), build(material()).payload
    assert payload_inside(envelope, payload)
    assert not payload_inside({**envelope, "low": "0.95"}, payload)


def test_payload_inside_unreadable_accepts_nothing() -> None:
    envelope, payload = Envelope("score", 0.5, True).as_json(), build(material()).payload
    assert not payload_inside({}, payload)
    assert not payload_inside(envelope, {})
