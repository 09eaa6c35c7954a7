"""A program as text and as syntax tree, and small edits that leave the rest of the text as it is."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache

from kit.blocks import changeable, lies_in
from kit.edits import Edit, Places

NUMBER = re.compile(r"(?<=Constant\(value=)[0-9][^,)]*")
"""A number in the dump of a syntax tree."""

ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Subscript, ast.Attribute, ast.List, ast.Tuple, ast.ListComp)


class Source:
    """One Python file: its text, its tree, and which part of it may change; `notes` caches what others work out."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.tree = ast.parse(text)
        self.places = Places(text)
        self.lines = self.places.lines
        self.blocks = changeable(text)
        self.notes: dict[object, object] = {}
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def may_change(self, node: ast.AST) -> bool:
        """Whether all of the node's lines lie in one block that may change."""
        return hasattr(node, "lineno") and lies_in(self.blocks, node)

    def offset(self, line: int, column: int) -> int:
        """Return the character position of a tree position (line from 1, column in UTF-8 bytes)."""
        return self.places.offset(line, column)

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return the first and the last character position of a node."""
        return self.places.span(node)

    def segment(self, node: ast.AST) -> str:
        """Return the node's own text."""
        start, end = self.span(node)
        return self.text[start:end]

    def operand(self, node: ast.expr) -> str:
        """Return the node's own text, in brackets where it could not stand in an expression as it is."""
        text = self.segment(node)
        return text if isinstance(node, ATOMS) and "\n" not in text else f"({text})"

    def replace(self, node: ast.AST, text: str) -> Edit:
        """Return the edit that puts `text` in the node's place."""
        start, end = self.span(node)
        return Edit(start, end, text)

    def nodes(self, *kinds: type) -> list:
        """Return the nodes of these kinds that may change, in the order of the text; nothing inside f-strings."""
        return [node for node in self._changeable if not kinds or isinstance(node, kinds)]

    @cached_property
    def _changeable(self) -> list[ast.AST]:
        found = [node for node in walk_plain(self.tree) if self.may_change(node)]
        return sorted(found, key=lambda node: (node.lineno, node.col_offset, -node.end_lineno, -node.end_col_offset))

    def function_of(self, node: ast.AST) -> ast.FunctionDef | None:
        """Return the function that a node stands in, None at module level."""
        above = self.parents.get(node)
        while above is not None and not isinstance(above, ast.FunctionDef):
            above = self.parents.get(above)
        return above

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """The functions at module level, by name."""
        return {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}


def walk_plain(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the node and all below it, without what is inside f-strings."""
    yield node
    if isinstance(node, ast.JoinedStr):
        return
    for child in ast.iter_child_nodes(node):
        yield from walk_plain(child)


@lru_cache(maxsize=512)
def read(path: str, text: str) -> Source:
    """Return the file as a Source; raises SyntaxError when it is not Python."""
    return Source(path, text)


def sources(files: Mapping[str, str]) -> list[Source]:
    """Return the files among the editable ones that are Python and can be read, by path."""
    return [read(path, files[path]) for path in sorted(files) if path.endswith(".py") and is_python(files[path])]


@lru_cache(maxsize=512)
def is_python(text: str) -> bool:
    """Whether a text is a Python program."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def digest(files: Mapping[str, str]) -> str:
    """Return 16 hex digits that stay the same under changes of layout, comments and docstrings."""
    total = hashlib.sha256()
    for path in sorted(files):
        python = path.endswith(".py") and is_python(files[path])
        body = _normal_form(files[path]) if python else files[path]
        total.update(f"{path}\0{len(body)}\0{body}".encode())
    return total.hexdigest()[:16]


def form(files: Mapping[str, str]) -> str:
    """Return 16 hex digits that stay the same when nothing but numbers changes, besides what `digest` leaves out."""
    bodies = [NUMBER.sub("#", _normal_form(source.text)) for source in sources(files)]
    return hashlib.sha256("\0".join(bodies).encode()).hexdigest()[:16]


@lru_cache(maxsize=512)
def _normal_form(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)) and is_docstring(node.body[:1]):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


def is_docstring(statements: Sequence[ast.stmt]) -> bool:
    """Whether the first of these statements is a bare string."""
    first = statements[0] if statements else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def reindent(text: str, column: int) -> str:
    """Return whole lines of code moved so that the first stands at `column`."""
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    shift = column - (len(first) - len(first.lstrip(" ")))
    return "\n".join(indented(line, shift) if line.strip() else line for line in lines)


def indented(line: str, shift: int) -> str:
    """Return a line with its indentation changed by `shift` spaces."""
    code = line.lstrip(" ")
    return " " * max(0, len(line) - len(code) + shift) + code
