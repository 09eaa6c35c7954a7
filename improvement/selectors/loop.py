"""What the loop must know to take its next step: read only, in the order in which it is needed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Max, Q, QuerySet

from improvement.engine.asktell import Result, ToldOutcome
from improvement.engine.budget import Budget, Spent
from improvement.engine.cascade import Step, read_steps
from improvement.engine.consulting import TOO_LITTLE_LEFT, Cost
from improvement.engine.decisions import Decision, Ground, Verdict
from improvement.engine.generation import MAX_BARREN
from improvement.engine.nomination import Measured, Situation
from improvement.engine.session import Entry, Snapshot, entry_from_json
from improvement.models import Candidate, Evaluation, Evidence, Release, Review, Run, Thread, Vote
from improvement.policies import Policy
from improvement.selectors import comments, model_calls
from improvement.selectors.runs import seconds_running
from improvement.states import RUN_ENDS, CandidateState, RunState

OUTSTANDING = (Evaluation.State.QUEUED, Evaluation.State.LEASED)
_VERDICTS = {
    CandidateState.RELEASED: Verdict.RELEASED,
    CandidateState.REJECTED: Verdict.REJECTED,
    CandidateState.CHANGES_REQUESTED: Verdict.CHANGES_REQUESTED,
    CandidateState.UNCONFIRMED: Verdict.UNCONFIRMED,
}  # not SUPERSEDED: only what passed the holdout can be, and the strategy must not learn that


@dataclass(frozen=True, slots=True)
class Generation:
    """The generation that was asked for and not told yet: what is told of its duplicates, and its candidates."""

    duplicates: dict[int, Result]
    candidates: tuple[Candidate, ...]
    numbers: tuple[int, ...]


def is_measuring(run_id: int) -> bool:
    """Tell whether measurements of this run's generation are outstanding."""
    return Evaluation.objects.filter(run_id=run_id, stage__in=["measure", "screen"], state__in=OUTSTANDING).exists()


def start_metrics(run: Run) -> dict[str, float]:
    """Return every metric of what a run started from, on the run's measure seed; none while it is not measured."""
    row = champion_row(run, run.start_commit)
    return dict(row.metrics) if row is not None else {}


def champion_row(run: Run, commit: str) -> Evaluation | None:
    """Return a champion's own measurement on the run's measure seed, when there is one."""
    rows = Evaluation.objects.filter(run=run, candidate__isnull=True, subject__isnull=True, stage="measure")
    return rows.filter(base_commit=commit).first()


def champion_steps(run_id: int, commit: str) -> tuple[Step, ...]:
    """Return what came of a champion on a run's measure seed: its own measurement, or its own as a candidate of it."""
    run = Run.objects.get(pk=run_id)
    row = champion_row(run, commit)
    if row is None:
        moved = Release.objects.filter(target_id=run.target_id, commit=commit, candidate__run=run)
        own = Evaluation.objects.filter(candidate__in=moved.values("candidate"), stage="measure")
        row = own.order_by("revision").first()
    return read_steps(row.steps) if row is not None else ()


def canaries(run: Run, files_digest: str) -> list[Evaluation]:
    """Return the answered measurements of what a run started from, but for the first, which is no canary."""
    rows = Evaluation.objects.filter(
        run=run, candidate__isnull=True, subject__isnull=True, stage="screen", files_id=files_digest
    )
    return list(rows.filter(state=Evaluation.State.DONE).order_by("pk"))


def is_confirming(run_id: int, *, besides: int = 0) -> bool:
    """Tell whether a candidate of this run, other than ``besides``, is being confirmed for the first time."""
    states = [CandidateState.NOMINATED.value, CandidateState.CONFIRMING.value]
    return Candidate.objects.filter(run_id=run_id, revision=1, state__in=states).exclude(pk=besides).exists()


def confirms_another(candidate: Candidate) -> bool:
    """Tell whether the run of a candidate is confirming another one."""
    others = Candidate.objects.filter(run=candidate.run, state=CandidateState.CONFIRMING.value)
    return candidate.run is not None and others.exclude(pk=candidate.pk).exists()


