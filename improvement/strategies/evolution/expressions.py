"""Operators on expressions: other operators, other names, small formulas from the names in scope."""

from __future__ import annotations

import ast

from change import Change, Draw, short
from literals import written
from scope import ARITHMETIC, NUMERIC_CALLS, Scope, is_call, is_math, is_number, kind_of, returns, scope_at
from source import Source

SYMBOLS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
SIMILAR_CALLS = (("min", "max", "sum"), ("sin", "cos"), ("floor", "ceil"), ("sqrt", "log1p", "atan"))
ONE_ARGUMENT = ("sin", "cos", "sqrt", "atan", "exp", "log1p")


def numeric_nodes(source: Source) -> list[ast.expr]:
    """Return the expressions that surely give a number and are read, not written."""
    return [
        node
        for node in source.nodes(ast.BinOp, ast.Constant, ast.Call, ast.Name, ast.Subscript)
        if isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and gives_number(source, node)
    ]


def gives_number(source: Source, node: ast.expr) -> bool:
    """Whether an expression gives a number as far as the text tells."""
    if isinstance(source.parents.get(node), (ast.Slice, ast.keyword, ast.Attribute)):
        return False
    if isinstance(node, ast.Name):
        return node.id in scope_at(source, node).numbers
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ARITHMETIC) and both_sides_plain(node)
    return is_number(node) or is_math(node) or is_call(node, *(NUMERIC_CALLS - {"len", "int"}))


def both_sides_plain(node: ast.BinOp) -> bool:
    """Whether neither side of an operation is a list or a call of which nothing is known."""
    sides = [inner for inner in ast.walk(node) if isinstance(inner, (ast.List, ast.ListComp, ast.Call))]
    return all(is_math(inner) or is_call(inner, *NUMERIC_CALLS) for inner in sides)


def change_operator(draw: Draw) -> Change:
    """Exchange one arithmetic or comparison operator for another."""
    source = draw.source
    node = draw.pick([*source.nodes(ast.BinOp), *source.nodes(ast.Compare)])
    if isinstance(node, ast.Compare):
        symbol = draw.pick([text for kind, text in COMPARISONS.items() if kind is not type(node.ops[0])])
        text = f"{source.operand(node.left)} {symbol} {source.operand(node.comparators[0])}"
    else:
        symbol = draw.pick([text for kind, text in SYMBOLS.items() if kind is not type(node.op)])
        text = f"({source.operand(node.left)} {symbol} {source.operand(node.right)})"
    return Change([source.replace(node, text)], f"use {symbol} in {short(source.segment(node))}")


def change_call(draw: Draw) -> Change:
    """Call a similar function instead: min for max, sine for cosine."""
    source = draw.source
    options = [
        (node, name)
        for node in source.nodes(ast.Call)
        for family in SIMILAR_CALLS
        for name in family
        if called(node) in family and name != called(node)
    ]
    node, name = draw.pick(options)
    text = name if isinstance(node.func, ast.Name) else f"{source.segment(node.func.value)}.{name}"
    return Change([source.replace(node.func, text)], f"call {text} in {short(source.segment(node))}")


def called(node: ast.Call) -> str:
    """Return the last part of the name of the function that is called."""
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def replace_expression(draw: Draw) -> Change:
    """Put a new small formula in the place of an expression."""
    return new_formula(draw, depth=2)


def grow_expression(draw: Draw) -> Change:
    """Put a larger new formula in the place of an expression."""
    return new_formula(draw, depth=3)


def new_formula(draw: Draw, depth: int) -> Change:
    """Put a new formula in the place of an expression."""
    node = draw.pick(numeric_nodes(draw.source))
    text = formula(draw, scope_at(draw.source, node), depth)
    return Change(
        [draw.source.replace(node, text)], f"compute {short(text)} instead of {short(draw.source.segment(node))}"
    )


def extend_expression(draw: Draw) -> Change:
    """Add to an expression, scale it, bound it, or let it depend on a name in scope."""
    source = draw.source
    node = draw.pick(numeric_nodes(source))
    old = source.operand(node)
    term = formula(draw, scope_at(source, node), depth=1)
    text = draw.pick(
        [
            *(f"({old} {symbol} {term})" for symbol in SYMBOLS.values()),
            *(f"{function}({old}, {term})" for function in ("min", "max")),
            *(f"({old} * {factor(draw)})" for _ in range(2)),
            *alternating(draw, node, old),
        ]
    )
    return Change([source.replace(node, text)], f"{short(source.segment(node))} becomes {short(text)}")


def alternating(draw: Draw, node: ast.expr, old: str) -> list[str]:
    """Return variants of an expression that take turns with a counter in scope."""
    counters = scope_at(draw.source, node).integers
    if not counters or (is_number(node) and type(node.value) is int):
        return []
    counter, turn = draw.pick(list(counters)), draw.chance.choice((2, 2, 3, 4))
    return [f"({old} * (1.0 if {counter} % {turn} else {factor(draw)}))"] * 2


def wrap_expression(draw: Draw) -> Change:
    """Take a function of an expression."""
    source = draw.source
    node = draw.pick(numeric_nodes(source))
    text = f"{draw.pick(functions(draw))}({source.segment(node)})"
    return Change([source.replace(node, text)], f"{short(source.segment(node))} becomes {short(text)}")


