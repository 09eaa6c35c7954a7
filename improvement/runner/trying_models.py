"""Trying a language model: the question itself, outside of any transaction and of any web request."""

from __future__ import annotations

import time
from dataclasses import replace

from django.utils import timezone

from improvement import installation
from improvement.broker.client import Client
from improvement.models import ModelCall, User
from improvement.selectors import language_models
from improvement.services import model_tests
from improvement.services.actors import Actor, human

MOST_SECONDS = 30


def test(name: str, *, actor: Actor) -> ModelCall:
    """Ask a model one tiny question and return the record of it; an answer that failed says why in its ``error``.

    Raises ``NotAllowed``, and ``NotFound`` and ``Invalid`` for a model that cannot even be asked.
    """
    return _ask(model_tests.begin(name, actor=actor, now=timezone.now()), actor)


def carry_out(call_id: int, *, person_id: int) -> None:
    """Carry out the try that a person ordered, unless that was done."""
    call = ModelCall.objects.get(pk=call_id)
    if call.answered_at is None:
        _ask(call, human(User.objects.get(pk=person_id)))


def _ask(call: ModelCall, actor: Actor) -> ModelCall:
    """Ask once, for up to 30 seconds."""
    usable = language_models.usable(call.model)
    config = replace(usable.config, seconds=min(usable.config.seconds, MOST_SECONDS))
    pace, secrets = installation.pace_file(config.name), language_models.secrets()
    client = Client(config, usable.key, pace_file=pace, secrets=secrets, tries=1)
    began = time.monotonic()
    answer = client.answer(model_tests.question(call.model))
    return model_tests.record(call.pk, answer, seconds=time.monotonic() - began, actor=actor, now=timezone.now())
