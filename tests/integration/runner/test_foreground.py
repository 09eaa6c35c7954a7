"""The loop without a server: with one worker or two the same, and waiting for people as the policy says."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from improvement.engine.packages import find_builtin
from improvement.models import Candidate, Run, Target
from improvement.runner.foreground import run_foreground
from improvement.runner.importing import add_target
from improvement.services import policies, runs
from tests import factories as make
from tests import trail
from tests.integration.commands.console import write_task

pytestmark = pytest.mark.django_db

Found = list[tuple[int, str, str, float | None]]


@pytest.fixture
def target(tmp_path: Path, data_directory: Path) -> Target:
    """Give a target whose evaluator really runs."""
    return add_target(write_task(tmp_path / "parabola"), name=None, format="auto", actor=make.alice())


def start(target: Target, *, strategy: str = "evolution", budget: int = 24) -> Run:
    """Start a run; the same seed always."""
    return runs.start(
        target_name=target.name,
        package=find_builtin(strategy),
        budget=budget,
        seed=5,
        actor=make.alice(),
        now=timezone.now(),
    )


def found_with(target: Target, strategy: str, *, workers: int) -> Found:
    """Return what a whole run proposed and measured: number, patch, files, score."""
    run = run_foreground(start(target, strategy=strategy).pk, workers=workers)
    assert run.state in {"completed", "parked"}, run.wait_reason
    rows = Candidate.objects.filter(run=run).order_by("number")
    return [(row.number, row.patch_digest, row.files_id, row.score) for row in rows]


@pytest.mark.parametrize("strategy", ["evolution", "parameters"])
def test_one_worker_and_two_find_the_same_candidates_and_scores(target: Target, strategy: str) -> None:
    alone, together = (found_with(target, strategy, workers=workers) for workers in (1, 2))
    assert alone == together
    assert len(alone) > 12


def choose(when_waiting: str) -> None:
    """Put the policy into force that lets runs explore or park while a review is open."""
    policies.choose_preset("solo", when_waiting=when_waiting, actor=make.alice(), reason="so", now=timezone.now())


def test_a_run_goes_on_exploring_while_a_review_is_open(target: Target) -> None:
    choose("explore")
    run = run_foreground(start(target, budget=60).pk, workers=2)
    assert (run.state, run.evaluations) == ("parked", 60)


def test_a_run_waits_for_its_open_review_where_the_policy_says_so_and_goes_on_after_it(target: Target) -> None:
    choose("park")
    run = run_foreground(start(target, budget=60).pk, workers=2)
    assert (run.state, run.wait_reason) == ("parked", "waits for its open reviews")
    before = run.evaluations
    assert before < 60
    assert run_foreground(run.pk, workers=2).evaluations == before
    make.vote(Candidate.objects.get(run=run, state="in_review"), make.alice(), "reject", reason="too clever")
    again = run_foreground(run.pk, workers=2)
    assert again.evaluations > before
    assert "run.resumed" in trail.kinds_since(0)
    trail.assert_holds()
