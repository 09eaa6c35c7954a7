"""Operators on statements: delete, repeat, move, swap, insert, and crossover with another parent."""

from __future__ import annotations

import ast

from change import Change, Draw, NothingToDo, short
from expressions import factor, formula
from kit.edits import Edit
from scope import scope_at
from source import Source, is_docstring, reindent

FIXED = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
REPEATS = (2, 3, 5, 8, 20)


def statements(source: Source) -> list[ast.stmt]:
    """Return the statements inside functions that stand on lines of their own and may change; no docstrings."""
    return [
        node
        for node in source.nodes(ast.stmt)
        if not isinstance(node, FIXED)
        and source.function_of(node) is not None
        and not is_docstring([node])
        and on_own_lines(source, node)
    ]


def on_own_lines(source: Source, node: ast.stmt) -> bool:
    """Whether a statement shares its lines with nothing but a comment."""
    before = source.lines[node.lineno - 1].encode()[: node.col_offset].decode()
    after = source.lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode()
    return not before.strip() and (not after.strip() or after.lstrip().startswith("#"))


def block_of(source: Source, node: ast.stmt) -> list[ast.stmt]:
    """Return the list of statements that a statement is one of."""
    owner = source.parents[node]
    for name in ("body", "orelse", "finalbody"):
        block = getattr(owner, name, None)
        if isinstance(block, list) and node in block:
            return block
    raise NothingToDo


def lines_of(source: Source, node: ast.stmt) -> tuple[int, int]:
    """Return the character range of a statement's whole lines, decorators and the last line's end included."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    return source.offset(first, 0), source.offset(node.end_lineno, 0) + len(source.lines[node.end_lineno - 1])


def whole(source: Source, node: ast.stmt) -> str:
    """Return a statement's whole lines, ended by a line feed."""
    start, end = lines_of(source, node)
    return source.text[start:end].rstrip("\n") + "\n"


def before(source: Source, node: ast.stmt, text: str) -> Edit:
    """Return the edit that puts whole lines, indented like it, before a statement."""
    start, _ = lines_of(source, node)
    return Edit(start, start, reindent(text, node.col_offset))


def after(source: Source, node: ast.stmt, text: str) -> Edit:
    """Return the edit that puts whole lines, indented like it, behind a statement."""
    _, end = lines_of(source, node)
    ended = "" if source.text[:end].endswith("\n") else "\n"
    return Edit(end, end, ended + reindent(text, node.col_offset))


def home_of(source: Source, node: ast.AST) -> ast.stmt:
    """Return the statement at module level that a node stands in; raises NothingToDo where it may not change."""
    while not isinstance(source.parents[node], ast.Module):
        node = source.parents[node]
    if not isinstance(node, ast.stmt) or not source.may_change(node):
        raise NothingToDo
    return node


def delete(draw: Draw) -> Change:
    """Delete a statement that is not the only one in its block."""
    source = draw.source
    node = draw.pick([s for s in statements(source) if len(block_of(source, s)) > 1 and not isinstance(s, ast.Return)])
    return Change([Edit(*lines_of(source, node), "")], f"delete {short(source.segment(node))}")


def swap(draw: Draw) -> Change:
    """Swap two neighbouring statements."""
    source = draw.source
    pool = statements(source)
    pairs = [(s, t) for s in pool for t in pool if s is not t and block_of(source, s) is block_of(source, t)]
    pairs = [(s, t) for s, t in pairs if s.end_lineno + 1 == t.lineno and not isinstance(t, ast.Return)]
    first, second = draw.pick(pairs)
    start, end = lines_of(source, first)[0], lines_of(source, second)[1]
    text = whole(source, second) + whole(source, first)
    return Change(
        [Edit(start, end, text)], f"{short(source.segment(second), 24)} before {short(source.segment(first), 24)}"
    )


