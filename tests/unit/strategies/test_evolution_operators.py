"""Every operator over many draws: valid programs, nothing outside the blocks touched, never the parent again."""

from __future__ import annotations

import ast
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.strategies.loading import EXAMPLE, PACKAGES, modules
from tests.unit.strategies.programs import ALLOCATION, ARRAYS, REGRESSION, run

programs, operators_module, source, variation, literals, work, simplification = modules(
    PACKAGES / "evolution", "member", "operators", "source", "variation", "literals", "work", "simplification"
)
PACKING = (EXAMPLE / "packing.py").read_text()
OPERATORS = operators_module.operators(True)
START, END = "# EVOLVE-BLOCK-START\n", "# EVOLVE-BLOCK-END\n"


def member(text: str) -> object:
    """Return a program as an archive member."""
    return programs.Member.of({"program.py": text}, 1.0, work.work({"program.py": text}), {})


def grown(text: str, chance: random.Random, steps: int) -> object:
    """Return a program after several changes, so that operators also meet what operators make."""
    parent = member(text)
    for _ in range(steps):
        operator = chance.choice(list(OPERATORS.values()))
        child = variation.vary(chance, operator, None, parent, member(text), 0, {})
        parent = child.member(0, 1.0, {}, []) if child is not None else parent
    return parent


@pytest.mark.parametrize("name", list(OPERATORS))
@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32), text=st.sampled_from([PACKING, REGRESSION, ALLOCATION, ARRAYS]), steps=st.integers(0, 4)
)
def test_operator_gives_valid_programs_and_respects_the_blocks(name: str, seed: int, text: str, steps: int) -> None:
    chance = random.Random(seed)
    parent = grown(text, chance, steps)
    child = variation.vary(chance, OPERATORS[name], None, parent, grown(text, chance, steps), 0, {"program.py": text})
    if child is None:
        return
    made = child.files["program.py"]
    ast.parse(made)
    assert made != parent.files["program.py"]
    assert child.digest != parent.digest
    assert "\n" not in child.proposal()["note"]
    if START in text:
        assert made.partition(START)[0] == text.partition(START)[0]
        assert made.partition(END)[2] == text.partition(END)[2]


@pytest.mark.parametrize("name", list(OPERATORS))
def test_operator_finds_something_to_do_in_an_ordinary_program(name: str) -> None:
    chance = random.Random(5)

    def made() -> object:
        parent, donor = grown(PACKING, chance, 2), grown(PACKING, chance, 4)
        key = literals.literals(source.read("program.py", parent.files["program.py"]))[0].key
        parent.steps = {key: 0.3}
        return variation.vary(chance, OPERATORS[name], None, parent, donor, 0, {})

    assert any(made() is not None for _ in range(60))


def test_a_change_leaves_the_rest_of_the_text_as_it_was() -> None:
    chance = random.Random(1)
    child = variation.vary(chance, OPERATORS["move_one"], None, member(REGRESSION), member(REGRESSION), 0, {})
    old, new = REGRESSION.splitlines(), child.files["program.py"].splitlines()
    assert len(old) == len(new)
    assert sum(before != after for before, after in zip(old, new, strict=True)) == 1


def test_a_file_without_markers_may_change_anywhere() -> None:
    chance = random.Random(1)
    lines = set()
    for _ in range(60):
        child = variation.vary(chance, OPERATORS["move_one"], None, member(ALLOCATION), member(ALLOCATION), 0, {})
        new = child.files["program.py"].splitlines()
        lines |= {i for i, line in enumerate(ALLOCATION.splitlines()) if line != new[i]}
    assert len(lines) >= 3


def test_move_again_goes_on_in_the_direction_that_helped() -> None:
    parent = member(REGRESSION)
    parent.steps = {"program.py::1": 0.5}
    moved = [
        variation.vary(random.Random(seed), OPERATORS["move_again"], None, parent, parent, 0, {}).files["program.py"]
        for seed in range(5)
    ]
    assert all(run(text)["SLOPE"] > 0.5 for text in moved)


@pytest.mark.parametrize("value", [0, 1, 2, 7, 400])
@pytest.mark.parametrize("step", [-3.0, -0.01, 0.01, 3.0])
def test_an_integer_always_moves_and_does_not_fall_below_one(value: int, step: float) -> None:
    moved = literals.shifted(value, step)
    assert type(moved) is int
    assert moved != value
    assert moved >= min(value, 1)


def test_climb_is_built_from_the_functions_of_any_program() -> None:
    chance = random.Random(2)
    before = run(ALLOCATION)["allocate"](6)[1]
    reached = []
    for _ in range(12):
        child = variation.vary(chance, OPERATORS["climb"], None, member(ALLOCATION), member(ALLOCATION), 0, {})
        if child is not None:
            assert "misfit(trial)" in child.files["program.py"]
            reached.append(run(child.files["program.py"])["allocate"](6)[1])
    assert min(reached) < 0.2 * before


def test_climb_leaves_the_value_it_started_from_alone() -> None:
    child = variation.vary(random.Random(2), OPERATORS["climb"], None, member(ALLOCATION), member(ALLOCATION), 0, {})
    names = run(child.files["program.py"])
    start = [0.5, 0.5, 0.5]
    names["climb"](start, lambda values: -sum(values), 0.5, 20)
    assert start == [0.5, 0.5, 0.5]


