"""Runs: starting, steering, and the lease under which exactly one worker advances each."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from improvement import dispatch, events, installation, permissions
from improvement.engine.budget import Budget, Limit
from improvement.engine.packages import StrategyPackage, find_builtin
from improvement.exceptions import BadTransition, Conflict, Invalid, NotFound
from improvement.models import Candidate, Evaluation, Run, RunEvent, Target
from improvement.permissions import Right
from improvement.selectors import loop as read_loop
from improvement.selectors import strategies
from improvement.selectors import targets as read_targets
from improvement.services import audit, policies, reasons, reviews, run_rights
from improvement.services.actors import SYSTEM, Actor
from improvement.services.transitions import move_candidate, move_run
from improvement.states import LIVE_RUN_STATES, CandidateState, RunState

LEASE = timedelta(seconds=45)
MAX_SEED = 2**63 - 1


def start(
    *,
    target_name: str,
    package: StrategyPackage,
    budget: int,
    actor: Actor,
    now: datetime,
    limits: Mapping[Limit, int] | None = None,
    seed: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    models: str = "",
    demo: bool = False,
) -> Run:
    """Start a run and return it. It advances as soon as a worker is free.

    ``budget`` counts ``measure`` evaluations, ``limits`` are those beside it; ``models`` are the language models that
    it may ask, as ``NAME[=WEIGHT],NAME…``. Raises ``Invalid`` or ``NotAllowed``, and ``StrategyError`` for a strategy
    that does not fit the target.
    """
    _check_may_start(target_name, package, actor)
    _check_seed(seed)
    offers = [offer.as_json() for offer in strategies.models_for(package, models)]
    whole = Budget.of(budget, **{limit.value: most for limit, most in (limits or {}).items()})
    chosen = package.settings(parameters or {})
    with audit.turn():
        target = _target(target_name)
        policy = policies.current(now=now)
        run = Run.objects.create(
            target=target,
            strategy=package.name,
            strategy_version=package.version,
            strategy_digest=package.digest,
            parameters=chosen,
            language_models=offers,
            state=RunState.QUEUED.value,
            budget=budget,
            seconds_limit=whole.seconds,
            cpu_seconds_limit=whole.cpu_seconds,
            token_limit=whole.tokens,
            microusd_limit=whole.microusd,
            confirm_allowance=whole.allowance,
            generation_size=package.generation,
            seed=secrets.randbelow(2**31) if seed is None else seed,
            policy=policy,
            started_by_id=actor.person_id,
            starter_name=actor.name,
            demo=demo,
            start_commit=target.champion_commit,
            heard_commit=target.champion_commit,
            created_at=now,
        )
        _record_created(run, package, whole, actor=actor, now=now)
        events.record(run, "state", {"state": run.state, "text": f"{actor.name} started this run"}, now=now)
        dispatch.enqueue_on_commit("advance_run", run_id=run.pk)
        return run


def _check_may_start(target_name: str, package: StrategyPackage, actor: Actor) -> None:
    """Raise unless this actor may run this strategy on the target; its files are read before the record is touched."""
    target = _target(target_name)
    run_rights.check_may_run(package, actor=actor, target_id=target.pk)
    if target.stray_head:
        raise Conflict(
            f"The branch of {target_name} {read_targets.how_strayed(target.stray_head)}, so no run starts on it: "
            f"`target check {target_name}` says how to put it back."
        )
    strategies.check_fits(package, target)


def _check_seed(seed: int | None) -> None:
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise Invalid(f"The seed is {seed}: choose a whole number from 0 to {MAX_SEED}.")


@audit.turn()
def pause(run_id: int, *, actor: Actor, reason: str = "", now: datetime) -> Run:
    """Pause a run; what is being measured is finished, nothing new is asked for."""
    run = _steered(run_id, actor)
    move_run(run, RunState.PAUSED, actor=actor, reason=reasons.checked(reason) or f"paused by {actor.name}", now=now)
    return run


@audit.turn()
def resume(run_id: int, *, actor: Actor, now: datetime) -> Run:
    """Let a paused run go on."""
    run = _steered(run_id, actor)
    if run.state == RunState.QUEUED.value:
        raise BadTransition(f"R-{run_id} waits for its first measurement: it begins as soon as a worker is free.")
    if run.state == RunState.COMPLETED.value:
        raise BadTransition(f"R-{run_id} is completed: {run.wait_reason}. It can go on only with a larger budget.")
    run_rights.check_may_run(find_builtin(run.strategy), actor=actor, target_id=run.target_id)
    move_run(run, RunState.RUNNING, actor=actor, reason="", now=now)
    dispatch.enqueue_on_commit("advance_run", run_id=run.pk)
    return run


def stop(run_id: int, *, actor: Actor, reason: str = "", now: datetime) -> Run:
    """Stop a run for good; its running sandboxes die at once, candidates in review stay in review."""
    with audit.turn():
        run = _steered(run_id, actor)
        move_run(
            run, RunState.STOPPED, actor=actor, reason=reasons.checked(reason) or f"stopped by {actor.name}", now=now
        )
        _abandon(run, now=now)
    installation.raise_flag(installation.stop_file(run.pk))
    return run


def claim(run_id: int, *, holder: str, now: datetime) -> Run | None:
    """Take the lease of a run for one worker, or return ``None`` when another holds it or the run cannot advance."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now) | Q(lease_holder=holder)
    advancing = [RunState.QUEUED.value, RunState.RUNNING.value, RunState.PARKED.value]
    taken = Run.objects.filter(free, pk=run_id, state__in=advancing).update(
        lease_holder=holder, lease_until=now + LEASE
    )
    return Run.objects.select_related("target", "policy").get(pk=run_id) if taken else None


