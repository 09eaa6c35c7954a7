"""Stages and cases in a run of the server: what workers drop, what people see of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from improvement.engine.cascade import read_steps
from improvement.engine.packages import find_builtin
from improvement.models import Evaluation, Run, Target
from improvement.runner.foreground import run_foreground
from improvement.runner.importing import add_target
from improvement.runner.inspecting import inspect
from improvement.services import runs
from tests import factories as make
from tests import trail
from tests.integration.staged_target import write_staged

pytestmark = pytest.mark.django_db


@pytest.fixture
def target(tmp_path: Path, data_directory: Path) -> Target:
    """Give a target with a stage before its full measurement of four cases."""
    return add_target(write_staged(tmp_path / "staged"), name=None, format="auto", actor=make.alice())


def _run(target: Target, *, workers: int) -> Run:
    started = runs.start(
        target_name=target.name,
        package=find_builtin("evolution"),
        budget=24,
        seed=5,
        actor=make.alice(),
        now=timezone.now(),
    )
    return run_foreground(started.pk, workers=workers)


def _found(run: Run) -> list[tuple[object, ...]]:
    rows = Evaluation.objects.filter(run=run, stage="measure", candidate__isnull=False).order_by("candidate__number")
    return list(
        rows.values_list("candidate__number", "candidate__patch_digest", "outcome", "candidate__score", "message")
    )


def test_dropped_candidates_count_as_measured_and_are_never_nominated(target: Target) -> None:
    run = _run(target, workers=2)
    rows = Evaluation.objects.filter(run=run, stage="measure", candidate__isnull=False)
    dropped = rows.filter(outcome="dropped").select_related("candidate")
    assert 0 < dropped.count() == run.dropped < run.evaluations == rows.count() == 24
    for row in dropped:
        assert (row.candidate.state, row.candidate.score, row.candidate.message) == ("measured", None, row.message)
        assert row.message.startswith("Dropped ")
        assert not row.candidate.evidence.exists()
    assert {len(read_steps(row.steps)) for row in rows.filter(outcome="ok")} == {2}
    confirmed = Evaluation.objects.filter(run=run, stage__in=["confirm", "holdout"])
    assert confirmed.exists()
    assert not confirmed.filter(outcome="dropped").exists()
    trail.assert_holds()


def test_one_worker_and_two_drop_the_same_candidates(target: Target) -> None:
    alone, together = (_found(_run(target, workers=workers)) for workers in (1, 2))
    assert alone == together
    assert "dropped" in {outcome for _, _, outcome, *_ in alone}


def test_the_page_of_a_candidate_says_which_stages_it_passed(target: Target, client: Client) -> None:
    run = _run(target, workers=2)
    client.force_login(make.user("alice"))
    early = Evaluation.objects.filter(run=run, message__startswith="Dropped at stage quick").first()
    whole = Evaluation.objects.filter(run=run, stage="measure", outcome="ok", candidate__isnull=False).first()
    assert early is not None
    assert whole is not None
    shown = client.get(f"/candidates/{early.candidate_id}/?tab=evidence").content.decode()
    assert early.message in shown
    assert "Dropped here" in shown
    shown = client.get(f"/candidates/{whole.candidate_id}/?tab=evidence").content.decode()
    assert ("Passed" in shown, "4 of 4" in shown) == (True, True)


def test_target_check_says_what_each_stage_needs(target: Target) -> None:
    checks = {check.name: check for check in inspect(target).checks}
    assert (checks["stages"].ok, checks["stages"].detail) == (True, "quick needs -10")
