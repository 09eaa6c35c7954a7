"""The one transition table of runs and candidates, with the owner and the audit type of each step.

``docs/states.md`` is generated from this module by ``manage.py states``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from improvement.exceptions import BadTransition


class Owner(StrEnum):
    """Whose turn it is while something is in a state."""

    LOOP = "loop"
    REVIEWERS = "reviewers"
    OPERATOR = "operator"
    NOBODY = "nobody"


class CandidateState(StrEnum):
    """Where a candidate is on its way from a proposal to the champion."""

    PROPOSED = "proposed"
    MEASURING = "measuring"
    MEASURED = "measured"
    NOMINATED = "nominated"
    CONFIRMING = "confirming"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    STALE = "stale"
    APPROVED = "approved"
    RELEASED = "released"
    BLOCKED = "blocked"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    QUARANTINED = "quarantined"
    ROLLED_BACK = "rolled_back"


class RunState(StrEnum):
    """Where a run is."""

    DRAFT = "draft"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    PARKED = "parked"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed step: from, to, and the type of the audit event that records it."""

    source: StrEnum
    target: StrEnum
    audit: str


def _table(*rows: tuple[StrEnum, StrEnum, str]) -> dict[tuple[StrEnum, StrEnum], Transition]:
    return {(source, target): Transition(source, target, audit) for source, target, audit in rows}


C, R = CandidateState, RunState

# Measuring is the loop's own business: one batched event per generation records it ("generation.evaluated").
CANDIDATE_TRANSITIONS = _table(
    (C.PROPOSED, C.MEASURING, "generation.evaluated"),
    (C.PROPOSED, C.BLOCKED, "candidate.blocked"),
    (C.PROPOSED, C.WITHDRAWN, "candidate.withdrawn"),
    (C.MEASURING, C.MEASURED, "generation.evaluated"),
    (C.MEASURING, C.FAILED, "generation.evaluated"),
    (C.MEASURING, C.BLOCKED, "candidate.blocked"),
    (C.MEASURING, C.QUARANTINED, "candidate.quarantined"),
    (C.MEASURING, C.WITHDRAWN, "candidate.withdrawn"),
    (C.MEASURED, C.NOMINATED, "candidate.nominated"),
    (C.MEASURED, C.WITHDRAWN, "candidate.withdrawn"),
    (C.NOMINATED, C.CONFIRMING, "candidate.confirming"),
    (C.NOMINATED, C.WITHDRAWN, "candidate.withdrawn"),
    (C.CONFIRMING, C.IN_REVIEW, "review.opened"),
    (C.CONFIRMING, C.UNCONFIRMED, "candidate.unconfirmed"),
    (C.CONFIRMING, C.FAILED, "candidate.confirm_failed"),
    (C.CONFIRMING, C.QUARANTINED, "candidate.quarantined"),
    (C.CONFIRMING, C.SUPERSEDED, "review.superseded"),
    (C.CONFIRMING, C.STALE, "review.stale"),
    (C.CONFIRMING, C.WITHDRAWN, "candidate.withdrawn"),
    (C.QUARANTINED, C.NOMINATED, "candidate.cleared"),
    (C.QUARANTINED, C.REJECTED, "review.rejected"),
    (C.IN_REVIEW, C.APPROVED, "review.approved"),
    (C.IN_REVIEW, C.REJECTED, "review.rejected"),
    (C.IN_REVIEW, C.CHANGES_REQUESTED, "review.changes_requested"),
    (C.IN_REVIEW, C.STALE, "review.stale"),
    (C.IN_REVIEW, C.SUPERSEDED, "review.superseded"),
    (C.IN_REVIEW, C.WITHDRAWN, "candidate.withdrawn"),
    (C.IN_REVIEW, C.EXPIRED, "review.expired"),
    (C.CHANGES_REQUESTED, C.SUPERSEDED, "review.superseded"),
    (C.CHANGES_REQUESTED, C.WITHDRAWN, "candidate.withdrawn"),
    (C.STALE, C.CONFIRMING, "review.rebased"),
    (C.STALE, C.SUPERSEDED, "review.superseded"),
    (C.STALE, C.WITHDRAWN, "candidate.withdrawn"),
    (C.STALE, C.EXPIRED, "review.expired"),
    (C.STALE, C.REJECTED, "review.rejected"),
    (C.APPROVED, C.RELEASED, "release.done"),
    (C.APPROVED, C.STALE, "review.stale"),
    (C.RELEASED, C.ROLLED_BACK, "candidate.rolled_back"),
)

