"""Questions to language models as the record has them, made without asking any."""

from __future__ import annotations

from django.utils import timezone

from improvement.broker.configuration import ModelConfig
from improvement.engine.model_calls import Message, ModelAnswer, ModelRequest, Speaker
from improvement.models import ModelCall, Run
from improvement.services import blobs, model_calls
from improvement.services.model_calls import Asked


def asked_models(of: Run, *, tokens: int = 0, microusd: int = 0, reserved: int = 0) -> None:
    """Record that a run asked a model: an answer that took this much, and with ``reserved`` a question under way."""
    now = timezone.now()
    question = blobs.store(blobs.pack(b"question"))
    about = {
        "run": of,
        "journal_index": 0,
        "model": "local",
        "model_id": "tiny-1",
        "request": question,
        "asked_at": now,
    }
    ModelCall.objects.create(
        **about,
        answer=question,
        tokens_in=tokens,
        cost_microusd=microusd,
        outcome="stop",
        answered_at=now,
    )
    if reserved:
        ModelCall.objects.create(**about, reserved_microusd=reserved)


def answered_question(
    of: Run, config: ModelConfig, *, text: str = "one two three", place: int = 0, index: int = 0, answer: str = "two"
) -> ModelCall:
    """Record a question of a run's strategy, answered with three tokens in and one out, and return the record of it."""
    request = ModelRequest((Message(Speaker.USER, text),), config.name)
    asked = Asked(of.pk, index, place, request.digest)
    call = model_calls.reserve(request, config, asked=asked, now=timezone.now())
    given = ModelAnswer(answer, config.name, 3, 1, config.cost_microusd(3, 1))
    model_calls.record(call.pk, given, seconds=0.5, now=timezone.now())
    return ModelCall.objects.get(pk=call.pk)
