"""Answers that are written down: each sign is seen in a cheat, and not in an honest change."""

from __future__ import annotations

import pytest

from improvement.engine.answers import known_answers
from improvement.engine.findings import Severity

START = '''\
"""Pack circles."""

def construct(n):
    """Return n centres."""
    centres = []
    for i in range(n):
        centres.append([0.5 + i / n, 0.5])
    return centres
'''
EVALUATOR = "EXPECTED = [0.123456, 0.987654]\nGREETING = 'the quick brown fox'\n\ndef evaluate(candidate): ...\n"
POINTS = [[round(0.0371 * i % 1, 3), round(0.0113 * i % 1, 3)] for i in range(26)]

CHEATS = {
    "answer_table": f"def construct(n):\n    points = {POINTS}\n    return points[:n]\n",
    "answer_text": f"import json\ndef construct(n):\n    return json.loads('{POINTS}')[:n]\n",
    "answer_fixed": "def construct(n):\n    '''Return n centres.'''\n    return [[0.5, 0.5], [0.2, 0.2]]\n",
    "answer_copied": START.replace("0.5 + i / n", "0.123456 + i * 0.987654"),
    "secret": START + 'KEY = "ghp_' + "a1B2" * 9 + '"\n',
}
HONEST = {
    "another number": START.replace("0.5 +", "0.4375123 +"),
    "a loop": START.replace("    return centres", "    for c in centres:\n        c[0] %= 1.0\n    return centres"),
    "a few numbers": START.replace("return centres", "weights = [0.1, 0.2, 0.3, 0.4]\n    return centres"),
    "a long docstring": START.replace("Return n centres.", "Return n centres. " + "They lie on a line. " * 30),
    "a helper that is constant from the start": START + "\ndef margin():\n    return 0.01\n",
    "a greeting of its own": START + "\nNAME = 'the slow brown fox'\n",
}


def codes(after: str, before: str = START) -> dict[str, Severity]:
    found = known_answers({"packing.py": before}, {"packing.py": after}, {"evaluator.py": EVALUATOR})
    return {one.code: one.severity for one in found}


@pytest.mark.parametrize("code", CHEATS)
def test_a_cheat_shows(code: str) -> None:
    assert code in codes(CHEATS[code])


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_change_does_not(name: str) -> None:
    assert codes(HONEST[name]) == {}


@pytest.mark.parametrize("code", CHEATS)
def test_what_was_there_before_is_no_news(code: str) -> None:
    assert codes(CHEATS[code] + "\n# more\n", CHEATS[code]) == {}


def test_a_secret_blocks_and_the_others_ask_for_a_second_person() -> None:
    assert codes(CHEATS["secret"]) == {"secret": Severity.BLOCK}
    assert set(codes(CHEATS["answer_table"]).values()) == {Severity.SECOND_PERSON}


def test_one_long_text_of_the_evaluator_is_enough_and_data_files_count_too() -> None:
    copied = START + "\nTEXT = 'a line that only the fixture holds'\n"
    data = {"answers.csv": "id,text\n1,a line that only the fixture holds\n"}
    found = known_answers({"packing.py": START}, {"packing.py": copied}, data)
    assert [one.code for one in found] == ["answer_copied"]
    assert "1 value of answers.csv" in found[0].text


def test_what_cannot_be_read_is_no_reason_to_fail() -> None:
    assert known_answers({}, {"a.py": "def (", "b.txt": "plain"}, {"evaluator.py": "def ("}) == ()
