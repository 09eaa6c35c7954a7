"""Who may have a strategy run on a target: at the start, and whenever somebody lets a run go on."""

from __future__ import annotations

from improvement import permissions
from improvement.engine.packages import StrategyPackage
from improvement.permissions import Right
from improvement.services.actors import Actor


def check_may_run(package: StrategyPackage, *, actor: Actor, target_id: int) -> None:
    """Raise NotAllowed unless this actor may have this strategy run on a target."""
    if actor.person is None:
        return
    permissions.check_may(actor.person, Right.START_RUN, target_id)
    if "command" in package.needs:
        permissions.check_may(actor.person, Right.START_PROGRAM, target_id)