def renew(run_id: int, *, holder: str, now: datetime) -> bool:
    """Keep the lease of a run, in the middle of a long step; tell whether this worker still holds it and it goes on."""
    going_on = [state.value for state in LIVE_RUN_STATES]
    mine = Run.objects.filter(pk=run_id, lease_holder=holder, state__in=going_on)
    return mine.update(lease_until=now + LEASE) == 1


def let_go(run_id: int, *, holder: str) -> None:
    """Give the lease of a run back."""
    Run.objects.filter(pk=run_id, lease_holder=holder).update(lease_holder="", lease_until=None)


@audit.turn()
def record_start(run_id: int, *, score: float, now: datetime) -> Run:
    """Record the champion's score on this run's measure seed and let the loop begin."""
    run = Run.objects.select_for_update(of=("self",)).select_related("target").get(pk=run_id)
    run.start_score = run.champion_score = run.best_score = score
    run.save(update_fields=["start_score", "champion_score", "best_score"])
    move_run(run, RunState.RUNNING, actor=SYSTEM, data={"start_score": audit.number(score)}, now=now)
    return run


@audit.turn()
def fail(run_id: int, *, reason: str, now: datetime) -> Run:
    """End a run that cannot go on, with one sentence that says why."""
    run = Run.objects.select_for_update(of=("self",)).select_related("target").get(pk=run_id)
    if RunState(run.state) in LIVE_RUN_STATES - {RunState.PAUSED}:
        move_run(run, RunState.FAILED, actor=SYSTEM, reason=reason, now=now)
        events.record(run, "problem", {"text": reason}, now=now)
        _abandon(run, now=now)
    return run


@audit.turn()
def hold(run_id: int, *, reason: str, now: datetime) -> None:
    """Pause a run that must not go on before somebody has looked at it; the reason is one sentence."""
    run = Run.objects.select_for_update(of=("self",)).select_related("target").get(pk=run_id)
    if run.state == RunState.RUNNING.value:
        move_run(run, RunState.PAUSED, actor=SYSTEM, reason=reason, now=now)
        events.record(run, "problem", {"text": f"Held: {reason}."}, now=now)


