"""One test put to the library: right about everything that it is asked, or not, and what to say of that."""

import json
import random

import right

from countersign import CandidateFailed

DRAWN = 6


def failures(candidate, tests, seed, far=1):
    """Return what is wrong, by the names of the tests that fail; one sentence each, which shows the example alone."""
    found = {test.name: _failure(candidate, test, random.Random(f"{seed}/{test.name}"), far) for test in tests}
    return {name: message for name, message in found.items() if message}


def _failure(candidate, test, chance, far):
    shown = _wrong(candidate, test, test.example)
    if shown:
        return shown
    if any(_wrong(candidate, test, test.draw(chance, far)) for _ in range(DRAWN)):
        return f"{_call(test, test.example)} is right, but other calls of its kind that follow are not"
    return ""


def _wrong(candidate, test, arguments):
    expected = getattr(right, test.function)(*arguments)
    try:
        answer = candidate.module(test.module).within(2.0).call(test.function, *arguments)
    except CandidateFailed as failure:
        return f"{_call(test, arguments)} should be {json.dumps(expected)}; {failure}"
    if type(answer) is type(expected) and answer == expected:
        return ""
    return f"{_call(test, arguments)} should be {json.dumps(expected)} and is {json.dumps(answer)[:200]}"


def _call(test, arguments):
    return f"{test.module}.{test.function}({', '.join(map(json.dumps, arguments))})"
