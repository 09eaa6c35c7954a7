"""Putting a strategy's question to a language model, once: what was answered before comes from the record."""

from __future__ import annotations

import time

from django.utils import timezone

from improvement import installation
from improvement.broker.client import Client
from improvement.broker.redaction import Redaction
from improvement.engine.model_calls import ModelAnswer, ModelRequest
from improvement.exceptions import Halted, Invalid, NotFound, StrategyError
from improvement.selectors import language_models, model_calls, system
from improvement.selectors.language_models import Usable
from improvement.services import model_calls as record_calls


def ask(run_id: int, sequence: int, request: ModelRequest) -> ModelAnswer:
    """Return the answer to question ``sequence`` (from 0) of a run: from the record, or from the model, and recorded.

    An answer that failed says so in its ``error`` and is recorded like any other. Raises StrategyError when another
    question was recorded under this number, or for a model that is not there, and ``Halted`` under the stop over
    everything. Must not be called inside a transaction.
    """
    secrets = language_models.secrets()
    asked = Redaction(secrets).request(request)
    earlier = model_calls.answered(run_id, sequence)
    if earlier is not None:
        if earlier.request_id != asked.digest:
            raise StrategyError(f"Question {sequence} to a model differs from the one that is on record for this run.")
        return model_calls.answer_of(earlier)
    if system.halt() is not None:
        raise Halted("Everything is stopped: no model is asked until that is lifted.")
    return _ask(run_id, sequence, asked, _usable(request.model), secrets)


def _ask(run_id: int, sequence: int, asked: ModelRequest, usable: Usable, secrets: list[str]) -> ModelAnswer:
    config = usable.config
    call = record_calls.reserve(asked, config, run_id=run_id, sequence=sequence, now=timezone.now())
    client = Client(config, usable.key, pace_file=installation.pace_file(config.name), secrets=secrets)
    began = time.monotonic()
    answer = client.answer(asked)
    record_calls.record(call.pk, answer, seconds=time.monotonic() - began, now=timezone.now())
    return answer


def _usable(name: str) -> Usable:
    try:
        return language_models.usable(name)
    except (NotFound, Invalid) as problem:
        raise StrategyError(problem.message) from problem
