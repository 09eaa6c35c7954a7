"""Have a program edit a working copy: what it is given, what it may reach, and what of its work counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from improvement.agents.endpoint import Endpoint, Ledger, Reachable
from improvement.agents.proxy import Proxy
from improvement.agents.transcript import Attempts
from improvement.broker.redaction import Redaction
from improvement.engine.errands import MAX_LOG, Command, Done
from improvement.engine.globs import path_problem
from improvement.engine.measurement import Task
from improvement.hosts import HostList
from improvement.sandbox import agent
from improvement.sandbox.agent import Edited, Errand
from improvement.sandbox.inside.agent import TASK
from improvement.sandbox.text import tail

MODELS_PORT, PROXY_PORT = 8001, 8002
MOST_NAMED = 20

Keep = Callable[[bytes], str]
"""Stores a transcript and returns its digest."""


@dataclass(frozen=True)
class Workshop:
    """What every program of a run has: the target, the programs of the host it may see, hosts, models, and limits.

    ``keep`` stores a transcript. ``known_secrets`` are taken out of everything that leaves or is kept.
    """

    target: Task
    keep: Keep
    programs: tuple[str, ...] = ()
    hosts: HostList = field(default_factory=HostList)
    models: Sequence[Reachable] = ()
    ledger: Ledger | None = None
    known_secrets: tuple[str, ...] = ()

    def do(self, command: Command, stop: Callable[[], bool] | None = None) -> Done:
        """Run a command and return what came of it.

        Raises SandboxUnavailable below the full profile, Invalid for a wrong setting, Halted when ``stop`` ended it.
        """
        attempts = Attempts()
        endpoint = self._endpoint(attempts)
        given = self._given(command)
        errand = Errand(
            argv=command.argv,
            files=given,
            task=command.task,
            seconds=command.seconds,
            environment=_environment(endpoint),
            programs=self.programs,
            doors={
                PROXY_PORT: Proxy(self.hosts, attempts).serve,
                **({MODELS_PORT: endpoint.serve} if endpoint else {}),
            },
        )
        try:
            edited = agent.edit(errand, stop=stop)
        finally:
            if endpoint is not None:
                endpoint.cut.make()
        return self._done(command, edited, given, attempts)

    def _endpoint(self, attempts: Attempts) -> Endpoint | None:
        if not self.models or self.ledger is None:
            return None
        return Endpoint(self.models, self.ledger, attempts, known_secrets=self.known_secrets)

    def _given(self, command: Command) -> dict[str, str]:
        """The working copy: the editable files as the strategy has them, and what the manifest makes visible."""
        visible: dict[str, str] = {}
        for path, data in self.target.visible.items():
            with suppress(UnicodeDecodeError):
                visible[path] = data.decode("utf-8")
        editable = {path: text for path, text in command.files.items() if self.target.manifest.is_editable(path)}
        return {**visible, **editable}

    def _done(self, command: Command, edited: Edited, given: Mapping[str, str], attempts: Attempts) -> Done:
        files = {path: text for path, text in edited.files.items() if self._counts(path, given)}
        unkept = [f"{path} (removed)" for path in edited.removed]
        unkept += [f"{path} ({why})" for path, why in edited.others.items()]
        unkept += [path for path in edited.files if path not in files]
        redaction = Redaction([*self.known_secrets, *(one.key for one in self.models if one.key)])
        text = redaction.text(_transcript(command, edited, attempts, sorted(unkept)))
        return Done(
            how=edited.how,
            status=edited.status,
            why=edited.why,
            files=files,
            left_out=tuple(sorted(unkept)[:MOST_NAMED]),
            log=redaction.text(tail(edited.log, MAX_LOG)),
            seconds=round(edited.seconds, 1),
            transcript=self.keep(text.encode()),
        )

    def _counts(self, path: str, given: Mapping[str, str]) -> bool:
        """Whether a change counts: of an editable file; or of one that was given and is not, so that it is blocked."""
        return path_problem(path) is None and (path in given or self.target.manifest.is_editable(path))


def _environment(endpoint: Endpoint | None) -> dict[str, str]:
    proxy = f"http://127.0.0.1:{PROXY_PORT}"
    named = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy)
    local = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
    if endpoint is None:
        return {**named, **local}
    address = f"http://127.0.0.1:{MODELS_PORT}"
    openai = dict.fromkeys(("OPENAI_BASE_URL", "OPENAI_API_BASE"), f"{address}/v1")
    others = dict.fromkeys(("ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL"), address)
    keys = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), endpoint.key)
    return {**named, **local, **openai, **others, **keys}


def _transcript(command: Command, edited: Edited, attempts: Attempts, unkept: Sequence[str]) -> str:
    ended = f"{edited.how} {edited.status}" + (f" ({edited.why})" if edited.why else "")
    parts = [
        f"$ {' '.join(command.argv)}",
        f"ended: {ended} after {edited.seconds:.1f} s; {edited.cpu_seconds:.1f} s of processor, "
        f"{edited.memory_mb:.0f} MB at most",
        f"changed: {', '.join(sorted(edited.files)) or 'nothing'}",
        f"left out: {', '.join(unkept) or 'nothing'}",
        f"--- {TASK}",
        command.task,
        "--- what it reached, or tried to",
        attempts.text() or "nothing",
        "--- what it printed",
        edited.log,
    ]
    return "\n".join(parts)
