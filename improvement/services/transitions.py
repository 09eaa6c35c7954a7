"""The only place that changes the state of a candidate or a run: compare-and-swap, audit event, live event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from improvement import events, states
from improvement.exceptions import BadTransition
from improvement.models import Candidate, Run
from improvement.services import audit, clock
from improvement.services.actors import Actor
from improvement.states import RUN_ENDS, CandidateState, RunState

_BATCHED = "generation.evaluated"
_TOLD_HERE = {
    CandidateState.STALE: "waits to be confirmed again: the champion moved",
    CandidateState.SUPERSEDED: "was superseded",
    CandidateState.EXPIRED: "was not decided in time and is not applied",
    CandidateState.WITHDRAWN: "was withdrawn",
}
"""What browsers are told where the service that moves a candidate has nothing more particular to say."""


def move_candidate(
    candidate: Candidate,
    to: CandidateState,
    *,
    actor: Actor,
    now: datetime,
    data: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
    **changes: Any,
) -> int | None:
    """Move a candidate to a state, with other columns in the same update, and return its audit event's number.

    Must be called inside a transaction. Raises ``BadTransition`` when the table does not allow the step or when
    somebody else moved the candidate first. Measuring is audited once for each generation, so it returns ``None``.
    """
    source = CandidateState(candidate.state)
    transition = states.check_candidate_transition(source, to)
    moved = Candidate.objects.filter(pk=candidate.pk, state=source.value).update(state=to.value, **changes)
    if moved != 1:
        raise BadTransition(f"C-{candidate.pk} was changed by somebody else at the same moment. Reload the page.")
    candidate.state = to.value
    for name, value in changes.items():
        setattr(candidate, name, value)
    if candidate.run is not None and to in _TOLD_HERE:
        payload = {"id": candidate.pk, "text": f"C-{candidate.pk} {_TOLD_HERE[to]}"}
        events.record(candidate.run, f"candidate.{to.value}", payload, now=now)
    if transition.audit == _BATCHED:
        return None
    return audit.append(
        transition.audit,
        actor=actor,
        subject=audit.candidate_subject(candidate),
        data=data or {},
        context=context or {},
        run=candidate.run,
        target=candidate.target.name,
        now=now,
    )


def move_run(
    run: Run, to: RunState, *, actor: Actor, now: datetime, reason: str = "", data: Mapping[str, Any] | None = None
) -> None:
    """Move a run to a state, with its audit event and its live event.

    Must be called inside a transaction. Raises ``BadTransition`` as ``move_candidate`` does.
    """
    source = RunState(run.state)
    transition = states.check_run_transition(source, to)
    changes: dict[str, Any] = {"state": to.value, "wait_reason": reason[:300], **clock.changes(run, to, now=now)}
    changes["ended_at"] = now if to in RUN_ENDS else None
    if to is RunState.RUNNING and run.started_at is None:
        changes["started_at"] = now
    if Run.objects.filter(pk=run.pk, state=source.value).update(**changes) != 1:
        raise BadTransition(f"R-{run.pk} was changed by somebody else at the same moment. Reload the page.")
    for name, value in changes.items():
        setattr(run, name, value)
    audit.append(
        transition.audit,
        actor=actor,
        subject={"kind": "run", "id": f"R-{run.pk}"},
        data={"reason": reason, **(data or {})},
        run=run,
        target=run.target.name,
        now=now,
    )
    events.record(run, "state", {"state": to.value, "reason": reason, "by": actor.name}, now=now)
