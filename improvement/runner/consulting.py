"""What a run's strategy asks language models: put by this worker, paid out of the run's budget, kept in its record."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from django.utils import timezone

from improvement import installation
from improvement.broker import answering
from improvement.broker.client import Client
from improvement.broker.cutting import Cut
from improvement.broker.redaction import Redaction
from improvement.engine.consulting import Cost, Round
from improvement.engine.model_calls import ModelAnswer, ModelRequest
from improvement.exceptions import Conflict, Halted, Invalid, NotFound, StrategyError
from improvement.models import ModelCall, Run
from improvement.runner.conversations import Conversation
from improvement.selectors import language_models, loop, model_calls
from improvement.selectors.language_models import Usable
from improvement.services import budgets, generations, runs
from improvement.services import model_calls as record_calls
from improvement.services.model_calls import Asked


class ServedModels:
    """The models of one run, for as long as one worker holds its lease; only the thread that advances it calls them."""

    def __init__(self, run: Run, conversation: Conversation, *, worker: str) -> None:
        self._run = run
        self._conversation = conversation
        self._worker = worker

    def answer(self, requests: Sequence[ModelRequest]) -> Round:
        """Put a round of questions; it is in the journal when this returns.

        Raises Halted when everything or the run is stopped, ``Conflict`` when it is paused or another worker has it.
        """
        check_goes_on(self._run)
        record_calls.give_up(self._run.pk, now=timezone.now())
        index = self._conversation.journal_index
        found = _Consultation(self._run, index, self._worker).put(requests)
        generations.record_help(self._run.pk, entry=found, journal_index=index, now=timezone.now())
        self._conversation.journal_index += 1
        return found


class _Consultation:
    """One round while it is put: what it may ask, what is on record of it, and what it costs."""

    def __init__(self, run: Run, journal_index: int, worker: str) -> None:
        self._run = run
        self._index = journal_index
        self._worker = worker
        self._models = askable(run)
        self._secrets = language_models.secrets()
        self._redaction = Redaction(self._secrets)
        self._cut = Cut()
        self._calls: dict[int, ModelCall] = {}
        self._took: dict[str, float] = {}

    def put(self, requests: Sequence[ModelRequest]) -> Round:
        """Put the questions; those that a stop cut off are given up."""
        try:
            return answering.put(
                requests,
                asks={name: self._asking(model) for name, model in self._models.items()},
                offers={name: model.config.offer() for name, model in self._models.items()},
                ledger=self,
                stop=lambda: is_stopped(self._run),
                beat=lambda: beat(self._run, self._worker),
                cut=self._cut,
            )
        except Halted:
            record_calls.give_up(self._run.pk, now=timezone.now())
            raise

    def known(self, index: int, request: ModelRequest) -> ModelAnswer | None:
        """Return what was answered before this round was cut short; StrategyError when something else was asked."""
        earlier = model_calls.answered(self._run.pk, journal_index=self._index, place=index)
        if earlier is None:
            return self._missing(request.model)
        if earlier.question != request.digest:
            raise StrategyError(
                "The strategy is not deterministic: asked again after a restart, it asks models something else."
            )
        return model_calls.answer_of(earlier)

    def reserve(self, index: int, request: ModelRequest, most: Cost) -> bool:
        """Record that a question is about to leave, if the run's budget has room for it."""
        if not loop.can_pay(self._run.pk, most, timezone.now()):
            return False
        asked = Asked(self._run.pk, self._index, index, request.digest)
        config, cleaned = self._models[request.model].config, self._redaction.request(request)
        self._calls[index] = record_calls.reserve(cleaned, config, asked=asked, now=timezone.now())
        return True

    def settle(self, index: int, request: ModelRequest, most: Cost, answer: ModelAnswer) -> None:
        """Record an answer; it takes the place of what was set aside."""
        took = self._took.pop(request.digest, 0.0)
        record_calls.record(self._calls[index].pk, answer, seconds=took, now=timezone.now())

    def _missing(self, name: str) -> ModelAnswer | None:
        return None if name in self._models else ModelAnswer.failed(name, f"The model {name} cannot be asked any more.")

    def _asking(self, model: Usable) -> answering.Ask:
        pace = installation.pace_file(model.config.name)
        client = Client(model.config, model.key, pace_file=pace, secrets=self._secrets, cut=self._cut)

        def ask(request: ModelRequest) -> ModelAnswer:
            began = time.monotonic()
            answer = client.answer(request)
            self._took[request.digest] = time.monotonic() - began
            return answer

        return ask


def askable(run: Run) -> Mapping[str, Usable]:
    """Return by name the models of a run that can be asked now; the run tells once why another cannot."""
    found: dict[str, Usable] = {}
    for name in (offer["name"] for offer in run.language_models):
        try:
            found[name] = language_models.usable(name)
        except (NotFound, Invalid) as problem:
            runs.tell_problem(run.pk, text=problem.message, now=timezone.now())
    return found


def check_goes_on(run: Run) -> None:
    """Raise ``Conflict`` when a run was paused, or ended: nothing new is asked for it then."""
    if not loop.is_going(run.pk):
        raise Conflict(f"R-{run.pk} does not run any more; nothing is asked for it.")


def is_stopped(run: Run) -> bool:
    """Tell whether everything is stopped, or this run."""
    return installation.halt_file().exists() or installation.stop_file(run.pk).exists()


def beat(run: Run, worker: str) -> None:
    """Keep the lease of a run during a long step, and warn of its budget; ``Conflict`` when another worker has it."""
    if not runs.renew(run.pk, holder=worker, now=timezone.now()):
        raise Conflict(f"R-{run.pk} went on without this worker, or is over; what it waited for is ended.")
    budgets.warn(run.pk, now=timezone.now())
