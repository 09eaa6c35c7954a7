"""Champion and shadow on the same labels: an interval that holds at every look, kept up label by label."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from improvement.engine.confidence_sequence import ConfidenceSequence
from improvement.engine.standing import Standing

SHARES = st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=20)


def alike(seed: int, labels: int) -> ConfidenceSequence | None:
    """Return the first moment at which two equally good rules look different, looking after every label."""
    chance, course = random.Random(seed), ConfidenceSequence()
    for _ in range(labels):
        course = course.taking([float(chance.random() < 0.8) - float(chance.random() < 0.8)])
        if course.interval[1] < 0:
            return course
    return None


def test_of_a_thousand_streams_at_most_one_per_cent_speaks_for_a_rollback_falsely() -> None:
    assert sum(alike(seed, 500) is not None for seed in range(1000)) <= 10


def test_a_rule_that_is_worse_by_twenty_points_is_found_within_the_shadows_time() -> None:
    found = 0
    for seed in range(20):
        chance = random.Random(seed)
        differences = [float(chance.random() < 0.6) - float(chance.random() < 0.8) for _ in range(500)]
        found += ConfidenceSequence().taking(differences).interval[1] < 0
    assert found >= 19


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SHARES, SHARES)
def test_it_goes_on_as_if_it_had_never_been_put_away(first: list[float], then: list[float]) -> None:
    kept = ConfidenceSequence(**ConfidenceSequence().taking(first).as_json())  # type: ignore[arg-type]
    assert kept.taking(then) == ConfidenceSequence().taking([*first, *then])
    low, high = kept.interval
    assert -1.0 <= low <= high <= 1.0


def test_only_labels_that_both_predicted_are_compared_and_each_once() -> None:
    begun = Standing(last=10)
    mine, theirs = {9: True, 11: True, 12: False, 14: True}, {11: False, 12: False, 13: True, 14: True, 15: True}
    once = begun.after(mine, theirs, last=12)
    assert (once.labels, once.champion, once.shadow, once.first, once.last) == (2, 1, 0, 11, 12)
    assert once.after(mine, theirs, last=12) == once
    twice = Standing.from_json(once.as_json()).after(mine, theirs, last=15)
    assert (twice.labels, twice.champion, twice.shadow, twice.first, twice.last) == (3, 2, 1, 11, 15)
    assert twice == begun.after(mine, theirs, last=15)


def test_the_evidence_says_both_shares_and_the_interval_in_per_cent() -> None:
    numbers = range(1, 101)
    standing = Standing(last=0).after(dict.fromkeys(numbers, False), dict.fromkeys(numbers, True), last=100)
    assert standing.regressed
    evidence = standing.evidence()
    assert (evidence["labels"], evidence["champion"], evidence["shadow"]) == (100, "0.0", "100.0")
    assert (evidence["difference"], evidence["low"], evidence["level"]) == ("-100.0", "-100.0", "0.99")
    assert float(evidence["high"]) == pytest.approx(-75, abs=15)
