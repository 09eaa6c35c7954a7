"""One round of questions put to models: several at a time, each only when what it may cost at most still fits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol

from improvement.engine.consulting import TOO_DEAR, Cost, Offer, Round, round_of
from improvement.engine.model_calls import ModelAnswer, ModelRequest
from improvement.exceptions import Halted

AT_ONCE = 4
BEAT_SECONDS = 5.0

Ask = Callable[[ModelRequest], ModelAnswer]


class Ledger(Protocol):
    """What a run spends on models. Only the thread that puts the round calls it."""

    def recorded(self, index: int, request: ModelRequest) -> ModelAnswer | None:
        """Return the answer to a round's question that is on record already: the round was cut short once before."""

    def reserve(self, index: int, request: ModelRequest, most: Cost) -> bool:
        """Set aside what a question may cost; False, and nothing set aside, when the budget has not that much left."""

    def settle(self, index: int, request: ModelRequest, most: Cost, answer: ModelAnswer) -> None:
        """Record an answer, and count what it did cost in place of what was set aside."""


def put(
    requests: Sequence[ModelRequest],
    *,
    asks: Mapping[str, Ask],
    offers: Mapping[str, Offer],
    ledger: Ledger,
    stop: Callable[[], bool],
    beat: Callable[[], None],
) -> Round:
    """Put all questions and return the round; ``asks`` and ``offers`` are the models by their names.

    What the budget has no room for is answered with the error ``TOO_DEAR``: whether it has is decided in the order of
    the questions, with everything before them settled where that matters, so it does not depend on who answers first.
    ``beat`` is called every few seconds and may raise to end the waiting. Raises Halted as soon as ``stop`` answers
    true and what is under way is answered and recorded; no question is put after that.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = _Putting(requests, asks, offers, ledger, stop, pool)
        while found.is_under_way():
            found.wait()
            beat()
    if found.halted:
        raise Halted("Everything is stopped; no model is asked before that is lifted.")
    return round_of(requests, [found.answers[index] for index in range(len(requests))], found.lacking)


class _Putting:
    """A round while it is put."""

    def __init__(
        self,
        requests: Sequence[ModelRequest],
        asks: Mapping[str, Ask],
        offers: Mapping[str, Offer],
        ledger: Ledger,
        stop: Callable[[], bool],
        pool: ThreadPoolExecutor,
    ) -> None:
        self._requests = requests
        self._asks = asks
        self._offers = offers
        self._ledger = ledger
        self._stop = stop
        self._pool = pool
        self._waiting = deque(range(len(requests)))
        self._flying: dict[Future[ModelAnswer], int] = {}
        self.answers: dict[int, ModelAnswer] = {}
        self.lacking: Cost | None = None
        self.halted = False

    def is_under_way(self) -> bool:
        """Start what can start, and tell whether anything is still to come."""
        while self._waiting and len(self._flying) < AT_ONCE and self._start(self._waiting[0]):
            self._waiting.popleft()
        return bool(self._flying)

    def wait(self) -> None:
        """Take in the answers that come within a few seconds."""
        done, _ = wait(self._flying, timeout=BEAT_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            index = self._flying.pop(future)
            request, answer = self._requests[index], future.result()
            self._ledger.settle(index, request, self._most(request), answer)
            self.answers[index] = answer

    def _start(self, index: int) -> bool:
        """Put a question or settle it at once; False while it has to wait, or must not be put any more."""
        request = self._requests[index]
        if (known := self._ledger.recorded(index, request)) is not None:
            self.answers[index] = known
            return True
        if self._stop():
            self.halted = True
            return False
        most = self._most(request)
        if self._ledger.reserve(index, request, most):
            self._flying[self._pool.submit(self._asks[request.model], request)] = index
            return True
        if self._flying:
            return False
        self.answers[index] = ModelAnswer.failed(request.model, TOO_DEAR)
        self.lacking = most if self.lacking is None else min(self.lacking, most, key=lambda cost: cost.tokens)
        return True

    def _most(self, request: ModelRequest) -> Cost:
        return self._offers[request.model].most(request)
