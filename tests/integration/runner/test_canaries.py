"""What a run started from is measured again now and then; a score that is not the known one holds the run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from improvement.engine.measurement import Measurement
from improvement.models import Evaluation, Run
from improvement.runner import advancing, canaries
from improvement.services import runs
from improvement.services.evaluations import Order
from tests import factories as make
from tests import trail

pytestmark = pytest.mark.django_db


@pytest.fixture
def cooperative(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a run on a target whose programs share a process with their scoring."""
    lines = '[evaluate]\nisolation = "cooperative"\nprotocol = "openevolve"'
    monkeypatch.setattr(make, "MANIFEST", make.MANIFEST.replace("[evaluate]", lines))
    return make.run()


def _scored(score: float) -> Callable[[Order], Measurement]:
    return lambda order: make.ok(score)


def _again(run: Run, *, evaluations: int = 0, nominating: bool = False) -> bool:
    if evaluations:
        Run.objects.filter(pk=run.pk).update(evaluations=evaluations)
    return canaries.hold_up(Run.objects.select_related("target").get(pk=run.pk), nominating=nominating)


def _begun(run: Run) -> None:
    assert _again(run)
    assert make.answer_all(_scored(make.START)) == 3
    assert not _again(run)


def test_a_run_with_canaries_that_sing_goes_on(cooperative: Run) -> None:
    _begun(cooperative)
    assert not _again(cooperative, evaluations=49)
    assert _again(cooperative, evaluations=50)
    assert make.answer_all(_scored(make.START)) == 1
    assert not _again(cooperative, nominating=True)
    assert _again(cooperative, evaluations=51, nominating=True)


@pytest.mark.parametrize("died", [lambda order: make.ok(1.5), lambda order: make.failed()])
def test_a_run_is_held_when_a_canary_dies(cooperative: Run, died: Callable[[Order], Measurement]) -> None:
    _begun(cooperative)
    assert _again(cooperative, evaluations=7, nominating=True)
    make.answer_all(died)

    assert _again(cooperative)

    held = Run.objects.get(pk=cooperative.pk)
    assert held.state == "paused"
    assert "the program it started from was measured again and " in held.wait_reason
    assert held.wait_reason.endswith("resume the run when that is undone, or stop it")
    trail.assert_holds()


def test_a_held_run_goes_on_when_somebody_lets_it_and_the_canary_sings_again(cooperative: Run) -> None:
    _begun(cooperative)
    _again(cooperative, evaluations=7, nominating=True)
    make.answer_all(_scored(1.5))
    _again(cooperative)
    assert make.answer_all(_scored(make.START)) == 1
    runs.resume(cooperative.pk, actor=make.alice(), now=timezone.now())

    assert not _again(cooperative)


def test_a_target_that_is_scored_apart_needs_none() -> None:
    assert not _again(make.run(), evaluations=500, nominating=True)
    assert not Evaluation.objects.filter(stage="screen").exists()


def test_advancing_a_run_orders_canaries_and_holds_it(cooperative: Run) -> None:
    for evaluations, score in ((0, make.START), (60, 1.5)):
        Run.objects.filter(pk=cooperative.pk).update(evaluations=evaluations)
        advancing.advance(cooperative.pk, worker="here")
        assert make.answer_all(_scored(score)) > 0

    advancing.advance(cooperative.pk, worker="here")

    held = Run.objects.get(pk=cooperative.pk)
    assert (held.state, "scored 1.5 instead of 1" in held.wait_reason) == ("paused", True)
