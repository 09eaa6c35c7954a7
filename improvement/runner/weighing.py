"""Weighing the parameters of a run, aside from its search."""

from __future__ import annotations

import logging

from django.utils import timezone

from improvement import installation
from improvement.engine.pipeline_space import space_of
from improvement.exceptions import TargetError
from improvement.models import Run
from improvement.sandbox import importances as sandboxed
from improvement.selectors import importances as read
from improvement.selectors import targets
from improvement.services import importances

logger = logging.getLogger(__name__)


def weigh(run_id: int) -> None:
    """Weigh the parameters of a run if that is due and nobody does it; there are no shares where that fails."""
    with installation.alone_or_not(f"weigh-R-{run_id}") as is_ours:
        if is_ours and run_id in read.due(timezone.now()):
            _weigh(Run.objects.select_related("target").get(pk=run_id))


def _weigh(run: Run) -> None:
    trials = read.trials(run)
    try:
        shares = sandboxed.weigh(space_of(targets.manifest(run.target)), trials, sign=run.target.sign) if trials else {}
    except TargetError as error:
        logger.warning("R-%s: %s", run.pk, error.message)
        shares = {}
    importances.record(run.pk, evaluations=run.evaluations, of=len(trials), shares=shares, now=timezone.now())
