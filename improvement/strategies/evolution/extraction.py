"""Operators that pull a piece of a program out under a name of its own, and use it in a second place."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from itertools import count

from change import Change, Draw, NothingToDo, short
from expressions import factor, names_read, numeric_nodes
from kit.edits import Edit
from scope import scope_at
from source import Source, reindent
from statements import after, before, block_of, home_of, lines_of, on_own_lines, statements, whole

NAME = "part"
MOST_STATEMENTS, MOST_RESULTS, MOST_ARGUMENTS = 4, 2, 6
INNER = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LEAVING = (ast.Return, ast.Break, ast.Continue, ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal, ast.FunctionDef)


def extract_name(draw: Draw) -> Change:
    """Give what an expression computes a name, and read the name in a second place."""
    source = draw.source
    node = draw.pick([node for node in composed(source) if free_statement(source, node) is not None])
    statement = free_statement(source, node)
    place = draw.pick(
        [other for other in later(source, statement, numeric_nodes(source)) if apart(source, node, other)]
    )
    name = new_name(source)
    line = before(source, statement, f"{name} = {source.segment(node)}\n")
    text = draw.pick([name, f"({name} * {factor(draw)})"])
    edits = [line, source.replace(node, name), source.replace(place, text)]
    return Change(edits, f"{name} = {short(source.segment(node))}, also instead of {short(source.segment(place))}")


def extract_function(draw: Draw) -> Change:
    """Pull an expression out into a function, and call that in a second place with what is at hand there."""
    source = draw.source
    node = draw.pick([node for node in composed(source) if source.function_of(node) and names_read(node)])
    place = draw.pick([other for other in numeric_nodes(source) if apart(source, node, other)])
    names, name = sorted(names_read(node)), new_name(source)
    start = lines_of(source, home_of(source, node))[0]
    made = f"def {name}({', '.join(names)}):\n    return {source.operand(node)}\n\n\n"
    call = f"{name}({', '.join(argument(draw, place, known) for known in names)})"
    edits = [
        Edit(start, start, made),
        source.replace(node, f"{name}({', '.join(names)})"),
        source.replace(place, call),
    ]
    return Change(
        edits, f"{name}() gives {short(source.segment(node))}, also instead of {short(source.segment(place))}"
    )


def extract_statements(draw: Draw) -> Change:
    """Pull statements out into a function, and call that a second time further on."""
    source = draw.source
    block = draw.pick([run for run in runs(source) if 0 < len(results(source, run)) <= MOST_RESULTS])
    names, given, name = arguments(source, block), results(source, block), new_name(source)
    if len(names) > MOST_ARGUMENTS:
        raise NothingToDo
    start, end = lines_of(source, block[0])[0], lines_of(source, block[-1])[1]
    home = lines_of(source, home_of(source, block[0]))[0]
    body = reindent(source.text[start:end].rstrip("\n") + "\n", 4)
    made = f"def {name}({', '.join(names)}):\n{body}    return {', '.join(given)}\n\n\n"
    call = f"{', '.join(given)} = {name}({', '.join(names)})\n"
    again = draw.pick([block[-1], *later(source, block[-1], statements(source))])
    edits = [Edit(home, home, made), Edit(start, end, reindent(call, block[0].col_offset) * (1 + (again is block[-1])))]
    edits += [after(source, again, call)] if again is not block[-1] else []
    return Change(edits, f"{name}() does {short(whole(source, block[0]))}, here and once more")


def composed(source: Source) -> list[ast.expr]:
    """Return the expressions that compute a number from others."""
    return [node for node in numeric_nodes(source) if isinstance(node, (ast.BinOp, ast.Call))]


def free_statement(source: Source, node: ast.expr) -> ast.stmt | None:
    """Return the statement before which an expression could be computed as well; None inside comprehensions."""
    above: ast.AST = node
    while not isinstance(above, ast.stmt):
        if isinstance(above, INNER):
            return None
        above = source.parents[above]
    return above if source.function_of(above) is not None and on_own_lines(source, above) else None


def later(source: Source, statement: ast.stmt, nodes: Iterable[ast.AST]) -> list:
    """Return the nodes of the statement's function that stand in it or behind it."""
    home = source.function_of(statement)
    return [node for node in nodes if source.function_of(node) is home and node.lineno >= statement.lineno]


def apart(source: Source, one: ast.AST, other: ast.AST) -> bool:
    """Whether two nodes share no character."""
    (start, end), (other_start, other_end) = source.span(one), source.span(other)
    return end <= other_start or other_end <= start


def argument(draw: Draw, place: ast.expr, name: str) -> str:
    """Return what stands for a name where a function is called: the name itself where it is known, or a number."""
    numbers = list(scope_at(draw.source, place).numbers)
    return draw.pick([*([name] * 2 if name in numbers else []), *numbers, factor(draw)])


def new_name(source: Source) -> str:
    """Return a name that the program does not use."""
    return next(name for number in count(1) if (name := f"{NAME}_{number}") not in source.text)


def runs(source: Source) -> list[Sequence[ast.stmt]]:
    """Return the runs of up to MOST_STATEMENTS neighbouring statements that nothing leaves early."""
    found: list[Sequence[ast.stmt]] = []
    free = [one for one in statements(source) if not any(isinstance(node, LEAVING) for node in ast.walk(one))]
    for first in free:
        block = block_of(source, first)
        place = block.index(first)
        for length in range(1, MOST_STATEMENTS + 1):
            run = block[place : place + length]
            if len(run) == length and all(one in free for one in run):
                found.append(run)
    return found


def results(source: Source, run: Sequence[ast.stmt]) -> list[str]:
    """Return the names that a run of statements binds and that are read elsewhere in its function."""
    inside = {id(node) for statement in run for node in ast.walk(statement)}
    home = source.function_of(run[0])
    outside = {node.id for node in names(home) if id(node) not in inside and isinstance(node.ctx, ast.Load)}
    return sorted({node.id for one in run for node in names(one) if isinstance(node.ctx, ast.Store)} & outside)


def arguments(source: Source, run: Sequence[ast.stmt]) -> list[str]:
    """Return the names that a run of statements reads and that its function binds elsewhere."""
    inside = {id(node) for statement in run for node in ast.walk(statement)}
    home = source.function_of(run[0])
    bound = {node.id for node in names(home) if id(node) not in inside and isinstance(node.ctx, ast.Store)}
    bound |= {one.arg for one in home.args.args}
    changed = {
        one.target.id for one in walked(run) if isinstance(one, ast.AugAssign) and isinstance(one.target, ast.Name)
    }
    read = {node.id for one in run for node in names(one) if isinstance(node.ctx, ast.Load)}
    return sorted((read | changed) & bound)


def names(node: ast.AST) -> list[ast.Name]:
    """Return the names in a tree."""
    return [one for one in ast.walk(node) if isinstance(one, ast.Name)]


def walked(run: Sequence[ast.stmt]) -> list[ast.AST]:
    """Return all nodes of some statements."""
    return [node for one in run for node in ast.walk(one)]
