"""Starting the strategy of a run, or the several that share it: spoken to as one either way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Protocol, Self

from improvement.engine.ensemble import Ensemble
from improvement.engine.packages import StrategyPackage
from improvement.sandbox.strategy import StrategyProcess

Stop = Callable[[], bool]


class Running(Protocol):
    """A strategy at work in the sandbox; see ``StrategyProcess``."""

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""

    def request(self, message: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Send one message and return the answer."""

    def close(self) -> None:
        """End it."""

    def __enter__(self) -> Self:
        """Start it."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""


class EnsembleProcesses:
    """Several strategies, each in a sandbox of its own; when one is lost, all have to be made anew."""

    def __init__(self, package: StrategyPackage, stop: Stop | None = None) -> None:
        with ExitStack() as starting:
            processes = [starting.enter_context(StrategyProcess(member.files, stop=stop)) for member in package.members]
            self._ending = starting.pop_all()
        self._processes = processes
        self._ensemble = Ensemble(package, processes)

    @property
    def alive(self) -> bool:
        """Whether all of them still run."""
        return all(process.alive for process in self._processes)

    def request(self, message: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Send one message to those whom it concerns and return one answer; raises as ``StrategyProcess`` does."""
        return self._ensemble.request(dict(message), seconds)

    def close(self) -> None:
        """End all of them."""
        self._ending.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def start(package: StrategyPackage, stop: Stop | None = None) -> Running:
    """Start the strategy of a package, or all of its members; as soon as ``stop`` answers true they are ended."""
    return EnsembleProcesses(package, stop) if package.members else StrategyProcess(package.files, stop=stop)