def may_confirm(candidate: Candidate, *, needed: int, now: datetime) -> bool:
    """Tell whether a candidate's run has ``needed`` evaluations left for confirming; people's edits have no run."""
    run = candidate.run
    return run is None or budget(run).allowance_left(spent(run, now)) >= needed


def cleared_candidates(target_id: int | None = None) -> list[int]:
    """Return the candidates that people cleared of suspicion and whose confirmation is not ordered yet."""
    rows = _of_target(target_id).filter(cleared=True, state=CandidateState.NOMINATED.value)
    return list(rows.values_list("pk", flat=True))


def confirmation_outstanding(candidate_id: int) -> bool:
    """Tell whether paired measurements of this candidate are outstanding."""
    return of_confirmation(candidate_id).filter(state__in=OUTSTANDING).exists()


def answers_of_confirmation(candidate_id: int) -> list[Evaluation]:
    """Return the paired measurements of this candidate as they are at one moment, none while one is outstanding."""
    rows = list(of_confirmation(candidate_id))
    return [] if any(row.state in OUTSTANDING for row in rows) else rows


def tries(candidate: Candidate) -> int:
    """Count the candidates of a candidate's run that were measured up to now, this one included."""
    return 1 if candidate.run is None else max(1, candidate.run.evaluations)


def confirmations(candidate: Candidate) -> int:
    """Count the candidates of a candidate's run that were confirmed up to now, this one included."""
    if candidate.run_id is None:
        return 1
    others = Evidence.objects.filter(candidate__run_id=candidate.run_id).exclude(candidate=candidate)
    return 1 + others.values("candidate").distinct().count()


def of_confirmation(candidate_id: int) -> QuerySet[Evaluation]:
    """Return the paired measurements of a candidate's present revision: its own and the champion's."""
    revision = Candidate.objects.values_list("revision", flat=True).get(pk=candidate_id)
    about = Q(candidate_id=candidate_id) | Q(subject_id=candidate_id)
    return Evaluation.objects.filter(about, stage__in=["confirm", "holdout"], revision=revision)


def journal_length(run_id: int) -> int:
    """Return how many entries the journal has."""
    newest = Run.objects.filter(pk=run_id).aggregate(newest=Max("journal__index"))["newest"]
    return 0 if newest is None else newest + 1


def restoration(run_id: int) -> tuple[Snapshot | None, list[Entry]]:
    """Return the newest snapshot of a run's strategy and the journal since then."""
    run = Run.objects.get(pk=run_id)
    row = run.snapshots.order_by("-journal_index").first()
    snapshot = None
    if row is not None:
        kept = json.loads(zlib.decompress(bytes(row.state)))
        snapshot = Snapshot(state=kept["state"], next_number=kept["next_number"])
    since = run.journal.filter(index__gte=row.journal_index if row else 0).order_by("index")
    return snapshot, [entry_from_json(_message(bytes(entry.message))) for entry in since]


def open_generation(run_id: int) -> Generation | None:
    """Return the generation that was asked for and not told yet, or ``None``."""
    newest = Run.objects.get(pk=run_id).journal.order_by("-index").first()
    if newest is None or newest.kind != "ask":
        return None
    entry = _message(bytes(newest.message))
    duplicates = {
        int(number): Result(int(number), ToldOutcome.DUPLICATE, feedback=one["said"], of=one["of"])
        for number, one in entry["duplicates"].items()
    }
    candidates = tuple(Candidate.objects.filter(run_id=run_id, generation=newest.generation).order_by("number"))
    numbers = sorted([*duplicates, *(candidate.number for candidate in candidates)])
    return Generation(duplicates, candidates, tuple(numbers))


def measurements(candidates: Iterable[Candidate]) -> dict[int, Evaluation]:
    """Return the ``measure`` evaluation of each candidate, by candidate id."""
    ids = [candidate.pk for candidate in candidates]
    return {row.candidate_id or 0: row for row in Evaluation.objects.filter(candidate_id__in=ids, stage="measure")}


def undelivered_decisions(run_id: int) -> list[tuple[int, Decision]]:
    """Return what became of nominated candidates and was not told yet: candidate id and decision, oldest first."""
    states = [state.value for state in _VERDICTS]
    rows = Candidate.objects.filter(run_id=run_id, told=False, state__in=states).order_by(
        F("decided_at").asc(nulls_last=True), "pk"
    )
    return [(row.pk, _decision(row)) for row in rows]


