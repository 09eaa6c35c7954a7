"""Asks the same functions with values that lie further out than those of the tests, without showing any."""

from cases import TESTS
from checking import failures


def evaluate(candidate, *, seed, stage, case):
    """Return the number of tests that pass."""
    failed = failures(candidate, TESTS, f"holdout {seed}/{case}", far=3 + case)
    return {"metrics": {"passed": len(TESTS) - len(failed)}, "feedback": f"{len(failed)} of {len(TESTS)} fail."}
