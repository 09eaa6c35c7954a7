"""Titles: a whole change in a few words, made from the files alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from improvement.engine.pipelines import completed, write
from improvement.engine.titles import LONGEST, NOTHING, title

START = '''\
import math

MARGIN = 0.01
STEPS = 5


def construct(n):
    """Place n points."""
    points = [[0.5, 0.5]]
    points = points[:n]
    return points


def radius(points):
    return 0.1 * len(points)
'''


def _title(*replaced: tuple[str, str]) -> str:
    text = START
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    return title({"packing.py": START}, {"packing.py": text})


LOOP = "    for point in points:\n        point[0] = point[0] * 0.9\n    return points"
ONE_LITERAL = ("0.1 *", "0.2 *")
TWO_LITERALS = ("[[0.5, 0.5]]", "[[0.25, 0.75]]")


@pytest.mark.parametrize(
    ("replaced", "expected"),
    [
        ((), NOTHING),
        ((("Place n points.", "Put them."),), "packing.py: comments or layout only"),
        ((ONE_LITERAL,), "radius: 0.1 → 0.2"),
        ((("0.1 *", "0.10000001 *"),), "radius: 0.1 → 0.10000001"),
        ((("STEPS = 5", "STEPS = 5.0"),), "STEPS 5 → 5.0"),
        ((TWO_LITERALS,), "construct: 2 literals"),
        ((("    return points", LOOP),), "construct: new loop"),
        ((("    return points", LOOP), TWO_LITERALS), "construct: new loop, 2 literals"),
        ((ONE_LITERAL, ("    return points", LOOP)), "construct: new loop; radius: 0.1 → 0.2"),
        ((("points[:n]", "points[1:n]"),), "construct: statement changed"),
        ((("    points = points[:n]\n", ""),), "construct: statement removed"),
        ((("MARGIN = 0.01", "MARGIN = 0.008"),), "MARGIN 0.01 → 0.008"),
        ((("MARGIN = 0.01", "MARGIN = -1"), ("STEPS = 5", "STEPS = 9")), "2 parameters: MARGIN 0.01 → -1, STEPS 5 → 9"),
        ((("STEPS = 5", "STEPS = 9"), ONE_LITERAL), "radius: 0.1 → 0.2; STEPS 5 → 9"),
        ((("STEPS = 5\n", ""),), "STEPS removed"),
        ((("STEPS = 5", "STEPS = 5\nMORE = 'x'"),), "new MORE = 'x'"),
        ((("import math", "import math\nimport random"),), "imports random"),
        ((("import math", "from os import path"),), "imports os; import of math removed"),
        ((("def radius(points)", "def size(points)"),), "new function size; function radius removed"),
        ((("    return 0.1", "    if points:\n        return 0.1"),), "radius: new condition"),
        ((("return 0.1 *", "return 0.1 +* ("),), "packing.py: 1 line added, 1 removed"),
    ],
)
def test_a_title_says_what_changes(replaced: tuple[tuple[str, str], ...], expected: str) -> None:
    assert _title(*replaced) == expected


def test_moved_functions_are_not_called_layout() -> None:
    functions = "def a():\n    return 1\n", "def b():\n    return 2\n"
    old, new = "".join(functions), "".join(reversed(functions))
    assert title({"f.py": old}, {"f.py": new}) == "rearranged"


def test_a_function_defined_twice_is_compared_wholly() -> None:
    old = "def a():\n    return 1\ndef a():\n    return 2\n"
    assert title({"f.py": old}, {"f.py": old.replace("1", "3")}) == "a: 1 → 3"


def test_methods_carry_the_name_of_their_class() -> None:
    old = "class Net:\n    rate = 0.1\n    def step(self):\n        return 1\n"
    new = old.replace("0.1", "0.5").replace("return 1", "return 2")
    assert title({"f.py": old}, {"f.py": new}) == "Net.step: 1 → 2; Net.rate 0.1 → 0.5"


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        ("p.toml", "lr = 0.1\n[a]\nb = 8\n", "lr = 0.05\n[a]\nb = 16\n", "2 parameters: lr 0.1 → 0.05, a.b 8 → 16"),
        ("p.json", '{"lr": 0.1}', '{"lr": 0.05}', "lr 0.1 → 0.05"),
        ("p.json", '{"lr": 0.1}', '{"rate": 0.1}', "p.json: 1 line added, 1 removed"),
        ("p.json", '{"lr": [1]}', '{"lr": [2]}', "p.json: 1 line added, 1 removed"),
        ("p.toml", "lr = 0.1\n", "lr = \n", "p.toml: 1 line added, 1 removed"),
        ("prompt.txt", "Be brief.\n", "Be brief.\nBe kind.\n", "prompt.txt: 1 line added, 0 removed"),
    ],
)  # fmt: skip
def test_other_files(path: str, old: str, new: str, expected: str) -> None:
    assert title({path: old}, {path: new}) == expected


def test_files_that_come_and_go_are_named() -> None:
    assert title({"a.py": "x"}, {"b.py": "x"}) == "a.py removed; b.py added"
    assert title({}, {"a\x00.py": "x"}) == "'a\\x00.py' added"


def test_what_does_not_fit_is_counted() -> None:
    old = "".join(f"def function_{n}():\n    return {n}.5\n" for n in range(30))
    said = title({"f.py": old}, {"f.py": old.replace(".5", ".25")})
    assert said.startswith("function_0: 0.5 → 0.25; function_1: 1.5 → 1.25; ")
    assert said.endswith(" more")
    assert len(said) <= LONGEST


def test_many_parameters_are_counted_and_cut() -> None:
    old = "".join(f"parameter_{n} = {n}\n" for n in range(40))
    said = title({"f.py": old}, {"f.py": old.replace("= ", "= 1")})
    assert said.startswith("40 parameters: parameter_0 0 → 10, parameter_1 1 → 11, ")
    assert said.endswith(", …")
    assert len(said) <= LONGEST


def test_a_name_that_is_too_long_is_cut() -> None:
    old = f"def {'a' * 500}():\n    return 1\n"
    assert len(title({"f.py": old}, {"f.py": old.replace("1", "2")})) == LONGEST


@pytest.mark.parametrize(
    "hostile",
    ["(" * 5000, "x = " + "-" * 20000 + "1", f"x = {'9' * 6000}", "x = '\\ud800\\0'", "def f():\n  return '\\u202e'"],
)
def test_hostile_text_gets_a_title_that_prints(hostile: str) -> None:
    assert title({"f.py": "x = 1\n"}, {"f.py": hostile}).isprintable()


SNIPPETS = some.sampled_from(
    [
        "x = 1\n",
        "y = -2.5\n",
        "def f():\n    return 1\n",
        "def f():\n    for a in b:\n        pass\n",
        "import os\n",
        "class A:\n    z = 1\n",
        "try:\n    f(1)\nexcept E:\n    g(2)\n",
        "match x:\n    case 1:\n        pass\n",
        "# note\n",
    ]
)
PROGRAMS = some.lists(SNIPPETS, max_size=6).map("".join)


@given(PROGRAMS, PROGRAMS)
def test_every_difference_has_a_title_and_none_is_called_one(old: str, new: str) -> None:
    said = title({"f.py": old}, {"f.py": new})
    assert (said == NOTHING) == (old == new)
    assert 0 < len(said) <= LONGEST


def test_a_pipeline_is_told_in_its_own_words() -> None:
    old = write(completed({"model": "linear"}))
    new = write(completed({"model": "linear", "bins": 4, "penalty": "lasso"}))
    said = "numbers also in 4 bins; lasso penalty instead of ridge"
    assert title({"pipeline.toml": old}, {"pipeline.toml": new}) == said
    assert title({"pipeline.toml": "x = 1\n"}, {"pipeline.toml": "x = 2\n"}) == "x 1 → 2"
