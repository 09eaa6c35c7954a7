"""Advancing a run: one short step after the other until it must wait for workers or for people."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.conf import settings
from django.utils import timezone

from improvement import dispatch, installation, policies
from improvement.engine.asktell import NewChampion, Result, ToldOutcome, tell_message
from improvement.engine.cheats import cheat_files, check_cheats
from improvement.engine.confirmation import cost_of_one
from improvement.engine.generation import MAX_BARREN, plan, told
from improvement.engine.manifest import Manifest
from improvement.engine.nomination import nominate
from improvement.engine.seeds import measure_seed
from improvement.engine.session import Tell, entry_for
from improvement.exceptions import Conflict, CountersignError, SandboxUnavailable, TargetError
from improvement.models import Candidate, Evaluation, Run
from improvement.policies import WhenWaiting
from improvement.runner import canaries, confirming, conversations
from improvement.runner.consulting import ServedModels
from improvement.runner.conversations import Conversation
from improvement.runner.programs import ServedPrograms
from improvement.sandbox import levels
from improvement.selectors import loop, system
from improvement.selectors.targets import task_at
from improvement.services import budgets, generations, openings, runs
from improvement.states import RunState

logger = logging.getLogger(__name__)

SNAPSHOT_EVERY = 8
_WAITS = "waits for its open reviews"


def advance(run_id: int, *, worker: str, with_help: bool = False) -> None:
    """Take as many steps of a run as can be taken now. Idempotent; what another worker holds is left alone.

    Programs and models that a strategy asks take minutes: only who is told ``with_help`` waits for them.
    """
    run = runs.claim(run_id, holder=worker, now=timezone.now())
    if run is None:
        return
    try:
        _advance(run, worker, with_help=with_help)
    except Conflict as conflict:
        logger.info("R-%s: %s", run_id, conflict.message)
        conversations.forget(run_id)
    except SandboxUnavailable as unavailable:
        logger.warning("R-%s waits: %s", run_id, unavailable.message)
    except CountersignError as error:
        conversations.forget(run_id)
        runs.fail(run_id, reason=error.message, now=timezone.now())
    except BaseException:
        conversations.forget(run_id)
        raise
    finally:
        runs.let_go(run_id, holder=worker)


def _advance(run: Run, worker: str, *, with_help: bool) -> None:
    goes_on = True
    while goes_on and not system.halted():
        goes_on = _step(run, worker, with_help=with_help)
        budgets.warn(run.pk, now=timezone.now())
        renewed = runs.claim(run.pk, holder=worker, now=timezone.now())
        if renewed is None:
            return
        run = renewed


def _step(run: Run, worker: str, *, with_help: bool) -> bool:
    """Take one step and tell whether another can follow at once."""
    if run.state == RunState.QUEUED.value:
        return _open(run)
    if run.state not in {RunState.RUNNING.value, RunState.PARKED.value}:
        conversations.forget(run.pk)
        return False
    if loop.is_measuring(run.pk) or loop.is_confirming(run.pk):
        return False
    if run.state == RunState.PARKED.value:
        return _leave_parking(run)
    if loop.open_generation(run.pk) is not None:
        return _close_generation(run)
    if not _is_sure(run):
        return False
    if _must_park(run):
        runs.park(run.pk, reason=_WAITS, now=timezone.now())
        return False
    if _nominate(run, ending=False):
        return False
    if loop.may_go_on(run, timezone.now()):
        return _open_generation(run, worker, with_help=with_help)
    return _end(run)


def _is_sure(run: Run) -> bool:
    """Whether the champion's score is known and what scores are worth is not in doubt."""
    heard = run.heard_commit == run.target.champion_commit or _know_champion(run)
    return heard and not canaries.hold_up(run)


def _open(run: Run) -> bool:
    """Measure the champion and the known cheats, then let the loop begin."""
    levels.require(settings.SANDBOX_MIN_LEVEL)
    installation.lower_flag(installation.stop_file(run.pk))
    task = task_at(run.target.name, run.start_commit)
    rows = list(Evaluation.objects.filter(run=run, candidate__isnull=True).order_by("pk"))
    if not rows:
        cheats = [cheat_files(task, cheat) for cheat in task.manifest.cheats]
        openings.order(run.pk, champion=task.editable, cheats=cheats, seed=measure_seed(run.seed), now=timezone.now())
        return False
    if any(row.state != Evaluation.State.DONE for row in rows):
        return False
    start, screened = rows[0], rows[1:]
    if start.score is None:
        raise TargetError(f"The champion of {run.target.name} itself cannot be measured: {start.message}.")
    names = [cheat.name for cheat in task.manifest.cheats]
    check_cheats(task.manifest.primary, start.score, dict(zip(names, [row.score for row in screened], strict=True)))
    runs.record_start(run.pk, score=start.score, now=timezone.now())
    return True


def _must_park(run: Run) -> bool:
    """Whether the policy lets this run wait until people decided about its open reviews."""
    policy = policies.parse_policy(run.policy.text, version=run.policy.version)
    return policy.when_waiting is WhenWaiting.PARK and loop.open_reviews(run.pk) > 0


def _leave_parking(run: Run) -> bool:
    """Go on once nothing keeps a parked run waiting, or end it when nothing is left to measure."""
    if _must_park(run):
        return False
    if not loop.may_go_on(run, timezone.now()):
        return _end(run)
    runs.go_on(run.pk, now=timezone.now())
    return True


