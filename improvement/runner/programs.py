"""Programs of a run at work: leased with the run, ended with it, each recorded before the strategy hears of it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence

from django.conf import settings
from django.db import connection
from django.utils import timezone

from improvement import installation, policies
from improvement.agents import outings
from improvement.agents.endpoint import Reachable
from improvement.agents.workshop import Workshop
from improvement.broker.configuration import ModelConfig
from improvement.engine.errands import Command, Done, Outing
from improvement.engine.model_calls import ModelAnswer, ModelRequest
from improvement.exceptions import Conflict, Invalid
from improvement.hosts import HostList
from improvement.models import Run
from improvement.runner.conversations import Conversation
from improvement.sandbox import levels
from improvement.selectors import language_models, loop, model_calls, program_runs
from improvement.selectors import policies as read_policies
from improvement.selectors.targets import task_at
from improvement.services import generations, runs
from improvement.services import model_calls as record_calls
from improvement.services import program_runs as record_programs


class ServedPrograms:
    """The programs of one run, for as long as one worker holds its lease."""

    def __init__(self, run: Run, conversation: Conversation, *, worker: str) -> None:
        self._run = run
        self._conversation = conversation
        self._worker = worker
        self._transcripts: dict[str, bytes] = {}

    def run(self, commands: Sequence[Command]) -> Outing:
        """Run a round of commands; it is in the journal when this returns.

        Raises Halted when everything or the run is stopped, ``Conflict`` when another worker took the run over.
        """
        levels.require(settings.SANDBOX_MIN_LEVEL)
        do = self._workshop().do
        outing = outings.run(commands, do=do, book=self, stop=self._is_stopped, beat=self._beat)
        index = self._conversation.journal_index
        generations.record_outing(self._run.pk, entry=outing, journal_index=index, now=timezone.now())
        self._conversation.journal_index += 1
        self._transcripts.clear()
        return outing

    def recorded(self, place: int, command: Command) -> Done | None:
        """Return what came of a command before the round was cut short."""
        index = self._conversation.journal_index
        return program_runs.recorded(self._run.pk, command, journal_index=index, place=place)

    def did(self, place: int, command: Command, done: Done) -> None:
        """Record what came of a command."""
        record_programs.record(
            self._run.pk,
            command,
            done,
            transcript=self._transcripts[done.transcript],
            journal_index=self._conversation.journal_index,
            place=place,
            now=timezone.now(),
        )

    def keep(self, content: bytes) -> str:
        """Hold a transcript until what came of its command is recorded; return its digest."""
        digest = hashlib.sha256(content).hexdigest()
        self._transcripts[digest] = content
        return digest

    def _workshop(self) -> Workshop:
        usable = [language_models.usable(one.config.name) for one in language_models.all_models() if not one.lacks_key]
        return Workshop(
            target=task_at(self._run.target.name, self._run.start_commit),
            keep=self.keep,
            programs=tuple(settings.COUNTERSIGN_AGENT_PATHS),
            hosts=_granted(),
            models=[Reachable(one.config, one.key, installation.pace_file(one.config.name)) for one in usable],
            ledger=RunLedger(self._run.pk),
            known_secrets=tuple(language_models.secrets()),
        )

    def _is_stopped(self) -> bool:
        return installation.halt_file().exists() or installation.stop_file(self._run.pk).exists()

    def _beat(self) -> None:
        if not runs.renew(self._run.pk, holder=self._worker, now=timezone.now()):
            raise Conflict(f"R-{self._run.pk} went on without this worker, or is over; its programs are ended.")


class RunLedger:
    """What a run's programs spend on models; its threads have connections of their own to the record."""

    def __init__(self, run_id: int) -> None:
        self._run_id = run_id
        self._turn = threading.Lock()

    def reserve(self, request: ModelRequest, config: ModelConfig) -> int:
        """Reserve a request under the run's next number and return the record's."""
        with self._turn:
            try:
                self._check_budget(request, config)
                sequence = model_calls.of_run(self._run_id).calls
                call = record_calls.reserve(request, config, run_id=self._run_id, sequence=sequence, now=timezone.now())
                return call.pk
            finally:
                connection.close()

    def _check_budget(self, request: ModelRequest, config: ModelConfig) -> None:
        """Raise Invalid for a request whose most is beyond what the run may still spend."""
        run = Run.objects.select_related("target").get(pk=self._run_id)
        limits, spent = loop.budget(run), loop.spent(run, timezone.now())
        asked = record_calls.most_tokens_in(request)
        tokens = spent.tokens + asked + request.max_tokens
        microusd = spent.microusd + config.cost_microusd(asked, request.max_tokens)
        over_tokens = limits.tokens is not None and tokens > limits.tokens
        if over_tokens or (limits.microusd is not None and microusd > limits.microusd):
            raise Invalid("What is left of this run's budget for models is too little for this request.")

    def settle(self, number: int, answer: ModelAnswer, seconds: float) -> None:
        """Record what came of a request."""
        with self._turn:
            try:
                record_calls.record(number, answer, seconds=seconds, now=timezone.now())
            finally:
                connection.close()


def _granted() -> HostList:
    """The hosts that the policy in force grants; none while there is no policy."""
    version = read_policies.current()
    return HostList() if version is None else policies.parse_policy(version.text, version=version.version).agent_hosts
