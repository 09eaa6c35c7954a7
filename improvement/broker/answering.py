"""One round of questions put to models: several at a time, each only when what it may cost at most still fits."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol

from improvement.broker.cutting import Cut
from improvement.engine.consulting import TOO_DEAR, Cost, Offer, Round, round_of
from improvement.engine.model_calls import ModelAnswer, ModelRequest
from improvement.exceptions import Halted

AT_ONCE = 4
BEAT_SECONDS = 5.0
LOOK_SECONDS = 0.5

Ask = Callable[[ModelRequest], ModelAnswer]


class Ledger(Protocol):
    """What a run spends on models. Only the thread that puts the round calls it."""

    def known(self, index: int, request: ModelRequest) -> ModelAnswer | None:
        """Return the answer to a round's question that need not be put: on record, or of a model that is not there."""

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
    cut: Cut,
) -> Round:
    """Put all questions and return the round; ``asks`` and ``offers`` are the models by their names.

    What the budget has no room for is answered with the error ``TOO_DEAR``: whether it has is decided in the order of
    the questions, with everything before them settled where that matters, so it does not depend on who answers first.
    ``beat`` is called every few seconds and may raise to end the waiting. As soon as ``stop`` answers true no question
    is put any more, what is under way is cut off by ``cut``, what was answered is recorded, and Halted is raised.
    """
    found = _Putting(requests, asks, offers, ledger, stop)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            _see_through(found, pool, beat, cut)
        except BaseException:
            cut.make()
            raise
    if found.halted:
        raise Halted("The run is stopped, or everything is; no model is asked before that is lifted.")
    return round_of(requests, [found.answers[index] for index in range(len(requests))], found.lacking)


def _see_through(found: _Putting, pool: ThreadPoolExecutor, beat: Callable[[], None], cut: Cut) -> None:
    """Start questions and take in answers until none is to come."""
    beats_at = 0.0
    while found.is_under_way(pool):
        if found.halted:
            cut.make()
        if time.monotonic() >= beats_at:
            beat()
            beats_at = time.monotonic() + BEAT_SECONDS
        found.wait()


class _Putting:
    """A round while it is put."""

    def __init__(
        self,
        requests: Sequence[ModelRequest],
        asks: Mapping[str, Ask],
        offers: Mapping[str, Offer],
        ledger: Ledger,
        stop: Callable[[], bool],
    ) -> None:
        self._requests = requests
        self._asks = asks
        self._offers = offers
        self._ledger = ledger
        self._stop = stop
        self._waiting = deque(range(len(requests)))
        self._flying: dict[Future[ModelAnswer], int] = {}
        self.answers: dict[int, ModelAnswer] = {}
        self.lacking: Cost | None = None
        self.halted = False

    def is_under_way(self, pool: ThreadPoolExecutor) -> bool:
        """Start what can start, and tell whether anything is still to come."""
        self.halted = self.halted or self._stop()
        while not self.halted and self._waiting and len(self._flying) < AT_ONCE:
            if not self._start(self._waiting[0], pool):
                break
            self._waiting.popleft()
        return bool(self._flying)

    def wait(self) -> None:
        """Take in the answers that come soon."""
        done, _ = wait(self._flying, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            self._take(self._flying.pop(future), future)

    def _take(self, index: int, future: Future[ModelAnswer]) -> None:
        """Settle a question by its answer; one that was cut off has none."""
        if isinstance(future.exception(), Halted):
            self.halted = True
            return
        request, answer = self._requests[index], future.result()
        self._ledger.settle(index, request, self._most(request), answer)
        self.answers[index] = answer

    def _start(self, index: int, pool: ThreadPoolExecutor) -> bool:
        """Put a question or settle it at once; False while it has to wait."""
        request = self._requests[index]
        if (known := self._ledger.known(index, request)) is not None:
            self.answers[index] = known
            return True
        most = self._most(request)
        if self._ledger.reserve(index, request, most):
            self._flying[pool.submit(self._asks[request.model], request)] = index
            return True
        if self._flying:
            return False
        self.answers[index] = ModelAnswer.failed(request.model, TOO_DEAR)
        self.lacking = most if self.lacking is None else min(self.lacking, most, key=lambda cost: cost.tokens)
        return True

    def _most(self, request: ModelRequest) -> Cost:
        return self._offers[request.model].most(request)
