"""What a candidate's files set declared parameters to."""

from __future__ import annotations

import pytest

from improvement.engine.manifest import Parameter
from improvement.engine.parameter_values import read_values


def space(*names: str) -> list[Parameter]:
    return [Parameter(name, "float", 0.0, 1.0) for name in names]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"a.py": "x = 1.0\nx: float = -2.0\n"}, {"x": -2.0}),
        ({"a.py": "x = y = 'left'\n"}, {"x": "left"}),
        ({"a.py": "def f():\n    x = 1.0\n"}, {}),
        ({"a.py": "x = f(1)\n", "b.json": '{"x": true}'}, {"x": True}),
        ({"a.toml": "x = 3\n", "b.py": "x = 4\n"}, {"x": 3}),
        ({"a.py": "x = = 1"}, {}),
        ({"a.txt": "x = 1"}, {}),
        ({"a.py": "x = [1, 2]"}, {}),
    ],
)
def test_values_of_parameters(files: dict[str, str], found: dict[str, object]) -> None:
    assert read_values(space("x"), files) == found


def test_a_dotted_name_reaches_into_tables() -> None:
    assert read_values(space("model.depth"), {"a.toml": "[model]\ndepth = 4\n"}) == {"model.depth": 4}


def test_without_declared_parameters_nothing_is_read() -> None:
    assert read_values([], {"a.py": "x = 1"}) == {}