RUN_TRANSITIONS = _table(
    (R.DRAFT, R.QUEUED, "run.queued"),
    (R.QUEUED, R.RUNNING, "run.started"),
    (R.QUEUED, R.STOPPED, "run.stopped"),
    (R.QUEUED, R.FAILED, "run.failed"),
    (R.RUNNING, R.PAUSED, "run.paused"),
    (R.RUNNING, R.PARKED, "run.parked"),
    (R.RUNNING, R.COMPLETED, "run.completed"),
    (R.RUNNING, R.STOPPED, "run.stopped"),
    (R.RUNNING, R.FAILED, "run.failed"),
    (R.PAUSED, R.RUNNING, "run.resumed"),
    (R.PAUSED, R.STOPPED, "run.stopped"),
    (R.PARKED, R.RUNNING, "run.resumed"),
    (R.PARKED, R.PAUSED, "run.paused"),
    (R.PARKED, R.COMPLETED, "run.completed"),
    (R.PARKED, R.STOPPED, "run.stopped"),
    (R.PARKED, R.FAILED, "run.failed"),
    (R.COMPLETED, R.RUNNING, "run.resumed"),
)

CANDIDATE_OWNERS: dict[CandidateState, Owner] = {
    C.PROPOSED: Owner.LOOP,
    C.MEASURING: Owner.LOOP,
    C.MEASURED: Owner.LOOP,
    C.NOMINATED: Owner.LOOP,
    C.CONFIRMING: Owner.LOOP,
    C.IN_REVIEW: Owner.REVIEWERS,
    C.CHANGES_REQUESTED: Owner.LOOP,
    C.STALE: Owner.LOOP,
    C.APPROVED: Owner.LOOP,
    C.RELEASED: Owner.NOBODY,
    C.BLOCKED: Owner.NOBODY,
    C.FAILED: Owner.NOBODY,
    C.UNCONFIRMED: Owner.NOBODY,
    C.REJECTED: Owner.NOBODY,
    C.SUPERSEDED: Owner.NOBODY,
    C.WITHDRAWN: Owner.NOBODY,
    C.EXPIRED: Owner.NOBODY,
    C.QUARANTINED: Owner.REVIEWERS,
    C.ROLLED_BACK: Owner.NOBODY,
}

RUN_OWNERS: dict[RunState, Owner] = {
    R.DRAFT: Owner.OPERATOR,
    R.QUEUED: Owner.LOOP,
    R.RUNNING: Owner.LOOP,
    R.PAUSED: Owner.OPERATOR,
    R.PARKED: Owner.REVIEWERS,
    R.COMPLETED: Owner.NOBODY,
    R.STOPPED: Owner.NOBODY,
    R.FAILED: Owner.NOBODY,
}

LIVE_RUN_STATES = frozenset({R.QUEUED, R.RUNNING, R.PAUSED, R.PARKED})
RUN_ENDS = frozenset({R.COMPLETED, R.STOPPED, R.FAILED})
SCORED_STATES = frozenset(
    {
        C.MEASURED, C.NOMINATED, C.CONFIRMING, C.IN_REVIEW, C.CHANGES_REQUESTED, C.STALE, C.APPROVED,
        C.RELEASED, C.UNCONFIRMED, C.REJECTED, C.SUPERSEDED, C.WITHDRAWN, C.EXPIRED, C.ROLLED_BACK,
    }
)  # fmt: skip


def check_candidate_transition(source: CandidateState, target: CandidateState) -> Transition:
    """Return the allowed transition, or raise ``BadTransition`` saying in which state the candidate is."""
    try:
        return CANDIDATE_TRANSITIONS[(source, target)]
    except KeyError:
        raise BadTransition(
            f"The candidate is {words(source)}, so it cannot become {words(target)}. Reload the page."
        ) from None


def check_run_transition(source: RunState, target: RunState) -> Transition:
    """Return the allowed transition, or raise ``BadTransition`` saying in which state the run is."""
    try:
        return RUN_TRANSITIONS[(source, target)]
    except KeyError:
        raise BadTransition(f"The run is {words(source)}, so it cannot become {words(target)}.") from None


def words(state: StrEnum) -> str:
    """Return a state as people read it."""
    return state.value.replace("_", " ")


def mermaid(table: dict[tuple[StrEnum, StrEnum], Transition]) -> str:
    """Return a Mermaid state diagram of one table."""
    lines = [f"    {row.source} --> {row.target}: {row.audit}" for row in table.values()]
    return "\n".join(["stateDiagram-v2", *lines])
