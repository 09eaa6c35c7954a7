"""The record of what is asked of language models: reserved before a question leaves, then answered, or lost.

The network lies between the two, never inside a transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from improvement import events
from improvement.broker.configuration import ModelConfig
from improvement.engine.budget import Limit, amount
from improvement.engine.digests import canonical
from improvement.engine.model_calls import ModelAnswer, ModelRequest
from improvement.exceptions import Conflict
from improvement.models import ModelCall
from improvement.services import audit, blobs
from improvement.services.actors import SYSTEM
from improvement.services.blobs import Packed
from improvement.services.language_models import subject

LONGEST_TEST = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Asked:
    """Where in a run a question belongs: to the round of this journal index, and to a place of it.

    ``question`` is the digest of what the strategy asked. What a program asks has no place.
    """

    run_id: int
    journal_index: int
    place: int | None = None
    question: str = ""


def reserve(request: ModelRequest, config: ModelConfig, *, asked: Asked | None, now: datetime) -> ModelCall:
    """Note that a question is about to leave, and the most that it can take; a test belongs to no run.

    The request must be without secrets. Raises ``Conflict`` for a strategy's question that is on its way or answered.
    """
    packed, most = blobs.pack(canonical(request.as_json())), config.offer().most(request)
    with transaction.atomic():
        attempts = _attempts(asked)
        if attempts.exclude(outcome=ModelCall.LOST).exists():
            raise Conflict("This question is on its way already, or answered.")
        call = ModelCall.objects.create(
            **_place_of(asked),
            attempt=attempts.count() + 1,
            model=config.name,
            model_id=config.model,
            request=blobs.store(packed),
            reserved_tokens=most.tokens,
            reserved_microusd=most.microusd,
            asked_at=now,
        )
        _announce(call, now=now)
        return call


def _attempts(asked: Asked | None) -> QuerySet[ModelCall]:
    """The earlier attempts at a question."""
    if asked is None or asked.place is None:
        return ModelCall.objects.none()
    return ModelCall.objects.filter(run_id=asked.run_id, journal_index=asked.journal_index, place=asked.place)


def _place_of(asked: Asked | None) -> dict[str, Any]:
    if asked is None:
        return {}
    return {
        "run_id": asked.run_id,
        "journal_index": asked.journal_index,
        "place": asked.place,
        "question": asked.question,
    }


def record(call_id: int, answer: ModelAnswer, *, seconds: float, now: datetime) -> None:
    """Complete a question of a run by its answer, which must be without secrets, and tell the trail.

    Raises ``Conflict`` for a question that was answered or given up.
    """
    packed = blobs.pack(canonical(answer.as_json()))
    with audit.turn():
        call = complete(call_id, answer, packed, seconds=seconds, now=now)
        data = {
            "model": call.model_id,
            "request_sha256": call.request_id,
            "answer_sha256": call.answer_id,
            "tokens_in": answer.tokens_in,
            "tokens_out": answer.tokens_out,
            "cost_microusd": str(answer.cost_microusd),
            "outcome": outcome(answer),
        }
        _tell("model.answered", call, data, now=now)


def complete(call_id: int, answer: ModelAnswer, packed: Packed, *, seconds: float, now: datetime) -> ModelCall:
    """Complete a question by its answer, packed before; must be called inside the turn that tells the trail.

    Raises ``Conflict`` for a question that was answered or given up.
    """
    call = ModelCall.objects.select_for_update(of=("self",)).select_related("run__target").get(pk=call_id)
    if call.answered_at is not None:
        raise Conflict("This question was answered already, or given up.")
    call.answer = blobs.store(packed)
    call.tokens_in, call.tokens_out, call.cost_microusd = answer.tokens_in, answer.tokens_out, answer.cost_microusd
    call.outcome, call.error = answer.finish_reason.value, (answer.error or "")[:300]
    call.seconds, call.answered_at = seconds, now
    call.save()
    return call


def give_up(run_id: int, *, now: datetime) -> None:
    """Give up the questions of a run that are on their way: whoever put them is gone, or was stopped."""
    _give_up(Q(run_id=run_id), now=now)


def give_up_lost(*, now: datetime) -> None:
    """Give up every question that nobody waits for: of a run that no worker holds, or of a test long ago."""
    free = Q(run__lease_until__isnull=True) | Q(run__lease_until__lt=now)
    _give_up(Q(free, run__isnull=False) | Q(run__isnull=True, asked_at__lt=now - LONGEST_TEST), now=now)


def _give_up(which: Q, *, now: datetime) -> None:
    lost = ModelCall.objects.filter(which, answered_at__isnull=True)
    if not lost.exists():
        return
    with audit.turn():
        for call in lost.select_for_update(of=("self",)).select_related("run__target"):
            _lose(call, now=now)


def _lose(call: ModelCall, *, now: datetime) -> None:
    """Count a question as what was set aside for it: what it did cost, nobody knows."""
    call.tokens_in, call.cost_microusd = call.reserved_tokens, call.reserved_microusd
    call.outcome, call.error, call.answered_at = ModelCall.LOST, "It was cut off before its answer.", now
    call.save()
    cost = f"{amount(Limit.TOKENS, call.tokens_in)}, {amount(Limit.MICROUSD, call.cost_microusd)}"
    data = {
        "model": call.model_id,
        "request_sha256": call.request_id,
        "tokens_in": call.tokens_in,
        "cost_microusd": str(call.cost_microusd),
        "cost": cost,
    }
    _tell("model.lost", call, data, now=now)


def _tell(kind: str, call: ModelCall, data: dict[str, Any], *, now: datetime) -> None:
    """Tell the trail of a question that is over."""
    run = call.run
    target = run.target.name if run else ""
    audit.append(kind, actor=SYSTEM, subject=subject(call.model), data=data, run=run, target=target, now=now)
    _announce(call, now=now)


def _announce(call: ModelCall, *, now: datetime) -> None:
    """Tell whoever watches the run that it spent something."""
    if call.run is not None:
        events.record(call.run, "spend", {}, now=now)


def outcome(answer: ModelAnswer) -> str:
    """Say in a few words what came of a question."""
    return (
        answer.error or f"{answer.tokens_in} tokens in, {answer.tokens_out} out, ended by {answer.finish_reason.value}"
    )
