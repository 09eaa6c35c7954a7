"""One round of commands: a few programs at a time, each recorded as soon as it has ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import Protocol

from improvement.engine.errands import Command, Done, Outing, outing_of
from improvement.exceptions import Halted

AT_ONCE = 2
BEAT_SECONDS = 5.0

Do = Callable[[Command, Callable[[], bool]], Done]


class Book(Protocol):
    """What is known of a round; only the thread that runs the round calls it."""

    def recorded(self, place: int, command: Command) -> Done | None:
        """Return what came of a command already: the round was cut short once before."""

    def did(self, place: int, command: Command, done: Done) -> None:
        """Record what came of a command."""


def run(
    commands: Sequence[Command], *, do: Do, book: Book, stop: Callable[[], bool], beat: Callable[[], None]
) -> Outing:
    """Run all commands that are not on record, and return the round.

    ``beat`` is called every few seconds; when it raises, or a program does, what is still at work is ended. Under a
    stop, what had ended before is recorded all the same.
    """
    known = {place: book.recorded(place, command) for place, command in enumerate(commands)}
    broken = Event()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        flying: dict[Future[Done], int] = {
            pool.submit(do, commands[place], lambda: broken.is_set() or stop()): place
            for place, done in known.items()
            if done is None
        }
        try:
            _take_in(flying, commands, known, book, beat)
        except BaseException as cause:
            broken.set()
            pool.shutdown(cancel_futures=True)
            if isinstance(cause, Halted):
                _save(flying, commands, book)
            raise
    return outing_of(commands, [done for _, done in sorted(known.items()) if done is not None])


def _save(flying: dict[Future[Done], int], commands: Sequence[Command], book: Book) -> None:
    """Record what has ended and is not taken in."""
    for future, place in flying.items():
        if not future.cancelled() and future.exception() is None:
            book.did(place, commands[place], future.result())


def _take_in(
    flying: dict[Future[Done], int],
    commands: Sequence[Command],
    known: dict[int, Done | None],
    book: Book,
    beat: Callable[[], None],
) -> None:
    while flying:
        done, _ = wait(flying, timeout=BEAT_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            result = future.result()
            place = flying.pop(future)
            known[place] = result
            book.did(place, commands[place], result)
        beat()
