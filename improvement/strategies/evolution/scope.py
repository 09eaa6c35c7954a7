"""What the names in a program stand for, as far as the text tells: numbers, lists, functions."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from source import Source

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
NUMERIC_CALLS = frozenset({"abs", "min", "max", "sum", "len", "round", "int", "float", "pow"})
LIST_CALLS = frozenset({"list", "sorted", "range", "zip", "enumerate", "reversed"})


@dataclass(frozen=True)
class Scope:
    """The names that can be used at one place, in the order of the text."""

    numbers: tuple[str, ...]
    integers: tuple[str, ...]
    lists: tuple[str, ...]


def scope_at(source: Source, node: ast.AST) -> Scope:
    """Return the names that are bound before `node` in its function, or at module level."""
    function = source.function_of(node)
    around = comprehensions(source, node)
    place = ("scope", function, node.lineno, *around)
    known = source.notes.get(place)
    if not isinstance(known, Scope):
        known = source.notes[place] = read_scope(source, function, node.lineno, around)
    return known


def read_scope(source: Source, function: ast.FunctionDef | None, line: int, around: list[ast.AST]) -> Scope:
    """Work out what `scope_at` returns for a line of a function inside these comprehensions."""
    kinds: dict[str, str] = {}
    for statement in source.tree.body:
        if isinstance(statement, ast.Assign) and (function is not None or statement.lineno < line):
            bind_assignment(statement, kinds)
    if function is not None:
        bind_arguments(source, function, kinds)
        for inner in ast.walk(function):
            if isinstance(inner, ast.stmt) and inner.lineno < line:
                bind(inner, kinds, open_at=line)
    for comprehension in around:
        for generator in comprehension.generators:
            bind_loop(generator.target, generator.iter, kinds)
    return Scope(
        numbers=tuple(name for name, kind in kinds.items() if kind in ("number", "integer")),
        integers=tuple(name for name, kind in kinds.items() if kind == "integer"),
        lists=tuple(name for name, kind in kinds.items() if kind == "list"),
    )


def bind(node: ast.AST, kinds: dict[str, str], *, open_at: int) -> None:
    """Note what an assignment or a loop that is still open at line `open_at` binds."""
    if isinstance(node, ast.Assign):
        bind_assignment(node, kinds)
    elif isinstance(node, ast.For) and node.end_lineno >= open_at:
        bind_loop(node.target, node.iter, kinds)


def bind_assignment(node: ast.Assign, kinds: dict[str, str]) -> None:
    """Note the kind of the name that an assignment binds."""
    for target in node.targets:
        if isinstance(target, ast.Name):
            kinds[target.id] = kind_of(node.value, kinds)


def bind_loop(target: ast.expr, iterable: ast.expr, kinds: dict[str, str]) -> None:
    """Note what a loop binds: an integer over range, numbers for unpacked rows, otherwise nothing that is known."""
    if isinstance(target, ast.Name):
        kinds[target.id] = "integer" if is_call(iterable, "range") else "unknown"
    elif isinstance(target, ast.Tuple) and not isinstance(iterable, ast.Call):
        kinds.update({name.id: "number" for name in target.elts if isinstance(name, ast.Name)})


def comprehensions(source: Source, node: ast.AST) -> list[ast.AST]:
    """Return the comprehensions around a node, outermost first."""
    found: list[ast.AST] = []
    above = source.parents.get(node)
    while isinstance(above, (ast.expr, ast.comprehension, ast.keyword)):
        if hasattr(above, "generators"):
            found.insert(0, above)
        above = source.parents.get(above)
    return found


def bind_arguments(source: Source, function: ast.FunctionDef, kinds: dict[str, str]) -> None:
    """Guess what a function's arguments are from how its body uses them."""
    known = source.notes.get(("arguments", function))
    if not isinstance(known, dict):
        known = source.notes[("arguments", function)] = arguments_of(function)
    kinds.update(known)


def arguments_of(function: ast.FunctionDef) -> dict[str, str]:
    """Work out what `bind_arguments` notes."""
    found = {argument.arg: annotated(argument) for argument in function.args.args}
    for node in ast.walk(function):
        for name in used_as_list(node):
            if name in found:
                found[name] = "list"
        for name in used_as_number(node):
            if found.get(name) == "unknown":
                found[name] = "number"
    return found


def annotated(argument: ast.arg) -> str:
    """Return what an argument is said to be."""
    name = getattr(getattr(argument.annotation, "value", argument.annotation), "id", "")
    return {"float": "number", "int": "number", "list": "list", "tuple": "list"}.get(name, "unknown")


