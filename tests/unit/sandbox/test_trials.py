"""How long the answer of a sandbox trial is kept."""

from __future__ import annotations

import threading
import time

import pytest

from improvement.sandbox.levels import FULL, RETRY_SECONDS, RETRY_WEAKER_SECONDS, Probe, Trials

HELD = Probe(FULL, "bubblewrap")
WEAKER = Probe(2, "landlock", ("no namespaces",))
NOT_HELD = Probe(0, "none", ("no namespaces",))


class Machine:
    """A machine whose sandbox gives these answers in turn, at a time that the test says."""

    def __init__(self, *answers: Probe) -> None:
        self.now, self.tried, self._answers = 100.0, 0, answers

    def trial(self) -> Probe:
        self.tried += 1
        return self._answers[self.tried - 1]

    def clock(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("found", "seconds", "tried"),
    [
        (HELD, 1e9, 1),
        (WEAKER, RETRY_WEAKER_SECONDS - 0.1, 1),
        (WEAKER, RETRY_WEAKER_SECONDS, 2),
        (NOT_HELD, RETRY_SECONDS - 0.1, 1),
        (NOT_HELD, RETRY_SECONDS, 2),
    ],
)
def test_an_answer_is_kept_for_good_when_it_held_and_else_for_a_while(found: Probe, seconds: float, tried: int) -> None:
    machine = Machine(found, HELD)
    trials = Trials(machine.trial, machine.clock)
    assert trials.answer() == found
    machine.now += seconds
    assert trials.answer() == (found if tried == 1 else HELD)
    assert machine.tried == tried


def test_threads_that_ask_at_once_share_one_trial() -> None:
    started: list[int] = []

    def slow() -> Probe:
        started.append(1)
        time.sleep(0.1)
        return NOT_HELD

    trials = Trials(slow)
    askers = [threading.Thread(target=trials.answer) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(started) == 1
