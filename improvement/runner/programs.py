"""Programs of a run at work: leased with the run, ended with it, each recorded before the strategy hears of it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from contextlib import suppress

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
from improvement.runner import consulting
from improvement.runner.conversations import Conversation
from improvement.sandbox import levels
from improvement.selectors import language_models, loop, program_runs
from improvement.selectors import policies as read_policies
from improvement.selectors.targets import task_at
from improvement.services import generations
from improvement.services import model_calls as record_calls
from improvement.services import program_runs as record_programs
from improvement.services.model_calls import Asked


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
        consulting.check_goes_on(self._run)
        record_calls.give_up(self._run.pk, now=timezone.now())
        outing = outings.run(
            commands,
            do=self._workshop().do,
            book=self,
            stop=lambda: consulting.is_stopped(self._run),
            beat=lambda: consulting.beat(self._run, self._worker),
        )
        index = self._conversation.journal_index
        generations.record_help(self._run.pk, entry=outing, journal_index=index, now=timezone.now())
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
        usable = consulting.askable(self._run).values()
        return Workshop(
            target=task_at(self._run.target.name, self._run.start_commit),
            keep=self.keep,
            programs=tuple(settings.COUNTERSIGN_AGENT_PATHS),
            hosts=_granted(),
            models=[Reachable(one.config, one.key, installation.pace_file(one.config.name)) for one in usable],
            ledger=RunLedger(self._run.pk, self._conversation.journal_index),
            known_secrets=tuple(language_models.secrets()),
        )


class RunLedger:
    """What a run's programs spend on models in one round; its threads have connections of their own to the record."""

    def __init__(self, run_id: int, journal_index: int) -> None:
        self._asked = Asked(run_id, journal_index)
        self._turn = threading.Lock()

    def reserve(self, request: ModelRequest, config: ModelConfig) -> int:
        """Reserve a request and return the record's number; Invalid when it may cost more than the run may spend."""
        with self._turn:
            try:
                if not loop.can_pay(self._asked.run_id, config.offer().most(request), timezone.now()):
                    raise Invalid("What is left of this run's budget for models is too little for this request.")
                return record_calls.reserve(request, config, asked=self._asked, now=timezone.now()).pk
            finally:
                connection.close()

    def settle(self, number: int, answer: ModelAnswer, seconds: float) -> None:
        """Record what came of a request, unless it was given up meanwhile."""
        with self._turn:
            try:
                with suppress(Conflict):
                    record_calls.record(number, answer, seconds=seconds, now=timezone.now())
            finally:
                connection.close()


def _granted() -> HostList:
    """The hosts that the policy in force grants; none while there is no policy."""
    version = read_policies.current()
    return HostList() if version is None else policies.parse_policy(version.text, version=version.version).agent_hosts