def used_as_list(node: ast.AST) -> list[str]:
    """Return the names that a node subscripts, walks over or measures."""
    places: list[ast.AST] = []
    if isinstance(node, ast.Subscript):
        places = [node.value]
    elif isinstance(node, (ast.For, ast.comprehension)):
        places = [node.iter]
    elif is_call(node, "len"):
        places = list(node.args)
    return [place.id for place in places if isinstance(place, ast.Name)]


def used_as_number(node: ast.AST) -> list[str]:
    """Return the names that a node does arithmetic with."""
    places: list[ast.AST] = []
    if isinstance(node, ast.BinOp):
        places = [node.left, node.right]
    elif isinstance(node, ast.Compare):
        places = [node.left, *node.comparators]
    elif is_call(node, "range") or is_call(node, "min", "max"):
        places = list(node.args)
    return [place.id for place in places if isinstance(place, ast.Name)]


def is_call(node: ast.AST, *names: str) -> bool:
    """Whether a node calls one of these functions by its plain name."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def is_number(node: ast.AST) -> bool:
    """Whether a node is a number written out (not True or False)."""
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def kind_of(node: ast.expr, kinds: dict[str, str]) -> str:
    """Return 'number', 'integer', 'list' or 'unknown' for what an expression gives."""
    if is_number(node):
        return "integer" if type(node.value) is int else "number"
    if isinstance(node, ast.Name):
        return kinds.get(node.id, "unknown")
    if isinstance(node, (ast.List, ast.ListComp)):
        return "list"
    if isinstance(node, ast.BinOp):
        sides = (kind_of(node.left, kinds), kind_of(node.right, kinds))
        return "list" if "list" in sides else "number"
    if isinstance(node, ast.UnaryOp):
        return kind_of(node.operand, kinds)
    return kind_of_call(node)


def kind_of_call(node: ast.expr) -> str:
    """Return what a call of a known function gives."""
    if is_call(node, *NUMERIC_CALLS) or is_math(node):
        return "integer" if is_call(node, "len", "int") else "number"
    return "list" if is_call(node, *LIST_CALLS) else "unknown"


def shape_of_array(node: ast.Call) -> str:
    """Return the shape of what a function of numpy makes: 'rows' for two dimensions, 'list' for one, or 'unknown'."""
    name, first = node.func.attr, node.args[0] if node.args else None
    if name in ("zeros", "ones", "full", "empty"):
        return "rows" if isinstance(first, ast.Tuple) and len(first.elts) > 1 else "list"
    if name in ("array", "asarray") and first is not None:
        return shape(first, None)
    return "list" if name in ("linspace", "arange") else "unknown"


def is_numpy(node: ast.AST) -> bool:
    """Whether a node calls a function of numpy."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("np", "numpy")
    )


def is_math(node: ast.AST) -> bool:
    """Whether a node calls a function of the math module."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "math"
    )


def returns(function: ast.FunctionDef) -> str:
    """Return 'number', 'list', 'rows' (a list of lists) or 'unknown' for what a function gives back."""
    values = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]
    if not values:
        return "unknown"
    return shape(values[-1], function)


def shape(value: ast.expr, function: ast.FunctionDef | None) -> str:
    """Return 'number', 'list', 'rows' or 'unknown' for an expression inside a function."""
    if isinstance(value, ast.Name) and function is not None:
        return shape_of_name(value.id, function)
    if isinstance(value, (ast.ListComp, ast.List)):
        inner = value.elt if isinstance(value, ast.ListComp) else (value.elts or [None])[0]
        return "rows" if isinstance(inner, (ast.List, ast.Tuple, ast.ListComp)) else "list"
    if isinstance(value, ast.BinOp):
        sides = (shape(value.left, function), shape(value.right, function))
        return next((kind for kind in ("rows", "list", "number") if kind in sides), "number")
    if is_numpy(value):
        return shape_of_array(value)
    kind = kind_of(value, {})
    return "number" if kind == "integer" else kind


def shape_of_name(name: str, function: ast.FunctionDef) -> str:
    """Return the shape of a local name from how it is first bound and what is appended to it."""
    found = "unknown"
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            if not (isinstance(node.value, ast.Name) and node.value.id == name) and found == "unknown":
                found = shape(node.value, None)
        elif appends_row(node, name):
            return "rows"
    return found


def appends_row(node: ast.AST, name: str) -> bool:
    """Whether a node is `name.append([...])` or `name.append((...))`."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "append"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == name
        and isinstance(node.args[0] if node.args else None, (ast.List, ast.Tuple))
    )