def branch_on(draw: Draw) -> Change:
    """Use an expression only where a comparison holds, and elsewhere a small formula or a multiple of it."""
    source = draw.source
    node = draw.pick(numeric_nodes(source))
    scope = scope_at(source, node)
    other = draw.pick([formula(draw, scope, depth=1), f"{source.operand(node)} * {factor(draw)}"])
    text = f"({source.segment(node)} if {comparison(draw, scope, depth=1)} else {other})"
    return Change([source.replace(node, text)], f"{short(source.segment(node))} becomes {short(text)}")


def expression_from_other(draw: Draw) -> Change:
    """Take an expression from another parent's version of the same function."""
    source, donor = draw.source, draw.donor
    node = draw.pick(numeric_nodes(source))
    function, known = source.function_of(node), set(scope_at(source, node).numbers)
    options = [
        donor.segment(other)
        for other in numeric_nodes(donor)
        if not is_number(other) and of_same_name(donor.function_of(other), function)
        if names_read(other) <= known
    ]
    text = draw.pick([f"({option})" for option in options if option != source.segment(node)])
    return Change([source.replace(node, text)], f"{short(text)} from another program for {short(source.segment(node))}")


def of_same_name(one: ast.FunctionDef | None, other: ast.FunctionDef | None) -> bool:
    """Whether two functions are versions of the same one."""
    return (one and one.name) == (other and other.name)


def names_read(node: ast.expr) -> set[str]:
    """Return the names in an expression that stand for values, not for functions or modules."""
    inner = list(ast.walk(node))
    called = {id(one.func) for one in inner if isinstance(one, ast.Call)}
    called |= {id(one.value) for one in inner if isinstance(one, ast.Attribute)}
    return {one.id for one in inner if isinstance(one, ast.Name) and id(one) not in called}


def shorten_expression(draw: Draw) -> Change:
    """Keep one side of an operation and drop the other."""
    source = draw.source
    node = draw.pick(source.nodes(ast.BinOp))
    kept = draw.chance.choice((node.left, node.right))
    return Change(
        [source.replace(node, source.operand(kept))],
        f"keep {short(source.segment(kept))} of {short(source.segment(node))}",
    )


def rename_use(draw: Draw) -> Change:
    """Read another name of the same kind."""
    source = draw.source
    options = []
    for node in source.nodes(ast.Name):
        if isinstance(node.ctx, ast.Load):
            scope = scope_at(source, node)
            for names in (scope.numbers, scope.lists):
                options += [(node, other) for other in names if node.id in names and other != node.id]
    node, other = draw.pick(options)
    return Change([source.replace(node, other)], f"read {other} instead of {node.id}")


def change_argument(draw: Draw) -> Change:
    """Pass something else to one of the program's own functions."""
    source = draw.source
    options = [
        argument
        for node in source.nodes(ast.Call)
        if isinstance(node.func, ast.Name) and (node.func.id in source.functions or node.func.id == "range")
        for argument in node.args
        if kind_of(argument, {}) in ("number", "integer") or gives_number(source, argument)
    ]
    node = draw.pick(options)
    scope = scope_at(source, node)
    text = draw.pick([formula(draw, scope, depth=1), f"{source.operand(node)} + 1", f"{source.operand(node)} - 1"])
    return Change([source.replace(node, text)], f"pass {short(text)} instead of {short(source.segment(node))}")


def formula(draw: Draw, scope: Scope, depth: int) -> str:
    """Return a random formula over the numbers in scope."""
    kind = draw.chance.random()
    if depth == 0 or kind < 0.45:
        return leaf(draw, scope)
    if kind < 0.85:
        left, right = formula(draw, scope, depth - 1), formula(draw, scope, depth - 1)
        return f"({left} {draw.chance.choice(('+', '-', '*', '/'))} {right})"
    if kind < 0.92:
        then, otherwise = formula(draw, scope, depth - 1), formula(draw, scope, depth - 1)
        return f"({then} if {comparison(draw, scope, depth - 1)} else {otherwise})"
    return f"{draw.pick(functions(draw))}({formula(draw, scope, depth - 1)})"


def comparison(draw: Draw, scope: Scope, depth: int) -> str:
    """Return a random comparison of two formulas."""
    return f"{formula(draw, scope, depth)} {draw.chance.choice(('<', '>'))} {formula(draw, scope, depth)}"


def functions(draw: Draw) -> list[str]:
    """Return the functions of one number: the program's own, those of the math module, and abs."""
    own = [name for name, function in sorted(draw.source.functions.items()) if returns(function) == "number"]
    own = [name for name in own if len(draw.source.functions[name].args.args) == 1]
    math_names = [f"math.{name}" for name in ONE_ARGUMENT] if "import math" in draw.source.text else []
    return [*own, *math_names, "abs"]


def leaf(draw: Draw, scope: Scope) -> str:
    """Return a name in scope or a number like those in the program."""
    if scope.numbers and draw.chance.random() < 0.6:
        return draw.pick(list(scope.numbers))
    known = [node.value for node in draw.source.nodes(ast.Constant) if is_number(node) and type(node.value) is float]
    if known and draw.chance.random() < 0.4:
        return written(draw.pick(known))
    return factor(draw) if draw.chance.random() < 0.5 else number(draw)


def number(draw: Draw) -> str:
    """Return a number of any size from a hundredth to a thousand."""
    return written(float(f"{10 ** draw.chance.uniform(-2, 3):.2g}"))


def factor(draw: Draw) -> str:
    """Return a number around one, on a log scale."""
    return written(float(f"{2 ** draw.chance.gauss(0, 0.8):.3g}"))
