"""Runs the tests: how many of them pass."""

from cases import TESTS
from checking import failures


def evaluate(candidate, *, seed, stage, case):
    """Return the number of tests that pass; the feedback shows the examples of those that fail."""
    failed = failures(candidate, TESTS, seed)
    said = "\n".join(f"FAILED {name}: {message}" for name, message in failed.items())
    return {"metrics": {"passed": len(TESTS) - len(failed)}, "feedback": said or "All tests pass."}
