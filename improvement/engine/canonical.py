"""Programs without what does not matter: comments, docstrings, layout, the names of locals, sums of constants.

Two programs of one canonical form do the same. The reverse does not hold, and need not: what is not recognised is
only measured once more.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from itertools import count

_WITH_DOCSTRING = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.Lambda, ast.ClassDef, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_READS_NAMES = {"locals", "globals", "vars", "dir", "eval", "exec", "inspect", "_getframe", "__code__"}
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
LARGEST_FOLDED = 10**18


def without_words(tree: ast.Module) -> ast.Module:
    """Take docstrings out of a tree, and how texts were written."""
    for node in ast.walk(tree):
        if isinstance(node, _WITH_DOCSTRING) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        elif isinstance(node, ast.Constant):
            node.kind = None
    return tree


def canonical(tree: ast.Module) -> ast.Module:
    """Give a tree its canonical form, in place; it need not be a program any more."""
    folded: ast.Module = _Folding().visit(without_words(tree))
    if not any(name in _READS_NAMES for name in _words(folded)):
        numbers = count()
        for node in ast.walk(folded):
            if isinstance(node, _FUNCTIONS):
                _rename(node, numbers)
    return folded


class _Folding(ast.NodeTransformer):
    """Works out signs, sums, differences and products of numbers, as Python itself does when it compiles."""

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        value = _number(node.operand)
        return ast.Constant(-value) if value is not None and isinstance(node.op, ast.USub) else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        left, right, operation = _number(node.left), _number(node.right), _ARITHMETIC.get(type(node.op))
        if left is None or right is None or operation is None:
            return node
        result = operation(left, right)
        return ast.Constant(result) if abs(result) <= LARGEST_FOLDED else node


def _number(node: ast.AST) -> float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if abs(value) <= LARGEST_FOLDED else None


def _words(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name


def _rename(function: ast.FunctionDef | ast.AsyncFunctionDef, numbers: Iterator[int]) -> None:
    """Number the plain locals of a function by where they stand; nested functions that use them follow.

    Defaults, decorators and annotations belong to the scope around the function and are left alone.
    """
    body = ast.Module(function.body, type_ignores=[])
    plain = set(_stored(body)) - set(_bound_otherwise(function))
    numbered: dict[str, str] = {}
    for node in ast.walk(body):
        if isinstance(node, ast.Name) and node.id in plain:
            if node.id not in numbered:
                numbered[node.id] = f"@{next(numbers)}"
            node.id = numbered[node.id]


def _stored(scope: ast.AST) -> Iterator[str]:
    """The names that are assigned to in a scope itself."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, _SCOPES):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        yield from _stored(node)


def _bound_otherwise(function: ast.AST) -> Iterator[str]:
    """Names in a function that others may know it by, or that stand in more than plain assignments."""
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
            yield node.name or ""
        elif isinstance(node, ast.MatchMapping):
            yield node.rest or ""
        if isinstance(node, ast.ClassDef):
            yield from _stored(node)