def duplicate(draw: Draw) -> Change:
    """Do a statement twice, or once more at the end of its block."""
    source = draw.source
    node = draw.pick([s for s in statements(source) if not isinstance(s, ast.Return)])
    return Change([after(source, node, whole(source, node))], f"do {short(source.segment(node))} twice")


def repeat(draw: Draw) -> Change:
    """Put a statement, or two in a row, into a loop."""
    source = draw.source
    node = draw.pick([s for s in statements(source) if not isinstance(s, (ast.Return, ast.Break, ast.Continue))])
    times = draw.chance.choice(REPEATS)
    body = reindent(whole(source, node), node.col_offset + 4)
    text = " " * node.col_offset + f"for _ in range({times}):\n" + body
    return Change([Edit(*lines_of(source, node), text)], f"repeat {short(source.segment(node))} {times} times")


def adjust(draw: Draw) -> Change:
    """After a number is assigned, change it by a small formula; or scale a list element-wise."""
    source = draw.source
    options = [
        s
        for s in statements(source)
        if isinstance(s, ast.Assign)
        and isinstance(s.targets[0], ast.Name)
        and s.targets[0].id in names_of_numbers(source, s)
    ]
    node = draw.pick(options)
    name = node.targets[0].id
    term = draw.pick([factor(draw), formula(draw, scope_at(source, node), depth=1)])
    text = f"{name} {draw.chance.choice(('+=', '-=', '*='))} {term}\n"
    return Change([after(source, node, text)], f"then {short(text)}")


def names_of_numbers(source: Source, node: ast.stmt) -> tuple[str, ...]:
    """Return the names that are numbers right after a statement."""
    block = block_of(source, node)
    place = block.index(node)
    return scope_at(source, block[place + 1]).numbers if place + 1 < len(block) else ()


def guard(draw: Draw) -> Change:
    """Do a statement only under a condition on the numbers in scope."""
    source = draw.source
    node = draw.pick([s for s in statements(source) if isinstance(s, (ast.AugAssign, ast.Expr, ast.If))])
    scope = scope_at(source, node)
    condition = f"{draw.pick(list(scope.numbers))} {draw.chance.choice(('<', '>'))} {formula(draw, scope, depth=1)}"
    text = " " * node.col_offset + f"if {condition}:\n" + reindent(whole(source, node), node.col_offset + 4)
    return Change([Edit(*lines_of(source, node), text)], f"only if {short(condition)}: {short(source.segment(node))}")


def insert_from_other(draw: Draw) -> Change:
    """Take over one statement from another parent, or from elsewhere in this program."""
    source, donor = draw.source, draw.donor
    given = draw.pick([s for s in statements(donor) if not isinstance(s, ast.Return)])
    owner = donor.function_of(given)
    homes = [s for s in statements(source) if source.function_of(s).name == owner.name] or statements(source)
    node = draw.pick(homes)
    return Change([before(source, node, whole(donor, given))], f"take over {short(donor.segment(given))}")


def replace_from_other(draw: Draw) -> Change:
    """Put another parent's version of a statement in the place of this one's."""
    source, donor = draw.source, draw.donor
    pairs = [
        (mine, other)
        for mine in statements(source)
        for other in statements(donor)
        if type(mine) is type(other)
        and source.function_of(mine).name == donor.function_of(other).name
        and ast.dump(mine) != ast.dump(other)
    ]
    mine, other = draw.pick(pairs)
    text = reindent(whole(donor, other), mine.col_offset)
    return Change([Edit(*lines_of(source, mine), text)], f"take over {short(donor.segment(other))}")


def function_from_other(draw: Draw) -> Change:
    """Take over a whole function from another parent."""
    source, donor = draw.source, draw.donor
    pairs = [
        (mine, donor.functions[name])
        for name, mine in sorted(source.functions.items())
        if source.may_change(mine) and name in donor.functions and ast.dump(mine) != ast.dump(donor.functions[name])
    ]
    mine, other = draw.pick(pairs)
    return Change([Edit(*lines_of(source, mine), whole(donor, other))], f"take over {other.name}() from another parent")
