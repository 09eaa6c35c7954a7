"""Programs of one canonical form do the same; what could make a difference keeps them apart."""

from __future__ import annotations

import pytest

from improvement.engine.syntax import normal_form, syntax_digest


def same(one: str, other: str) -> bool:
    """Tell whether two programs count as one."""
    return syntax_digest({"a.py": one}) == syntax_digest({"a.py": other})


HELD = "def f():\n    class A:\n        {0} = 1\n    {0} = 2\n    return A, {0}\n"
HANDED = "def f():\n    {0} = 1\n    g = lambda {0}: {0}\n    return g, {0}\n"
DEFAULT = "x, y = 1, 100\ndef f(a={0}):\n    {0} = 2\n    return {0} + a\n"
DECORATED = "@{0}\ndef f():\n    {0} = 2\n    return {0}\n"
INNER = "def f(x, y):\n    def g(a={0}):\n        {0} = 2\n        return {0} + a\n    return g()\n"
LOOP = "def f(items):\n    {0} = 0\n    for {1} in items:\n        {0} += {1}\n    return {0}\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LOOP.format("total", "item"), LOOP.format("a", "b")),
        (LOOP.format("total", "item"), '"""Add."""\n' + LOOP.format("b", "a") + "# the end\n"),
        ("x = 2 * 3 + 1", "x = 7"),
        ("x = -(-4)", "x = 4"),
        ("def f():\n    with g() as h:\n        return h", "def f():\n    with g() as k:\n        return k"),
        (
            "def f():\n    a = 1\n    def g():\n        b = a\n        return b\n    return g",
            "def f():\n    x = 1\n    def g():\n        y = x\n        return y\n    return g",
        ),
        ("def f(n):\n    a = 2\n    return [i * a for i in n]", "def f(n):\n    b = 2\n    return [i * b for i in n]"),
        ("async def f():\n    a = await g()\n    return a", "async def f():\n    b = await g()\n    return b"),
    ],
)
def test_names_of_locals_and_sums_of_numbers_do_not_matter(one: str, other: str) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LOOP.format("total", "item"), LOOP.format("total", "total")),
        ("a = 1", "b = 1"),
        ("def f(a):\n    return a", "def f(b):\n    return b"),
        ("def f():\n    global a\n    a = 1", "def f():\n    global b\n    b = 1"),
        ("def f():\n    a = 1\n    return locals()", "def f():\n    b = 1\n    return locals()"),
        (HELD.format("a"), HELD.format("b")),
        (HANDED.format("a"), HANDED.format("b")),
        ("def f():\n    a = 1\n    return a + c", "def f():\n    c = 1\n    return c + c"),
        ("def f():\n    a, b = 1, 2\n    return a - b", "def f():\n    a, b = 1, 2\n    return b - a"),
        ("def f():\n    return [a for a in b] + a", "def f():\n    return [c for c in b] + a"),
        (DEFAULT.format("x"), DEFAULT.format("y")),
        (DECORATED.format("x"), DECORATED.format("y")),
        (INNER.format("x"), INNER.format("y")),
        ("x = 2 * 3", "x = 6.0"),
        ("x = 'a' * 3", "x = 'aaa'"),
        ("x = True + 1", "x = 2"),
        ("x = 10**18 * 10**18", "x = 10**36"),
        ("x = 1000000000 * 10000000000", "x = 10000000000000000000"),
    ],
)
def test_what_could_make_a_difference_does(one: str, other: str) -> None:
    assert not same(one, other)


def test_a_change_of_names_alone_can_still_be_told_to_people() -> None:
    assert normal_form("a.py", LOOP.format("total", "item")) != normal_form("a.py", LOOP.format("a", "b"))


def test_numbers_beyond_all_measure_are_left_as_they_are() -> None:
    assert normal_form("a.py", f"x = {'9' * 400} + 1.0") is not None
    assert not same(f"x = {'9' * 400} + 1.0", f"x = {'9' * 400} + 2.0")
