"""What a person waits for is not measured while everything is stopped."""

from __future__ import annotations

import pytest
from django.utils import timezone

from improvement.engine.measurement import Stage
from improvement.exceptions import Halted
from improvement.runner.measuring import measure_now
from improvement.selectors.targets import task_at
from improvement.services import halt
from tests import factories as make

pytestmark = pytest.mark.django_db


def test_halted_installation_measures_nothing_for_a_command() -> None:
    target = make.target()
    task = task_at(target.name, target.champion_commit)
    halt.halt(actor=make.alice(), reason="drill", now=timezone.now())

    with pytest.raises(Halted, match="Everything is stopped"):
        measure_now(task, task.editable, stage=Stage.MEASURE, seed=1)
