"""Moving the numbers in a program: evolution-strategy steps whose sizes are inherited and adapt themselves."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass

from change import Change, Draw, NothingToDo
from scope import is_number
from source import Source

FIRST_SCALE, SMALLEST_SCALE, LARGEST_SCALE = 0.3, 0.002, 1.5
LEARNING_RATE = 0.5
MANY = 6
"""At most this many literals move in one change, so that reviewers can still follow it."""


@dataclass(frozen=True)
class Literal:
    """A number in the text, with a key that most edits elsewhere leave alone."""

    key: str
    node: ast.Constant

    @property
    def value(self) -> float:
        """The number."""
        return self.node.value


def literals(source: Source) -> list[Literal]:
    """Return the numbers that may change, without indices and step counts of slices, in the order of the text."""
    found: list[Literal] = []
    counts: dict[str, int] = {}
    for node in source.nodes(ast.Constant):
        if not is_number(node) or isinstance(source.parents[node], (ast.Subscript, ast.Slice, ast.MatchValue)):
            continue
        function = source.function_of(node)
        name = function.name if function else ""
        counts[name] = counts.get(name, 0) + 1
        found.append(Literal(f"{source.path}:{name}:{counts[name]}", node))
    return found


def move_one(draw: Draw) -> Change:
    """Move one number."""
    return moved(draw, [draw.pick(weighted(literals(draw.source)))])


def move_many(draw: Draw) -> Change:
    """Move several numbers at once, each by its own step size."""
    pool = weighted(literals(draw.source))
    chosen = {draw.pick(pool).key for _ in range(draw.chance.randint(2, MANY))}
    return moved(draw, [literal for literal in literals(draw.source) if literal.key in chosen])


def move_again(draw: Draw) -> Change:
    """Go on in the direction in which the parent improved."""
    known = [literal for literal in literals(draw.source) if literal.key in draw.last_step]
    if not known:
        raise NothingToDo
    stretch = draw.chance.choice((0.5, 1.0, 2.0))
    edits, steps = [], {}
    for literal in known:
        step = draw.last_step[literal.key] * stretch
        edits.append(draw.source.replace(literal.node, written(shifted(literal.value, step))))
        steps[literal.key] = step
    return Change(edits, f"go on moving {len(edits)} number(s) the way that helped before", steps=steps)


def weighted(pool: list[Literal]) -> list[Literal]:
    """Return the literals with those repeated that are more than a 0, 1 or 2 of the program's form."""
    return [literal for literal in pool for _ in range(1 if literal.value in (0, 1, 2) else 4)]


def moved(draw: Draw, chosen: list[Literal]) -> Change:
    """Return the change that moves these literals, each by a step of its own adapted size."""
    edits, notes = [], []
    scales: dict[str, float] = {}
    steps: dict[str, float] = {}
    for literal in chosen:
        scale = draw.scales.get(literal.key, FIRST_SCALE) * math.exp(LEARNING_RATE * draw.chance.gauss(0, 1))
        scales[literal.key] = min(max(scale, SMALLEST_SCALE), LARGEST_SCALE)
        steps[literal.key] = scales[literal.key] * draw.chance.gauss(0, 1)
        text = written(shifted(literal.value, steps[literal.key]))
        edits.append(draw.source.replace(literal.node, text))
        notes.append(f"{draw.source.segment(literal.node)} → {text}")
    return Change(edits, "move " + ", ".join(notes), scales, steps)


def shifted(value: float, step: float) -> float:
    """Return a number moved by a relative step: on a log scale, at least by one for integers, from 0 outwards."""
    if type(value) is int:
        distance = round(value * (math.exp(min(step, 3.0)) - 1)) or (1 if step > 0 else -1)
        return value + distance if value + distance >= min(value, 1) else value + 1
    if value == 0:
        return step
    return value * math.exp(step)


def written(value: float) -> str:
    """Return a number as it stands in code: integers whole, others with five significant digits."""
    if type(value) is int:
        return str(value)
    text = repr(float(f"{value:.5g}"))
    return f"({text})" if text.startswith("-") else text