def seen_syntax(run_id: int) -> dict[str, int]:
    """Return the syntax digest of every candidate of a run that was not blocked, and the number of the first."""
    rows = Candidate.objects.filter(run_id=run_id).exclude(syntax_digest="")
    return dict(rows.order_by("-number").values_list("syntax_digest", "number"))


def best_measured(run: Run, limit: int = 8) -> list[Measured]:
    """Return the best candidates of a run that were measured and never nominated."""
    rows = Candidate.objects.filter(run=run, state=CandidateState.MEASURED.value, score__isnull=False)
    best = rows.order_by(_best_first(run), "number")[:limit]
    return [Measured(row.number, row.score) for row in best if row.score is not None]


def _best_first(run: Run) -> str:
    return "-score" if run.target.sign > 0 else "score"


def situation(run: Run, policy: Policy, *, needed: int, ending: bool, now: datetime) -> Situation:
    """Return what a nomination depends on, at a generation boundary."""
    confirmed = Candidate.objects.filter(run=run, evidence__better=True, score__isnull=False).exclude(
        state__in=[CandidateState.REJECTED.value, CandidateState.ROLLED_BACK.value]
    )
    best = confirmed.order_by(_best_first(run)).values_list("score", flat=True).first()
    return Situation(
        champion=run.champion_score if run.champion_score is not None else 0.0,
        best_confirmed=best,
        best_open_review=None,
        generation=run.generation,
        nominated_at=run.nominated_generation or None,
        confirming=False,
        open_reviews=_held_reviews(run, now),
        budget=budget(run),
        spent=spent(run, now),
        needed=needed,
        ending=ending,
        max_open_reviews=policy.max_open_reviews,
    )


def open_reviews(run_id: int) -> int:
    """Return how many reviews of a run are open or put aside to be confirmed again."""
    return Review.objects.filter(candidate__run_id=run_id).exclude(state=Review.State.CLOSED).count()


def budget(run: Run) -> Budget:
    """Return a run's limits."""
    return Budget(
        run.budget,
        run.seconds_limit,
        run.confirm_allowance,
        cpu_seconds=run.cpu_seconds_limit,
        tokens=run.token_limit,
        microusd=run.microusd_limit,
    )


def spent(run: Run, now: datetime) -> Spent:
    """Return what a run has used of its limits; each evaluation in flight costs as much as one did so far."""
    outstanding = Evaluation.objects.filter(run=run, state__in=OUTSTANDING)
    asked = model_calls.of_run(run.pk)
    counted = outstanding.filter(candidate__isnull=False, stage="measure")
    return Spent(
        measured=run.evaluations,
        in_flight=counted.count(),
        confirming=run.confirm_evaluations,
        seconds=seconds_running(run, now),
        cpu_seconds=run.cpu_seconds + outstanding.count() * _usual_cpu_seconds(run),
        tokens=asked.tokens_in + asked.tokens_out + asked.reserved_tokens,
        microusd=asked.cost_microusd + asked.reserved_microusd,
    )


def _usual_cpu_seconds(run: Run) -> float:
    return run.cpu_seconds / (1 + run.evaluations + run.confirm_evaluations)


def may_go_on(run: Run, now: datetime) -> bool:
    """Tell whether a run may still ask its strategy for candidates, now or when what it waits for is over."""
    if RunState(run.state) in RUN_ENDS or not may_find_more(run):
        return False
    return has_room(run, now)


def has_room(run: Run, now: datetime) -> bool:
    """Tell whether a run's budget lets it measure more, and ask models what it could not pay for last."""
    limits, used = budget(run), spent(run, now)
    return limits.may_start(used) > 0 and _can_pay_lacking(run, limits, used)


def _can_pay_lacking(run: Run, limits: Budget, used: Spent) -> bool:
    return limits.can_pay(used.tokens + run.lacking_tokens, used.microusd + run.lacking_microusd)


def can_pay(run_id: int, most: Cost, now: datetime) -> bool:
    """Tell whether a run's budget, as it is now, has room for what a question to a model may cost at most."""
    run = Run.objects.get(pk=run_id)
    used = spent(run, now)
    return budget(run).can_pay(used.tokens + most.tokens, used.microusd + most.microusd)


