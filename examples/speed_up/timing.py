"""How long the candidate takes, compared with the function as it was."""

import math
import statistics
import time

from articles import draw

from countersign import CandidateFailed

REPEATS = 15
COUNT = 5
ODD = [[], [[]], [["a"]], [["a"], ["a"]], [[], ["a", "b"], ["b"], ["b", "a"]], [["x"]] * 9]


def compare(candidate, slow, seed, **shape):
    """Return how much faster the candidate is than `slow`, in doublings and in times, with a sentence that says so.

    Both are timed in turns, on articles that never come again, and the median of the ratios counts: what else runs on
    the machine slows down both. Raises CandidateFailed when an answer is wrong.
    """
    for articles in ODD:
        answered(candidate, slow, articles)
    pairs = [answered(candidate, slow, draw(f"{seed}/{number}", **shape)) for number in range(REPEATS)]
    times = statistics.median(before / now for before, now in pairs)
    return {
        "metrics": {"doublings": math.log2(times), "times": times},
        "feedback": f"All answers are right; {times:.3g} times as fast as it was.",
    }


def answered(candidate, slow, articles):
    """Return the seconds that `slow` and the candidate need; raises CandidateFailed when their answers differ."""
    began = time.perf_counter()
    expected = slow(articles, COUNT)
    before = time.perf_counter() - began
    began = time.perf_counter()
    answer = candidate.call("related", articles, COUNT)
    now = time.perf_counter() - began
    if answer != expected:
        raise CandidateFailed(f"the answer for {len(articles)} articles is wrong")
    return before, now
