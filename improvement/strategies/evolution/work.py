"""How much work a program does, estimated from its text alone: the same figure on every machine."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from source import Source, sources

UNKNOWN_LOOP = 10.0
OPEN_LOOP = 20.0
DEPTH = 12
LIMIT = 1e15

SILENT = (ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)
LEAVES = (ast.Name, ast.Constant, ast.FunctionDef, ast.Lambda, ast.arguments)

Known = dict[str, ast.expr]


def work(files: Mapping[str, str]) -> float:
    """Return the estimated number of elementary steps of the dearest function of a program."""
    return max((Estimate(source).total() for source in sources(files)), default=1.0)


class Estimate:
    """Counts steps over one file; loops count as often as their literal bound says, unknown ones ten times."""

    def __init__(self, source: Source) -> None:
        self.functions = source.functions
        self.body = source.tree.body
        self.constants: Known = {}
        for node in self.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.constants[node.targets[0].id] = node.value
        self.seen: dict[tuple[object, ...], float] = {}

    def total(self) -> float:
        """Return the steps of the dearest function, called with nothing known, or of the module's own code."""
        top = self.steps([node for node in self.body if not isinstance(node, ast.FunctionDef)], {}, 0)
        return max([top] + [self.whole(function, {}, 0) for function in self.functions.values()])

    def steps(self, node: ast.AST | list, known: Known, depth: int) -> float:
        """Return the steps of a node, or of several in a row."""
        if isinstance(node, list):
            return min(LIMIT, sum(self.steps(child, known, depth) for child in node))
        if isinstance(node, LEAVES):
            return 1.0
        if isinstance(node, ast.For):
            inner = self.steps(node.body + node.orelse, known, depth)
            return min(LIMIT, self.steps(node.iter, known, depth) + self.times(node.iter, known) * (1 + inner))
        if isinstance(node, ast.While):
            return min(LIMIT, OPEN_LOOP * (1 + self.steps([node.test, *node.body], known, depth)))
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            return self.comprehension(node, known, depth)
        if isinstance(node, ast.Call):
            return self.call(node, known, depth)
        inner = [child for child in ast.iter_child_nodes(node) if not isinstance(child, SILENT)]
        return 1.0 + self.steps(inner, known, depth)

    def comprehension(self, node: ast.expr, known: Known, depth: int) -> float:
        """Return the steps of a comprehension: its element, as often as all its loops say."""
        often, before = 1.0, 0.0
        for generator in node.generators:
            known = known | self.largest(generator)
            before += often * self.steps([generator.iter, *generator.ifs], known, depth)
            often *= self.times(generator.iter, known)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        return min(LIMIT, before + often * (1 + self.steps(parts, known, depth)))

    def largest(self, generator: ast.comprehension) -> Known:
        """Return the largest number that a comprehension's name takes, where it runs over numbers written out."""
        if not isinstance(generator.target, ast.Name) or not isinstance(generator.iter, (ast.Tuple, ast.List)):
            return {}
        numbers = [node for node in generator.iter.elts if isinstance(node, ast.Constant) and type(node.value) is int]
        return {generator.target.id: max(numbers, key=lambda node: node.value)} if numbers else {}

    def call(self, node: ast.Call, known: Known, depth: int) -> float:
        """Return the steps of a call: of its arguments, and of the program's own function that it names."""
        steps = 1.0 + self.steps([*node.args, *(word.value for word in node.keywords)], known, depth)
        for word in node.keywords:
            if word.arg == "key" and isinstance(word.value, ast.Lambda):
                steps += UNKNOWN_LOOP * self.steps(word.value.body, known, depth)
        if depth >= DEPTH or not isinstance(node.func, ast.Name):
            return steps
        bound = known.get(node.func.id)
        if isinstance(bound, ast.Lambda):
            return min(LIMIT, steps + self.steps(bound.body, {}, depth + 1))
        function = self.functions.get(bound.id if isinstance(bound, ast.Name) else node.func.id)
        return steps if function is None else min(LIMIT, steps + self.body_of(function, node, known, depth))

    def body_of(self, function: ast.FunctionDef, node: ast.Call, known: Known, depth: int) -> float:
        """Return the steps of a function's body with the arguments that are known at this call."""
        names = [argument.arg for argument in function.args.args]
        words = [(word.arg or "", word.value) for word in node.keywords]
        given: Known = {}
        for name, passed in [*zip(names, node.args, strict=False), *words]:
            value = known.get(passed.id, passed) if isinstance(passed, ast.Name) else passed
            if isinstance(value, (ast.Constant, ast.Lambda, ast.Name, ast.List, ast.Tuple)):
                given[name] = value
        return self.whole(function, given, depth + 1)

    def whole(self, function: ast.FunctionDef, given: Known, depth: int) -> float:
        """Return the steps of a function's body with some arguments known; a call of itself counts as one step."""
        key = (function.name, *((name, id(value)) for name, value in given.items()))
        if key not in self.seen:
            self.seen[key] = 1.0
            self.seen[key] = self.steps(function.body, given, depth)
        return self.seen[key]

    def times(self, iterable: ast.expr, known: Known) -> float:
        """Return how often a loop over this runs."""
        iterable = self.resolve(iterable, known)
        if isinstance(iterable, (ast.List, ast.Tuple)):
            return float(len(iterable.elts))
        if isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name) and iterable.func.id == "range":
            bounds = [self.resolve(argument, known) for argument in iterable.args]
            numbers = [node.value for node in bounds if isinstance(node, ast.Constant) and type(node.value) is int]
            if len(numbers) == len(bounds) and bounds:
                try:
                    return float(len(range(*numbers)))
                except (ValueError, TypeError, OverflowError):
                    return UNKNOWN_LOOP
        return UNKNOWN_LOOP

    def resolve(self, node: ast.expr, known: Known) -> ast.expr:
        """Return the literal behind a name where it is known."""
        if isinstance(node, ast.Name):
            return known.get(node.id, self.constants.get(node.id, node))
        return node