def why_spent(run: Run, now: datetime) -> str:
    """Return in half a sentence what of a run's budget ends it."""
    limits, used = budget(run), spent(run, now)
    if limits.may_start(used) > 0 and not _can_pay_lacking(run, limits, used):
        return TOO_LITTLE_LEFT
    return limits.why_spent(used)


def is_going(run_id: int) -> bool:
    """Tell whether a run is running, so that new work may begin for it."""
    return Run.objects.filter(pk=run_id, state=RunState.RUNNING.value).exists()


def may_find_more(run: Run) -> bool:
    """Tell whether a run's strategy may have something left to propose, whatever that costs."""
    return not run.exhausted and run.barren_generations < MAX_BARREN


def moved_by_people(candidate: Candidate) -> bool:
    """Tell whether people moved the champion since a candidate's base: by edits, commits made elsewhere, rollbacks."""
    moves = Release.objects.filter(target_id=candidate.target_id, state=Release.State.DONE)
    base = moves.filter(commit=candidate.base_commit).order_by("-pk").first()
    by_loops = Q(kind=Release.Kind.RELEASE, candidate__origin="strategy")
    return moves.filter(pk__gt=base.pk if base else 0).exclude(by_loops).exists()


def stale_next(target_id: int) -> Candidate | None:
    """Return the stale candidate that is next to be confirmed again, when nothing of its target is open."""
    if Review.objects.filter(target_id=target_id, state=Review.State.OPEN).exists():
        return None
    if Candidate.objects.filter(target_id=target_id, revision__gt=1, state=CandidateState.CONFIRMING.value).exists():
        return None
    stale = Candidate.objects.filter(target_id=target_id, state=CandidateState.STALE.value)
    return stale.select_related("run__target", "target").order_by("pk").first()


def due_runs(now: datetime) -> list[int]:
    """Return the runs that could advance and that no worker holds."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    return list(Run.objects.filter(free, state__in=["queued", "running", "parked"]).values_list("pk", flat=True))


def due_confirmations(target_id: int | None = None) -> list[int]:
    """Return the candidates whose paired measurements are all answered and that are still being confirmed."""
    confirming = _of_target(target_id).filter(state=CandidateState.CONFIRMING.value).values_list("pk", flat=True)
    return [pk for pk in confirming if not confirmation_outstanding(pk)]


def edits_to_consider(target_id: int | None = None) -> list[int]:
    """Return people's own edits that were measured and wait to be confirmed or withdrawn."""
    measured = _of_target(target_id).filter(state=CandidateState.MEASURED.value, score__isnull=False)
    return list(measured.filter(run__isnull=True, origin="person").values_list("pk", flat=True))


def _of_target(target_id: int | None) -> QuerySet[Candidate]:
    """The candidates of one target, or of all."""
    return Candidate.objects.all() if target_id is None else Candidate.objects.filter(target_id=target_id)


def _held_reviews(run: Run, now: datetime) -> int:
    """Open reviews of this run that a better candidate may not replace: looked at, voted on or spoken of."""
    rows = Review.objects.filter(candidate__run=run).exclude(state=Review.State.CLOSED)
    looked_at = Q(claimed_until__gt=now)
    voted = Q(pk__in=Vote.objects.filter(review__candidate__run=run).values("review_id"))
    commented = Q(candidate__in=Thread.objects.filter(candidate__run=run).values("candidate_id"))
    return rows.filter(looked_at | voted | commented).count()


def _decision(candidate: Candidate) -> Decision:
    """What people let the strategy read of what they said: reasons joined, grounds once each, comments on lines."""
    verdict = _VERDICTS[CandidateState(candidate.state)]
    said = Vote.objects.filter(review__candidate=candidate, replaced=False, share_reason=True)
    against = said.filter(verdict__in=["reject", "request_changes"])
    ticked = {ground for vote in against for ground in vote.grounds}
    return Decision(
        candidate.number,
        verdict,
        " ".join(vote.reason for vote in against),
        tuple(ground for ground in Ground if ground.value in ticked),
        comments.shared(candidate),
    )


def _message(stored: bytes) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(zlib.decompress(stored))
    return message
