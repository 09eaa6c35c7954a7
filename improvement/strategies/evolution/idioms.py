"""Idioms that people use in numeric programs, built around the functions that a program already has.

Each looks for a value that is made in one statement and judged by a function of the program in another: that
function, summed up where it gives a list, becomes the measure by which the value is improved on the spot.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from change import Change, Draw, short
from expressions import factor, formula, numeric_nodes
from kit.edits import Edit
from literals import literals, shifted, written
from scope import returns, scope_at, shape_of_name
from source import Source, reindent
from statements import after, home_of, lines_of, statements

STEPS = (0.02, 0.05, 0.1, 0.2)
ROUNDS = (50, 100, 200, 400)
LAMBDA = "trial"
LIKELY = 4
"""How much more often a judgement is taken the way the metric points than the other way."""

CLIMB_HEAD = '''def {name}(values, score, step, rounds):
    """Nudge one entry of `values` at a time by chance, less and less, and keep what does not lower `score`."""
    chance = random.Random("{name}")
    values = values.copy()
    best = score(values)
    for turn in range(rounds):
        reach = step * (1 - turn / rounds)
        place = chance.randrange(len(values))
        old = {old}
        values[place] = {new}
        reached = score(values)
        if reached < best:
            values[place] = old
        else:
            best = reached
    return values


'''
CLIMBS = {
    "rows": ("climb_rows", "list(values[place])", "[number + chance.gauss(0, reach) for number in old]"),
    "list": ("climb", "values[place]", "old + chance.gauss(0, reach)"),
}


@dataclass(frozen=True)
class Judged:
    """A statement that makes a value, the value's name, its shape, and a formula that judges it under another name."""

    statement: ast.Assign
    name: str
    shape: str
    measure: str


def judged_values(source: Source, higher: bool) -> list[Judged]:
    """Return the values that a function of the program judges, with each way to sum up the judgement.

    A program's own judgement mostly points the way the metric does, so those ways are listed more often.
    """
    found = []
    for statement in statements(source):
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
            for call in judges(source, statement, name):
                shape = value_shape(source, statement, name)
                found += [Judged(statement, name, shape, text) for text in measures(source, call, name, higher)]
    return found


def judges(source: Source, statement: ast.Assign, name: str) -> list[ast.Call]:
    """Return the later calls of the program's own functions, in the same function, that take the value by its name."""
    return [
        node
        for node in ast.walk(source.function_of(statement))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in source.functions
        and node.lineno > statement.end_lineno
        and any(isinstance(argument, ast.Name) and argument.id == name for argument in node.args)
    ]


def measures(source: Source, call: ast.Call, name: str, higher: bool) -> list[str]:
    """Return the formulas, more is better, that sum up what a call gives for the value under the name LAMBDA."""
    places = [LAMBDA if isinstance(a, ast.Name) and a.id == name else source.segment(a) for a in call.args]
    text = f"{call.func.id}({', '.join(places)})"
    single = [text, f"-{text}"] if higher else [f"-{text}", text]
    lists = [f"sum({text})", f"-sum({text})"] if higher else [f"-sum({text})", f"sum({text})"]
    extreme = f"min({text})" if higher else f"-max({text})"
    kind = returns(source.functions[call.func.id])
    if kind == "number":
        return single[:1] * LIKELY + single[1:]
    summed = [*lists[:1] * LIKELY, extreme, *lists[1:]]
    return summed if kind in ("list", "rows") else [*single[:1] * LIKELY, *single[1:], *summed]


def value_shape(source: Source, statement: ast.Assign, name: str) -> str:
    """Return the shape of the value: as its function gives it where it comes from one of the program's own."""
    value = statement.value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in source.functions:
        return returns(source.functions[value.func.id])
    return shape_of_name(name, source.function_of(statement))


def chooses(value: Judged) -> bool:
    """Whether the statement already picks the best of several values."""
    return any(isinstance(node, ast.keyword) and node.arg == "key" for node in ast.walk(value.statement))


def climb(draw: Draw) -> Change:
    """Improve a value by small chance steps, judged by the program's own function."""
    source = draw.source
    target = draw.pick([value for value in judged_values(source, draw.higher) if value.shape in CLIMBS])
    helper, old, new = CLIMBS[target.shape]
    step, rounds = draw.chance.choice(STEPS), draw.chance.choice(ROUNDS)
    call = f"{target.name} = {helper}({target.name}, lambda {LAMBDA}: {target.measure}, {step}, {rounds})\n"
    edits = [after(source, target.statement, call)]
    if helper not in source.functions:
        start = lines_of(source, home_of(source, target.statement))[0]
        edits.insert(0, Edit(start, start, CLIMB_HEAD.format(name=helper, old=old, new=new)))
    return Change(edits, f"improve {target.name} by small steps, judged by {target.measure}")


def best_of_values(draw: Draw) -> Change:
    """Try several values of one number where a value is made, and keep the best by the program's own judgement."""
    source = draw.source
    options = [
        (target, literal)
        for target in judged_values(source, draw.higher)
        for literal in literals(source)
        if literal.node in set(ast.walk(target.statement.value)) and not chooses(target)
    ]
    target, literal = draw.pick(options)
    values = [literal.value, *(shifted(literal.value, draw.chance.gauss(0, 0.4)) for _ in range(2))]
    tried = ", ".join(written(value) for value in dict.fromkeys(values))
    place, stop = source.span(literal.node)
    start, end = source.span(target.statement.value)
    made = source.text[start:place] + "choice" + source.text[stop:end]
    text = chosen(source, target, f"({made} for choice in ({tried}))")
    return Change([Edit(start, end, text)], f"try {tried} and keep what gives the most {target.measure}")


def chosen(source: Source, target: Judged, *options: str) -> str:
    """Return the code that picks the best of the options by the target's measure, an option a line."""
    inner = "\n" + " " * (target.statement.col_offset + 4)
    lines = [*options, f"key=lambda {LAMBDA}: {target.measure}"]
    return "max(" + "".join(f"{inner}{line}," for line in lines) + "\n" + " " * target.statement.col_offset + ")"


def better_of_two(draw: Draw) -> Change:
    """Change how a value is made, but keep the old way where the program's own judgement prefers it."""
    source = draw.source
    target = draw.pick([value for value in judged_values(source, draw.higher) if not chooses(value)])
    inside = set(ast.walk(target.statement.value))
    node = draw.pick([node for node in numeric_nodes(source) if node in inside and node is not target.statement.value])
    term = formula(draw, scope_at(source, target.statement), depth=1)
    term = draw.pick([term, f"{source.operand(node)} * {factor(draw)}"])
    start, end = source.span(target.statement.value)
    place, stop = source.span(node)
    other = source.text[start:place] + term + source.text[stop:end]
    text = chosen(source, target, source.segment(target.statement.value), other)
    return Change([Edit(start, end, text)], f"also try {short(other)}, keep the better by {target.measure}")


def again_until_settled(draw: Draw) -> Change:
    """Apply a function of the program to its own result a few times where it takes what it gives."""
    source = draw.source
    options = []
    for node in statements(source):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            for function in source.functions.values():
                arguments = [argument.arg for argument in function.args.args]
                if arguments[:1] == [name] or (len(arguments) == 1 and function.name in source.segment(node)):
                    options.append((node, name, function.name))
    node, name, function = draw.pick(options)
    times = draw.chance.choice((1, 2, 4))
    loop = f"for _ in range({times}):\n    {name} = {function}({name})\n"
    return Change([after(source, node, reindent(loop, 0))], f"apply {function}() to {name} {times} time(s) more")
