"""Which strategies fit a target: the built-in ones on the examples, and each reason why one does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from improvement.engine.fitting import check_fits, means, needs_of, ranked, why_not
from improvement.engine.measurement import Task
from improvement.engine.numbers import has_code, numbers
from improvement.engine.packages import NEEDS, StrategyPackage, builtin_names, find_builtin
from improvement.exceptions import StrategyError
from improvement.targets.importing import load
from tests.architecture.sources import PROJECT

BUILTIN = [find_builtin(name) for name in builtin_names()]
BLOCK = "# EVOLVE-BLOCK-START\n{inside}\n# EVOLVE-BLOCK-END\n"


def example(name: str) -> Task:
    found = load(PROJECT / "examples" / name)
    return Task(found.manifest, found.tree)


def needing(*needs: str, kinds: tuple[str, ...] = ()) -> StrategyPackage:
    return replace(find_builtin("parameters"), name="mine", kinds=kinds, needs=needs)


@pytest.mark.parametrize(
    ("target", "best"),
    [
        ("valley", "evolution"),
        ("circle_packing", "evolution"),
        ("bin_packing", "evolution"),
        ("connect_four", "parameters"),
        ("cartpole", "policy"),
        ("acrobot", "policy"),
        ("stream", "online"),
    ],
)
def test_what_is_made_for_a_target_comes_first(target: str, best: str) -> None:
    given = means(example(target))
    fitting = [package.name for package in ranked(BUILTIN, given)]
    assert fitting[0] == best
    assert set(fitting) == {package.name for package in BUILTIN if not why_not(package, given)}


def test_a_kind_that_a_strategy_does_not_work_on_is_said() -> None:
    given = means(example("connect_four"))
    said = "works on targets of kind code or strategy; this one is of kind parameters"
    assert why_not(find_builtin("evolution"), given) == said


def test_every_need_has_its_sentence() -> None:
    assert all(needs_of(needing(need)) for need in NEEDS)
    assert needs_of(needing("python", "model")) == "an editable Python file and a language model"


def test_a_refusal_is_one_line_with_strategy_target_and_reason() -> None:
    with pytest.raises(StrategyError) as refused:
        check_fits(needing("pipeline"), means(example("valley")), target="valley")
    said = "Strategy 'mine' does not fit valley: it needs a pipeline.toml that may be edited; this target has none."
    assert refused.value.message == said


@pytest.mark.parametrize(
    ("need", "said"),
    [
        ("model", "none that can be asked is set up; the Models page says why"),
        ("command", "COUNTERSIGN_AGENT_PATHS names none"),
    ],
)
def test_what_the_installation_lacks_is_said_until_it_is_there(need: str, said: str) -> None:
    task = example("valley")
    assert said in why_not(needing(need), means(task))
    assert why_not(needing(need), means(task, installed=[need])) == ""


def test_what_costs_money_comes_after_what_is_free() -> None:
    given = means(example("valley"), installed=["model"])
    paid = replace(needing("python", "model", kinds=("code",)), name="a-model")
    assert [one.name for one in ranked([paid, find_builtin("evolution")], given)] == ["evolution", "a-model"]


@pytest.mark.parametrize(
    ("files", "values", "weights"),
    [
        ({"a.py": "x = 1.5\n"}, True, False),
        ({"a.py": BLOCK.format(inside="x = 1.5")}, True, True),
        ({"a.py": "x = 1.5\n" + BLOCK.format(inside="x = [3]")}, True, False),
        ({"a.py": BLOCK.format(inside="x = y[3], f'{4.0}', 2")}, False, False),
        ({"a.txt": "1.5"}, False, False),
        ({"a.py": "x = = 1.5"}, False, False),
    ],
)
def test_numbers_that_may_change(files: Mapping[str, str], values: bool, weights: bool) -> None:
    found = numbers(files)
    assert bool(found) is values
    assert any(number.marked and number.has_point for number in found) is weights


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("'''Says.'''\nX = [[1.0, -2.0], [3.0, 4.0]]\n", False),
        ("X = 1.0\nX.y = f(X)\n", True),
        (BLOCK.format(inside="X: float = 1.0") + "def f():\n    return X\n", False),
        ("def f():\n" + BLOCK.format(inside="    return 1.0"), True),
    ],
)
def test_code_is_more_than_names_set_to_plain_values(text: str, code: bool) -> None:
    assert has_code({"a.py": text}) is code