def _open_generation(run: Run, worker: str, *, with_help: bool) -> bool:
    if conversations.needs_help(run) and not with_help:
        dispatch.enqueue("advance_with_help", run_id=run.pk)
        return False
    count = min(run.generation_size, loop.budget(run).may_start(loop.spent(run, timezone.now())))
    conversation = conversations.with_strategy(run)
    _give_help(run, conversation, worker)
    proposals = conversation.session.ask(count)
    champion = task_at(run.target.name, run.target.champion_commit)
    seen = loop.seen_syntax(run.pk)
    generations.open_generation(
        run.pk,
        planned=plan(champion.manifest, champion.editable, proposals, seen),
        entry=entry_for(count, proposals),
        base_commit=run.target.champion_commit,
        base_files=champion.editable,
        journal_index=conversation.journal_index,
        now=timezone.now(),
    )
    conversation.journal_index += 1
    return True


def _give_help(run: Run, conversation: Conversation, worker: str) -> None:
    """Let a strategy have done for it what its package needs, and ask the models of its run."""
    if "command" in conversations.package_of(run).needs:
        conversation.session.programs = ServedPrograms(run, conversation, worker=worker)
    if run.language_models:
        conversation.session.models = ServedModels(run, conversation, worker=worker)


def _close_generation(run: Run) -> bool:
    generation = loop.open_generation(run.pk)
    if generation is None:
        return True
    measured = loop.measurements(generation.candidates)
    manifest = task_at(run.target.name, run.heard_commit or run.start_commit).manifest
    by_number = {candidate.number: candidate for candidate in generation.candidates}
    results = [
        generation.duplicates.get(number) or _result(by_number[number], measured, manifest)
        for number in generation.numbers
    ]
    _tell(run, results)
    return True


def _tell(run: Run, results: list[Result]) -> None:
    decisions = loop.undelivered_decisions(run.pk)
    champion = _champion_to_tell(run)
    message = tell_message(results, [decision for _, decision in decisions], champion)
    conversation = conversations.with_strategy(run)
    conversation.session.tell(message)
    closed = generations.close_generation(
        run.pk,
        entry=Tell(message),
        journal_index=conversation.journal_index,
        decided=[candidate_id for candidate_id, _ in decisions],
        champion=(run.target.champion_commit, champion.score) if champion else None,
        now=timezone.now(),
    )
    conversation.journal_index += 1
    if closed.generation % SNAPSHOT_EVERY == 0:
        snapshot = conversation.session.snapshot()
        generations.keep_snapshot(
            run.pk, snapshot=snapshot, journal_index=conversation.journal_index, now=timezone.now()
        )


def _result(candidate: Candidate, measured: Mapping[int, Evaluation], manifest: Manifest) -> Result:
    row = measured.get(candidate.pk)
    if row is None:
        return Result(candidate.number, ToldOutcome.BLOCKED, feedback=candidate.message)
    return told(manifest, candidate.number, confirming.as_measurement(row))


def _champion_to_tell(run: Run) -> NewChampion | None:
    """The champion when it moved since the strategy last heard of it and its score on this run's seed is known."""
    commit = run.target.champion_commit
    if run.heard_commit == commit:
        return None
    row = _champion_row(run, commit)
    if row is None or row.score is None:
        return None
    return NewChampion(task_at(run.target.name, commit).editable, row.score, row.metrics, row.feedback)


def _champion_row(run: Run, commit: str) -> Evaluation | None:
    """The measurement of a champion on this run's seed: its own as a candidate of this run, or one made since."""
    candidate = run.target.champion_candidate
    if candidate is not None and candidate.run_id == run.pk and candidate.revision == 1:
        return candidate.evaluations.filter(stage="measure", revision=1).first() or loop.champion_row(run, commit)
    return loop.champion_row(run, commit)


def _know_champion(run: Run) -> bool:
    """Make sure that the new champion's score on this run's seed is known, and tell the strategy of it."""
    commit = run.target.champion_commit
    if (row := _champion_row(run, commit)) is None or row.score is None:
        files = task_at(run.target.name, commit).editable
        if not openings.order_champion(
            run.pk, commit=commit, files=files, seed=measure_seed(run.seed), now=timezone.now()
        ):
            raise TargetError(f"The new champion {commit[:9]} of {run.target.name} cannot be measured.")
        return False
    _tell(run, [])
    return True


def _nominate(run: Run, *, ending: bool) -> bool:
    """Nominate a candidate, if one deserves it, and tell whether the run waits for what comes of that."""
    task = task_at(run.target.name, run.target.champion_commit)
    run.refresh_from_db()
    needed = cost_of_one(task.manifest)
    policy = policies.parse_policy(run.policy.text, version=run.policy.version)
    here = loop.situation(run, policy, needed=needed, ending=ending, now=timezone.now())
    chosen = nominate(task.manifest.primary, loop.best_measured(run), here)
    if chosen.number is None:
        return False
    if canaries.hold_up(run, nominating=True):
        return True
    candidate = Candidate.objects.select_related("run__target", "target").get(run=run, number=chosen.number)
    confirming.begin(candidate, why=chosen.why)
    return True


def _end(run: Run) -> bool:
    """Nothing more can be measured: confirm what deserves it, then wait for people, then be complete."""
    if _nominate(run, ending=True):
        return False
    if loop.open_reviews(run.pk):
        runs.park(run.pk, reason=_WAITS, now=timezone.now())
        return False
    budget = loop.budget(run)
    reason = loop.why_spent(run, timezone.now())
    if run.exhausted:
        reason = "the strategy has nothing more to propose"
    elif run.barren_generations >= MAX_BARREN:
        reason = f"the strategy proposed nothing new in {MAX_BARREN} generations"
    runs.complete(run.pk, budget=budget, reason=reason, now=timezone.now())
    conversations.forget(run.pk)
    return False
