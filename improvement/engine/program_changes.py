"""What changed in one Python file: its settings, and each function with what is new in it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from improvement.engine.lines import Change, changes
from improvement.engine.setting_changes import Plain, Setting, changed, shown, step
from improvement.engine.syntax import normal_form, parse_python
from improvement.engine.wording import counted

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.Module | ast.ClassDef | Function
Import = ast.Import | ast.ImportFrom

_KINDS = {
    ast.For: "loop",
    ast.AsyncFor: "loop",
    ast.While: "loop",
    ast.If: "condition",
    ast.Match: "condition",
}
_PATH = "program.py"


@dataclass(frozen=True, slots=True)
class Changes:
    """The settings that changed, and a phrase for everything else, the largest change first."""

    settings: list[Setting]
    phrases: list[str]


@dataclass(frozen=True, slots=True)
class Step:
    """A statement without the statements inside it: its kind, its form with a dot for each value, and the values."""

    kind: str
    form: str
    values: tuple[Plain, ...]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words for a change, and how large it is: statements, and values a third of that."""

    words: str
    size: int


def between(old: str, new: str) -> Changes | None:
    """Return what changed between two texts of a program; None when one of them cannot be parsed."""
    try:
        found = _between(_Program(old), _Program(new))
        if not (found.settings or found.phrases) and normal_form(_PATH, old) != normal_form(_PATH, new):
            found.phrases.append("rearranged")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return found


def _between(old: _Program, new: _Program) -> Changes:
    compared = [
        _described(f"{name}: ", steps, new.functions[name])
        for name, steps in old.functions.items()
        if name in new.functions
    ]
    compared.append(_described("outside functions: ", old.rest, new.rest))
    largest_first = sorted((one for one in compared if one), key=lambda phrase: -phrase.size)
    phrases = [phrase.words for phrase in largest_first]
    phrases += [f"new function {name}" for name in new.functions if name not in old.functions]
    phrases += [f"function {name} removed" for name in old.functions if name not in new.functions]
    phrases += [f"new {name} = {shown(value)}" for name, value in new.settings.items() if name not in old.settings]
    phrases += [f"{name} removed" for name in old.settings if name not in new.settings]
    phrases += [f"imports {name}" for line, name in new.imports.items() if line not in old.imports]
    phrases += [f"import of {name} removed" for line, name in old.imports.items() if line not in new.imports]
    return Changes(changed(old.settings, new.settings), phrases)


class _Program:
    """A parsed file: settings, imports by their line, functions by qualified name, and all other statements."""

    def __init__(self, text: str) -> None:
        self.settings: dict[str, Plain] = {}
        self.imports: dict[str, str] = {}
        self.functions: dict[str, list[Step]] = {}
        self.rest: list[Step] = []
        self._take(parse_python(text), "")

    def _take(self, scope: ast.Module | ast.ClassDef, prefix: str) -> None:
        for node in _body(scope):
            setting = _setting(node)
            if isinstance(node, Function):
                self.functions.setdefault(prefix + node.name, []).extend([_step(node), *_steps(_body(node))])
            elif isinstance(node, ast.ClassDef):
                self.rest.append(_step(node))
                self._take(node, f"{prefix}{node.name}.")
            elif isinstance(node, Import):
                self.imports[ast.unparse(node)] = _imported(node)
            elif setting is not None and prefix + setting[0] not in self.settings:
                self.settings[prefix + setting[0]] = setting[1]
            else:
                self.rest += _steps([node])


def _setting(node: ast.stmt) -> tuple[str, Plain] | None:
    """Return name and value of ``NAME = literal``, None for any other statement."""
    target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
    if isinstance(node, ast.AnnAssign):
        target = node.target
    if not isinstance(target, ast.Name) or not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return None
    negative = isinstance(node.value, ast.UnaryOp) and isinstance(node.value.op, ast.USub)
    plain = node.value.operand if isinstance(node.value, ast.UnaryOp) and negative else node.value
    if not isinstance(plain, ast.Constant) or not isinstance(plain.value, Plain):
        return None
    value: Plain = ast.literal_eval(node.value)
    return target.id, value


def _imported(node: Import) -> str:
    return (node.module or ".") if isinstance(node, ast.ImportFrom) else ", ".join(one.name for one in node.names)


def _body(scope: Scope) -> list[ast.stmt]:
    """Return the statements of a scope without its docstring."""
    return scope.body if ast.get_docstring(scope, clean=False) is None else scope.body[1:]


def _steps(nodes: Iterable[ast.AST]) -> Iterator[Step]:
    """Give statements and all those inside them, in the order of the text."""
    for node in nodes:
        if isinstance(node, ast.stmt):
            yield _step(node)
        yield from _steps(child for child in ast.iter_child_nodes(node) if _holds_statements(child))


def _holds_statements(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case)


def _step(node: ast.stmt) -> Step:
    values: list[Plain] = []
    form = _form(node, values)
    return Step(_KINDS.get(type(node), "statement"), form, tuple(values))


def _form(node: object, values: list[Plain]) -> str:
    """Write a node without the statements inside it, each plain value as a dot; the values go into the list."""
    if isinstance(node, list):
        return f"[{','.join(_form(one, values) for one in node if not isinstance(one, ast.stmt))}]"
    if isinstance(node, ast.Constant) and isinstance(node.value, Plain):
        values.append(node.value)
        return "."
    if isinstance(node, ast.AST):
        fields = [_form(value, values) for name, value in ast.iter_fields(node) if name != "kind"]
        return f"{type(node).__name__}({','.join(fields)})"
    return repr(node)


def _described(lead: str, old: Sequence[Step], new: Sequence[Step]) -> Phrase | None:
    """Return what is new in a row of statements, None when nothing is."""
    found = changes([one.form for one in old], [one.form for one in new])
    added = Counter(one.kind for part in found for one in new[part.new_start : part.new_end])
    removed = Counter(one.kind for part in found for one in old[part.old_start : part.old_end])
    moved = list(_moved_values(old, new, found))
    words = [words for kind in ("loop", "condition") if (words := _steps_told(kind, added[kind], removed[kind]))]
    words = words or [words for words in [_steps_told("statement", added["statement"], removed["statement"])] if words]
    if len(moved) == 1 and not words:
        words.append(step(*moved[0]))
    elif moved:
        words.append(counted(len(moved), "literal"))
    size = 3 * (added.total() + removed.total()) + len(moved)
    return Phrase(lead + ", ".join(words), size) if words else None


def _steps_told(kind: str, added: int, removed: int) -> str:
    """Return how many of a kind are new, gone or changed: new loop, 2 loops removed, condition changed."""
    count = abs(added - removed) or added
    noun = kind if count == 1 else f"{kind}s"
    number = "" if count == 1 else f"{count} "
    if added > removed:
        return f"{number}new {noun}"
    if removed > added:
        return f"{number}{noun} removed"
    return f"{number}{noun} changed" if added else ""


def _moved_values(old: Sequence[Step], new: Sequence[Step], found: Iterable[Change]) -> Iterator[tuple[Plain, Plain]]:
    """Give the values that differ in statements of the same form, before and after."""
    at_old = at_new = 0
    for part in [*found, Change(len(old), len(old), len(new), len(new))]:
        for before, after in zip(old[at_old : part.old_start], new[at_new : part.new_start], strict=True):
            pairs = zip(before.values, after.values, strict=True)
            yield from (pair for pair in pairs if (type(pair[0]), pair[0]) != (type(pair[1]), pair[1]))
        at_old, at_new = part.old_end, part.new_end
