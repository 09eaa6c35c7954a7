"""The record of what is asked of language models: reserved before a question leaves, completed by its answer.

The network lies between the two, never inside a transaction.
"""

from __future__ import annotations

import math
from datetime import datetime

from django.db import transaction

from improvement.broker.configuration import ModelConfig
from improvement.engine.digests import canonical
from improvement.engine.model_calls import ModelAnswer, ModelRequest
from improvement.exceptions import Conflict
from improvement.models import ModelCall
from improvement.services import audit, blobs
from improvement.services.actors import SYSTEM
from improvement.services.language_models import subject

LETTERS_PER_TOKEN = 2  # fewer than there are on average: a reservation is rather too large


@transaction.atomic
def reserve(
    request: ModelRequest, config: ModelConfig, *, run_id: int | None, sequence: int | None, now: datetime
) -> ModelCall:
    """Note that a question is about to leave, and the most that it can take; a test has neither run nor sequence.

    The request must be without secrets. One that was reserved and never answered (its process was lost) is reserved
    again; raises ``Conflict`` for one that was answered.
    """
    asked = blobs.store(canonical(request.as_json()))
    tokens_in, tokens_out = most_tokens_in(request), min(request.max_tokens, config.max_tokens)
    about = {
        "model": config.name,
        "model_id": config.model,
        "request": asked,
        "reserved_tokens": tokens_in + tokens_out,
        "reserved_microusd": config.cost_microusd(tokens_in, tokens_out),
        "asked_at": now,
    }
    earlier = None
    if run_id is not None:
        earlier = ModelCall.objects.select_for_update(of=("self",)).filter(run_id=run_id, sequence=sequence).first()
    if earlier is None:
        return ModelCall.objects.create(run_id=run_id, sequence=sequence, **about)
    if earlier.answered_at is not None:
        raise Conflict(f"Question {sequence} of R-{run_id} was answered already.")
    for name, value in about.items():
        setattr(earlier, name, value)
    earlier.attempts += 1
    earlier.save()
    return earlier


@audit.turn()
def record(call_id: int, answer: ModelAnswer, *, seconds: float, now: datetime) -> None:
    """Complete a question of a run by its answer, which must be without secrets, and tell the trail."""
    call = complete(call_id, answer, seconds=seconds, now=now)
    run = call.run
    assert run is not None
    data = {
        "sequence": call.sequence,
        "model": call.model_id,
        "request_sha256": call.request_id,
        "answer_sha256": call.answer_id,
        "tokens_in": answer.tokens_in,
        "tokens_out": answer.tokens_out,
        "cost_microusd": str(answer.cost_microusd),
        "outcome": outcome(answer),
    }
    audit.append(
        "model.answered", actor=SYSTEM, subject=subject(call.model), data=data, run=run, target=run.target.name, now=now
    )


def complete(call_id: int, answer: ModelAnswer, *, seconds: float, now: datetime) -> ModelCall:
    """Complete a question; must be called inside the turn that tells the trail. Raises ``Conflict`` the second time."""
    call = ModelCall.objects.select_for_update(of=("self",)).select_related("run__target").get(pk=call_id)
    if call.answered_at is not None:
        raise Conflict("This question was answered already.")
    call.answer = blobs.store(canonical(answer.as_json()))
    call.tokens_in, call.tokens_out, call.cost_microusd = answer.tokens_in, answer.tokens_out, answer.cost_microusd
    call.outcome, call.error = answer.finish_reason.value, (answer.error or "")[:300]
    call.seconds, call.answered_at = seconds, now
    call.save()
    return call


def outcome(answer: ModelAnswer) -> str:
    """Say in a few words what came of a question."""
    return (
        answer.error or f"{answer.tokens_in} tokens in, {answer.tokens_out} out, ended by {answer.finish_reason.value}"
    )


def most_tokens_in(request: ModelRequest) -> int:
    """Return the most tokens that a question is taken to have."""
    return math.ceil(sum(len(message.text) for message in request.messages) / LETTERS_PER_TOKEN)
