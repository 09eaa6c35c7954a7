"""Budgets of runs: warned of when they are nearly spent, changed by people with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from improvement import dispatch, events, states
from improvement.engine.budget import WARN_AT, Budget, Limit, Use, amount
from improvement.engine.packages import find_builtin
from improvement.exceptions import BadTransition, Conflict, Invalid, NotFound
from improvement.models import Run
from improvement.selectors import loop
from improvement.services import audit, reasons, run_rights
from improvement.services.actors import SYSTEM, Actor, require_person
from improvement.services.transitions import move_run
from improvement.states import LIVE_RUN_STATES, RunState

COLUMNS = {
    Limit.EVALUATIONS: "budget",
    Limit.SECONDS: "seconds_limit",
    Limit.CPU_SECONDS: "cpu_seconds_limit",
    Limit.TOKENS: "token_limit",
    Limit.MICROUSD: "microusd_limit",
}


@dataclass(frozen=True, slots=True)
class _Change:
    """One limit that becomes another; ``before`` is None where there was none."""

    limit: Limit
    before: float | None
    after: int

    @property
    def words(self) -> str:
        """The change as people read it."""
        after = amount(self.limit, self.after)
        return after if self.before is None else f"{amount(self.limit, self.before)} to {after}"


def warn(run_id: int, *, now: datetime) -> tuple[Use, ...]:
    """Say of every limit that is nearly spent that it is, once, and return those that were said now."""
    run = Run.objects.get(pk=run_id)
    return _warn(run_id, now=now) if _due(run, now) else ()


@audit.turn()
def _warn(run_id: int, *, now: datetime) -> tuple[Use, ...]:
    run = _locked(run_id)
    due = _due(run, now)
    run.warned = [*run.warned, *(use.limit.value for use in due)]
    run.save(update_fields=["warned"])
    for use in due:
        _say(run, use, now)
    return due


def _due(run: Run, now: datetime) -> tuple[Use, ...]:
    uses = loop.budget(run).uses(loop.spent(run, now))
    return tuple(use for use in uses if use.share >= WARN_AT and use.limit.value not in run.warned)


def _say(run: Run, use: Use, now: datetime) -> None:
    audit.append(
        "run.budget_low",
        actor=SYSTEM,
        subject={"kind": "run", "id": f"R-{run.pk}"},
        data={"limit": use.limit.value, "used": use.words},
        run=run,
        target=run.target.name,
        now=now,
    )
    events.record(run, "budget", {"text": f"budget nearly spent: {use.words}"}, now=now)


@audit.turn()
def change(run_id: int, *, limits: Mapping[Limit, int], actor: Actor, reason: str, now: datetime) -> Run:
    """Give a run other limits; what is not named stays. A run that its budget ended goes on when there is more now.

    Only a person may, with a reason, who may also start runs on the target. Raises ``NotAllowed``, ``Invalid``, or
    ``Conflict`` when the run is over for another cause.
    """
    run = _locked(run_id)
    require_person(actor, "change what a run may spend")
    run_rights.check_may_run(find_builtin(run.strategy), actor=actor, target_id=run.target_id)
    said = reasons.checked(reason, needed="Say why the limits change; it goes into the audit trail.")
    _check_alive(run)
    changes = _changes(run, limits, now)
    _apply(run, changes)
    _record_change(run, changes, actor=actor, reason=said, now=now)
    if run.state == RunState.COMPLETED.value and loop.has_room(run, now):
        move_run(run, RunState.RUNNING, actor=actor, reason="", now=now)
    dispatch.enqueue_on_commit("advance_run", run_id=run.pk)
    return run


def _locked(run_id: int) -> Run:
    run = Run.objects.select_for_update(of=("self",)).select_related("target").filter(pk=run_id).first()
    if run is None:
        raise NotFound(f"There is no run R-{run_id}.")
    return run


def _check_alive(run: Run) -> None:
    """Refuse a run that no limit could let go on."""
    state = RunState(run.state)
    if state in LIVE_RUN_STATES:
        return
    if state is not RunState.COMPLETED:
        raise BadTransition(f"R-{run.pk} is {states.words(state)} and does not go on. Start a new run.")
    if not loop.may_find_more(run):
        raise BadTransition(f"R-{run.pk} is completed because {run.wait_reason}; no budget changes that.")
    if find_builtin(run.strategy).digest != run.strategy_digest:
        raise Conflict(f"The files of strategy {run.strategy} changed since R-{run.pk} began. Start a new run.")


def _changes(run: Run, limits: Mapping[Limit, int], now: datetime) -> tuple[_Change, ...]:
    before = loop.budget(run).limits
    found = tuple(_Change(limit, before.get(limit), value) for limit, value in limits.items())
    changes = tuple(change for change in found if change.after != change.before)
    if not changes:
        raise Invalid("No limit would change. Name one, with a value that it has not now.")
    new = {change.limit: change.after for change in changes}
    Budget.of(**{"evaluations": run.budget, **{limit.value: value for limit, value in new.items()}})
    spent = loop.spent(run, now)
    for limit, value in new.items():
        if value < spent.of(limit):
            used = Use(limit, spent.of(limit), value)
            raise Invalid(f"R-{run.pk} has used {used.words} already. Choose a limit that is not below that.")
    return changes


def _apply(run: Run, changes: tuple[_Change, ...]) -> None:
    for one in changes:
        setattr(run, COLUMNS[one.limit], one.after)
    changed = {one.limit.value for one in changes}
    run.warned = [name for name in run.warned if name not in changed]
    run.confirm_allowance = max(run.confirm_allowance, Budget.of(run.budget).allowance)
    run.save(update_fields=[*COLUMNS.values(), "warned", "confirm_allowance"])


def _record_change(run: Run, changes: tuple[_Change, ...], *, actor: Actor, reason: str, now: datetime) -> None:
    said = ", ".join(one.words for one in changes)
    audit.append(
        "run.limits_changed",
        actor=actor,
        subject={"kind": "run", "id": f"R-{run.pk}"},
        data={"limits": {one.limit.value: one.after for one in changes}, "changes": said, "reason": reason},
        run=run,
        target=run.target.name,
        now=now,
    )
    events.record(run, "limits", {"text": f"{actor.name} gave this run other limits: {said}"}, now=now)