def test_climb_works_on_arrays_and_below_decorators_and_future_imports() -> None:
    chance = random.Random(3)
    before = run(ARRAYS)["arrange"](5)
    children = [
        variation.vary(chance, OPERATORS["climb"], None, member(ARRAYS), member(ARRAYS), 0, {}) for _ in range(12)
    ]
    texts = [child.files["program.py"] for child in children if child is not None]
    assert len(texts) == 12
    assert all(text.startswith(ARRAYS.partition("from functools")[0]) for text in texts)
    assert max(run(text)["arrange"](5) for text in texts) > 0.5 * before


def test_a_statement_can_follow_a_last_line_without_an_end() -> None:
    text = "def f(x):\n    total = 2.5 * x\n    total += 1.5"
    made = []
    for seed in range(20):
        child = variation.vary(random.Random(seed), OPERATORS["duplicate"], None, member(text), member(text), 0, {})
        made.append(child.files["program.py"])
    assert text + "\n    total += 1.5\n" in made


def test_a_form_feed_in_the_text_ends_no_line() -> None:
    text = "x = 'a\x0cb'\n\n\ndef f():\n    return 2.5\n"
    child = variation.vary(random.Random(1), OPERATORS["move_one"], None, member(text), member(text), 0, {})
    assert child.files["program.py"].startswith(text.partition("2.5")[0])


def test_a_file_that_is_not_python_any_more_is_left_alone() -> None:
    files = {"old.py": "print 'hello'\n", "program.py": REGRESSION}
    parent = programs.Member.of(files, 1.0, work.work(files), {})
    child = variation.vary(random.Random(1), OPERATORS["move_one"], None, parent, parent, 0, {})
    assert child.files["old.py"] == files["old.py"]


def test_work_grows_with_loops_and_not_with_literals_elsewhere() -> None:
    def loop(times: int) -> float:
        return work.work(
            {"p.py": f"def f():\n    total = 0\n    for i in range({times}):\n        total += i\n    return total\n"}
        )

    assert loop(1000) == pytest.approx(100 * loop(10), rel=0.2)
    assert work.work({"p.py": "x = 1000\n"}) == work.work({"p.py": "x = 1\n"})


def test_work_follows_bounds_through_calls() -> None:
    text = "def inner(n):\n    return [0 for _ in range(n)]\n\n\ndef outer():\n    return inner({})\n"
    assert work.work({"p.py": text.format(5000)}) > 50 * work.work({"p.py": text.format(20)})


def test_work_of_a_program_that_calls_itself_ends() -> None:
    assert work.work({"p.py": "def f(n):\n    return f(n - 1) + f(n - 2)\n"}) > 0


def test_digest_ignores_layout_comments_and_docstrings() -> None:
    other = REGRESSION.replace("  # odd spacing on purpose", "").replace("]   for", "] for").replace("A first", "Some")
    assert source.digest({"p.py": other}) == source.digest({"p.py": REGRESSION})
    assert source.digest({"p.py": REGRESSION.replace("0.25", "0.26")}) != source.digest({"p.py": REGRESSION})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x + (2.0 * 3.5)", "x + 7.0"),
        ("x * 1.0 + 0", "x"),
        ("x - (-(2.5) - 1.5)", "x - (-4.0)"),
        ("math.sqrt(6.25) * x", "2.5 * x"),
        ("x / (1.0 - 1.0)", "x / 0.0"),
        ("1.0 / 0.0 + x", "1.0 / 0.0 + x"),
        ("2.0 * x * 3.0", "2.0 * x * 3.0"),
    ],
)
def test_calculations_with_nothing_but_numbers_are_made_beforehand(before: str, after: str) -> None:
    base = "import math\n\n\ndef f(x):\n    return {}\n"
    assert simplification.folded("p.py", base.format(before), base) == base.format(after)


def test_calculations_that_were_there_before_stay() -> None:
    text = "MINUTE = 60 * 60\n"
    assert simplification.folded("p.py", text, text) == text


def test_pieces_of_a_change_are_taken_back_the_shortest_result_first() -> None:
    base = "def f(x):\n    y = x\n    return y\n"
    text = "def f(x):\n    y = max(x, 3.0) * 2.0\n    y += 1.0\n    return y\n"
    found = simplification.simplified("p.py", text, base)
    assert found[0] == base
    assert text.replace("max(x, 3.0) * 2.0", "max(x, 3.0)") in found
    assert text.replace("    y += 1.0\n", "") in found
    assert text not in found


EXTRACTING = "def f(x, y):\n    total = (x * y) + 2.0\n    low = total - x\n    high = x + y\n    return low + high\n"


@pytest.mark.parametrize("name", ["extract_name", "extract_function", "extract_statements"])
def test_what_is_extracted_has_a_name_that_is_used_twice(name: str) -> None:
    for seed in range(12):
        child = variation.vary(
            random.Random(seed), OPERATORS[name], None, member(EXTRACTING), member(EXTRACTING), 0, {}
        )
        if child is None:
            continue
        text = child.files["program.py"]
        assert text.count("part_1") >= 3
        assert isinstance(run(text)["f"](2.0, 3.0), float)
        return
    raise AssertionError("nothing was extracted")
