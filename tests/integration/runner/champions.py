"""A target whose next champion is approved, and where it stands."""

from __future__ import annotations

import pytest

from improvement.models import Candidate, Release, Target
from improvement.runner import confirming, releasing
from improvement.runner.repositories import repository
from tests import factories as make


def approved(value: float = 2.0) -> tuple[Target, Candidate, Release]:
    """Return a target, its candidate that alice approved under ``solo``, and the release to be carried out."""
    target = make.target()
    candidate = make.reviewed_candidate(make.run(target), value)
    make.vote(candidate, make.alice())
    return target, candidate, make.intended_release(target)


def approved_by_bob() -> tuple[Target, Candidate, Release]:
    """Return a target, its candidate that bob approved under ``team``, and the release to be carried out."""
    bob, target = make.bob(), make.target()
    make.follow("team")
    candidate = make.reviewed_candidate(make.run(target))
    make.vote(candidate, bob)
    return target, candidate, make.intended_release(target)


def released() -> tuple[Target, Candidate]:
    """Return a target whose champion is a released candidate."""
    target, candidate, release = approved()
    releasing.finish_release(release.pk)
    target.refresh_from_db()
    return target, candidate


def stale_candidates(*values: float) -> tuple[Target, list[Candidate]]:
    """Return a target whose champion just moved to 2.0, and candidates of runs of their own that went stale by it."""
    target = make.target()
    runs = [make.run(target, seed=seed) for seed in range(1, len(values) + 2)]
    winner, *others = (make.reviewed_candidate(run, value) for run, value in zip(runs, (2.0, *values), strict=True))
    make.vote(winner, make.alice())
    releasing.finish_release(make.intended_release(target).pk)
    assert make.values(others) == ["stale"] * len(values)
    return target, others


def begin(release: Release) -> str:
    """Make and record the commit of a release, and move nothing."""
    return releasing._begin(release, repository(release.target.name))


def confirmed_again(candidate: Candidate) -> Candidate:
    """Place a stale candidate on the champion and confirm it."""
    confirming.confirm_again(candidate.pk)
    return make.settle(candidate)


def assert_champion_is(target: Target, commit: str, score: float) -> None:
    """Check that database and repository agree on the champion."""
    target.refresh_from_db()
    assert (target.champion_commit, repository(target.name).head()) == (commit, commit)
    assert target.champion_score == pytest.approx(score, abs=5 * make.NOISE)