@transaction.atomic
def tell_problem(run_id: int, *, text: str, now: datetime) -> None:
    """Say once in a run's live events what is wrong, while the run goes on."""
    run = Run.objects.select_for_update(of=("self",)).get(pk=run_id)
    if not RunEvent.objects.filter(run=run, kind="problem", payload__text=text).exists():
        events.record(run, "problem", {"text": text}, now=now)


@audit.turn()
def park(run_id: int, *, reason: str, now: datetime) -> None:
    """Note that a run waits only for people; it holds no worker while it does."""
    run = Run.objects.select_for_update(of=("self",)).select_related("target").get(pk=run_id)
    if run.state == RunState.RUNNING.value:
        move_run(run, RunState.PARKED, actor=SYSTEM, reason=reason, now=now)


@audit.turn()
def go_on(run_id: int, *, now: datetime) -> None:
    """Let a parked run go on: people decided, and there is still something to measure."""
    run = Run.objects.select_for_update(of=("self",)).select_related("target").get(pk=run_id)
    if run.state == RunState.PARKED.value:
        move_run(run, RunState.RUNNING, actor=SYSTEM, reason="", now=now)


@audit.turn()
def complete(run_id: int, *, budget: Budget, reason: str, now: datetime) -> None:
    """End a run whose work is done, unless people gave it another budget than this meanwhile."""
    run = Run.objects.select_for_update(of=("self",)).select_related("target").get(pk=run_id)
    if read_loop.budget(run) == budget and run.state in {RunState.RUNNING.value, RunState.PARKED.value}:
        move_run(run, RunState.COMPLETED, actor=SYSTEM, reason=reason, now=now)
        reviews.withdraw_unanswered(run, now)


def _record_created(run: Run, package: StrategyPackage, limits: Budget, *, actor: Actor, now: datetime) -> None:
    audit.append(
        "run.created",
        actor=actor,
        subject={"kind": "run", "id": f"R-{run.pk}"},
        data={
            "strategy": package.label,
            "strategy_sha256": package.digest,
            "budget": run.budget,
            "limits": limits.limits,
            **({"models": [offer["name"] for offer in run.language_models]} if run.language_models else {}),
            "seed": str(run.seed),
            "base": run.start_commit,
        },
        context={"policy_version": run.policy.version, "policy_sha256": run.policy.digest},
        run=run,
        target=run.target.name,
        now=now,
    )


def _abandon(run: Run, *, now: datetime) -> None:
    """Withdraw what the loop still held, and cancel what nobody measures any more."""
    outstanding = [Evaluation.State.QUEUED, Evaluation.State.LEASED]
    of_reviews = Q(candidate__revision__gt=1) | Q(subject__revision__gt=1)
    held_by_loop = Evaluation.objects.filter(run=run, state__in=outstanding).exclude(of_reviews)
    held_by_loop.update(state=Evaluation.State.CANCELLED, lease_until=None)
    held = [CandidateState.PROPOSED, CandidateState.MEASURING, CandidateState.NOMINATED, CandidateState.CONFIRMING]
    for candidate in Candidate.objects.select_for_update(of=("self",)).filter(run=run, revision=1, state__in=held):
        move_candidate(candidate, CandidateState.WITHDRAWN, actor=SYSTEM, now=now, data={"reason": "the run ended"})
    reviews.withdraw_unanswered(run, now)


def _steered(run_id: int, actor: Actor) -> Run:
    run = Run.objects.select_for_update(of=("self",)).select_related("target").filter(pk=run_id).first()
    if run is None:
        raise NotFound(f"There is no run R-{run_id}.")
    if actor.person is not None:
        permissions.check_may(actor.person, Right.STEER_RUN, run.target_id)
    return run


def _target(name: str) -> Target:
    target = Target.objects.filter(name=name).first()
    if target is None:
        names = ", ".join(Target.objects.order_by("name").values_list("name", flat=True)[:10])
        raise NotFound(
            f"There is no target named {name}." + (f" There are: {names}." if names else " Import one first.")
        )
    return target
