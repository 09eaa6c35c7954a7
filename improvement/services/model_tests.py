"""Trying a language model: one tiny question by a person who wants to know whether it answers."""

from __future__ import annotations

from datetime import datetime

from improvement import dispatch
from improvement.engine.digests import canonical
from improvement.engine.model_calls import Message, ModelAnswer, ModelRequest, Speaker
from improvement.models import ModelCall
from improvement.selectors import language_models
from improvement.services import audit, blobs, model_calls
from improvement.services.actors import Actor
from improvement.services.language_models import check_may_manage, subject

PROMPT = "Answer with the one word: ready"
MOST_TOKENS = 256  # some models think before the one word


def question(name: str) -> ModelRequest:
    """Return what a model is asked."""
    return ModelRequest((Message(Speaker.USER, PROMPT),), name, max_tokens=MOST_TOKENS)


def begin(name: str, *, actor: Actor, now: datetime) -> ModelCall:
    """Note that a model is about to be tried; raises ``NotFound`` and ``Invalid`` for one that cannot be asked."""
    check_may_manage(actor)
    return model_calls.reserve(question(name), language_models.usable(name).config, asked=None, now=now)


def order(name: str, *, actor: Actor, now: datetime) -> ModelCall:
    """Have a worker try a model; raises as ``begin`` does."""
    call = begin(name, actor=actor, now=now)
    assert actor.person_id is not None
    dispatch.enqueue_on_commit("test_model", call_id=call.pk, person_id=actor.person_id)
    return call


def record(call_id: int, answer: ModelAnswer, *, seconds: float, actor: Actor, now: datetime) -> ModelCall:
    """Record what came of a try, and tell the trail who made it."""
    packed = blobs.pack(canonical(answer.as_json()))
    with audit.turn():
        call = model_calls.complete(call_id, answer, packed, seconds=seconds, now=now)
        data = {
            "model": call.model_id,
            "outcome": model_calls.outcome(answer),
            "cost_microusd": str(answer.cost_microusd),
        }
        audit.append("model.tested", actor=actor, subject=subject(call.model), data=data, now=now)
        return call
