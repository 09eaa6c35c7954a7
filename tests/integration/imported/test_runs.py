"""Imported tasks from the archive to the gate: a zip is taken in, a run on it has canaries and goes on."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from improvement.engine.canary import BASELINES
from improvement.engine.packages import find_builtin
from improvement.models import Candidate, Evaluation, Run, Target
from improvement.runner import importing
from improvement.runner.foreground import run_foreground
from improvement.services import runs, targets
from tests import factories as make
from tests.integration.imported.tasks import COARSE, SEARCH

pytestmark = pytest.mark.django_db


def _imported(files: dict[str, str], fmt: str) -> Target:
    """Import a zip as somebody does in the browser."""
    uploads = Path(settings.COUNTERSIGN_DATA) / "uploads"
    uploads.mkdir(exist_ok=True)
    archive = uploads / "1-steps.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path, text in files.items():
            packed.writestr(f"steps/{path}", text)
    asked = targets.request_import_of_upload(
        archive=str(archive), name="", format=fmt, actor=make.alice(), now=timezone.now()
    )
    importing.import_asked(asked.pk)
    asked.refresh_from_db()
    assert asked.target is not None, asked.message
    return asked.target


def _run(target: Target, budget: int) -> Run:
    started = runs.start(
        target_name=target.name,
        package=find_builtin("evolution"),
        budget=budget,
        seed=5,
        actor=make.alice(),
        now=timezone.now(),
    )
    return run_foreground(started.pk, workers=2)


@pytest.mark.parametrize("fmt", ["auto", "shinka"])
def test_a_zip_of_a_shinka_task_becomes_a_target(data_directory: Path, fmt: str) -> None:
    target = _imported({"evaluate.py": SEARCH, "initial.py": COARSE}, fmt)
    assert (target.name, target.format, target.isolation) == ("steps", "shinka", "cooperative")


def test_a_run_is_measured_with_canaries_before_its_first_candidate_and_before_each_nomination(
    data_directory: Path,
) -> None:
    target = _imported({"evaluate.py": SEARCH, "initial.py": COARSE}, "auto")

    run = _run(target, 24)

    assert run.state in {"completed", "parked"}, run.wait_reason
    canaries = Evaluation.objects.filter(run=run, stage="screen", candidate=None, subject=None).order_by("pk")
    assert {row.score for row in canaries} == {run.start_score}
    assert [row.index for row in canaries][:BASELINES] == [0] * BASELINES
    nominated = Candidate.objects.filter(run=run, evidence__isnull=False).exists()
    assert nominated is (len(canaries) > BASELINES)
