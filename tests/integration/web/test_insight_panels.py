"""Panels of what a target declares: which parameters made the difference, and the best of every kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from improvement import installation
from improvement.models import Candidate, Run, Target, User
from improvement.runner import weighing
from improvement.selectors import importances
from tests import factories as make

Browsers = Callable[[User | None], Client]
SPACE = """
[parameters.rate]
type = "float"
low = 0.0
high = 3.0

[parameters.depth]
type = "int"
low = 1
high = 9
"""
FEATURES = """
[features.program_length]
low = 0
high = 100
cells = 5

[features.score]
low = 1.0
high = 3.0
cells = 4
"""

pytestmark = pytest.mark.django_db


@pytest.fixture
def mallory(signed_in: Browsers) -> Client:
    """A browser of somebody who may only look."""
    return signed_in(make.user("mallory", "viewer"))


def _tuned() -> Run:
    """A run over two parameters, of which the first is the score and the second says nothing."""
    run = make.run(make.target(declares=SPACE))
    Target.objects.update(kind="parameters")
    found = make.measured_candidates(run, *(1.0 + (7 * number % 40) / 20 for number in range(40)))
    for number, candidate in enumerate(found):
        assert candidate.score is not None
        Candidate.objects.filter(pk=candidate.pk).update(values={"rate": candidate.score, "depth": 1 + number % 9})
    return Run.objects.get(pk=run.pk)


def test_what_made_the_difference_is_weighed_by_a_worker_and_shown(mallory: Client) -> None:
    run = _tuned()
    assert "What made the difference" not in mallory.get(f"/runs/{run.pk}/").content.decode()
    assert importances.due(timezone.now()) == [run.pk]

    weighing.weigh(run.pk)

    assert importances.due(timezone.now()) == []
    assert "What made the difference" in mallory.get(f"/runs/{run.pk}/").content.decode()
    lines = b"".join(mallory.get(f"/runs/{run.pk}/panels/importances.csv")).decode().splitlines()
    assert lines[0] == "parameter,share"
    assert [line.partition(",")[0] for line in lines[1:]] == ["rate", "depth"]


def test_parameters_are_weighed_again_when_a_quarter_more_is_measured() -> None:
    run = _tuned()
    weighing.weigh(run.pk)
    make.measured_candidates(run, *(1.001 + number / 1000 for number in range(9)))
    assert importances.due(timezone.now()) == []
    make.measured_candidates(run, 1.5123)
    assert importances.due(timezone.now()) == [run.pk]


def test_nobody_weighs_what_another_process_weighs() -> None:
    run = _tuned()
    with installation.alone_or_not(f"weigh-R-{run.pk}"):
        weighing.weigh(run.pk)
    assert importances.latest(run) is None


def test_the_best_of_every_kind_lead_to_their_candidates(mallory: Client) -> None:
    run = make.run(make.target(declares=FEATURES))
    low, high = make.measured_candidates(run, 1.2, 2.9)
    page = mallory.get(f"/runs/{run.pk}/panels/").content.decode()
    assert "2 of 20 kinds are known" in page
    for candidate in (low, high):
        assert f'href="/candidates/{candidate.pk}/" title="C-{candidate.pk}"' in page
    lines = b"".join(mallory.get(f"/runs/{run.pk}/panels/elites.csv")).decode().splitlines()
    length = sum(map(len, (make.program(2.9), "What came before.\n")))
    assert lines[0] == "candidate,score,program_length,score"
    assert lines[1].startswith(f"C-{high.pk},2.")
    assert f",{length}.0," in lines[1]
