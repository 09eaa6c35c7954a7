"""What the host holds of a started sandbox, however it was started."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from improvement.sandbox import memory
from improvement.sandbox.bubblewrap import SHARED_MEMORY
from improvement.sandbox.limits import Limits
from improvement.sandbox.runtime import SCRATCH

EXIT_OF_SIGNAL = 128


@dataclass(frozen=True, slots=True)
class Pipes:
    """The host's ends of a sandbox's pipes: to it, its messages, its log."""

    to: int
    messages: int
    log: int


@dataclass(frozen=True, slots=True)
class Exit:
    """How the inner process ended, and what it used, with all that ended before it and was waited for.

    ``code`` is the exit status, or 128 + the signal's number; the memory is the most that one process held, in MB.
    """

    code: int
    cpu_seconds: float
    memory_mb: float


class Started(ABC):
    """A started sandbox.

    ``news`` is readable when it tells of its inner process, ``ended`` once it has ended; ``inner`` is the id of the
    inner process as the host sees it, as soon as that is known. Whoever holds it closes the descriptors.
    """

    def __init__(self, pipes: Pipes, *, news: int, ended: int = -1) -> None:
        self.pipes = pipes
        self.news = news
        self.ended = ended
        self.inner: int | None = None

    @property
    def watched(self) -> int | None:
        """The process whose tree's memory counts."""
        return self.inner

    def has_too_many_files(self, limits: Limits) -> bool:
        """Whether more lies in a folder of its memory than allowed, as far as nothing else sees to that."""
        inner = self.inner
        return inner is not None and any(
            memory.files_in(inner, folder) > limits.tmp_files for folder in (SCRATCH, SHARED_MEMORY)
        )

    @abstractmethod
    def hear(self) -> bool:
        """Take what ``news`` tells now, and return whether it may tell more."""

    @abstractmethod
    def kill(self) -> None:
        """Kill the inner process, with which its whole tree ends; before it is known, whatever starts it."""

    @abstractmethod
    def kill_starter(self) -> None:
        """Kill what started the inner process, too: the last resort."""

    @abstractmethod
    def collect(self) -> Exit:
        """Wait for the end, and tell of it."""

    @abstractmethod
    def abandon(self) -> None:
        """Kill it and wait, without opening a descriptor: those may be what is missing."""
