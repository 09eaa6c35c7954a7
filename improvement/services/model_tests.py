"""Trying a language model: one tiny question by a person who wants to know whether it answers."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

from improvement import installation
from improvement.broker.client import Client
from improvement.engine.model_calls import Message, ModelAnswer, ModelRequest, Speaker
from improvement.models import ModelCall
from improvement.selectors import language_models
from improvement.services import audit, model_calls
from improvement.services.actors import Actor
from improvement.services.language_models import check_may_manage, subject

PROMPT = "Answer with the one word: ready"
MOST_SECONDS = 30
MOST_TOKENS = 256  # some models think before the one word


def test(name: str, *, actor: Actor, now: datetime) -> ModelCall:
    """Ask a model one tiny question and return the record of it; an answer that failed says why in its ``error``.

    It is tried once, for up to 30 seconds, outside of any transaction. Raises ``NotFound`` and ``Invalid`` for a model
    that cannot even be asked.
    """
    check_may_manage(actor)
    usable = language_models.usable(name)
    config = replace(usable.config, seconds=min(usable.config.seconds, MOST_SECONDS))
    request = ModelRequest((Message(Speaker.USER, PROMPT),), name, max_tokens=MOST_TOKENS)
    call = model_calls.reserve(request, config, run_id=None, sequence=None, now=now)
    client = Client(
        config, usable.key, pace_file=installation.pace_file(name), secrets=language_models.secrets(), tries=1
    )
    began = time.monotonic()
    answer = client.answer(request)
    return _record(call.pk, answer, seconds=time.monotonic() - began, actor=actor, now=now)


@audit.turn()
def _record(call_id: int, answer: ModelAnswer, *, seconds: float, actor: Actor, now: datetime) -> ModelCall:
    call = model_calls.complete(call_id, answer, seconds=seconds, now=now)
    data = {
        "model": call.model_id,
        "outcome": model_calls.outcome(answer),
        "cost_microusd": str(answer.cost_microusd),
    }
    audit.append("model.tested", actor=actor, subject=subject(call.model), data=data, now=now)
    return call
