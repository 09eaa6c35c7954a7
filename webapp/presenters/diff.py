"""A change as people read it: file by file, unified or side by side, with what stayed the same folded away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING

from django.utils.safestring import SafeString

from webapp.presenters.highlight import Piece, Span, changed_words, lines_of, markup

if TYPE_CHECKING:
    from webapp.presenters.comments import ThreadView

CONTEXT = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a unified diff: kind is add, del, hunk or empty (context).

    ``threads`` is what people say of it, and ``asked`` that the reader is about to say something.
    """

    kind: str
    old: int | None
    new: int | None
    html: SafeString | str
    threads: tuple[ThreadView, ...] = ()
    asked: bool = False

    @property
    def side(self) -> str:
        """Whose file a comment on this row is about."""
        return "old" if self.kind == "del" else "new"

    @property
    def number(self) -> int | None:
        """The number of the row in that file."""
        return self.old if self.kind == "del" else self.new

    @property
    def sign(self) -> str:
        """The sign in the margin."""
        return {"add": "+", "del": "\u2212"}.get(self.kind, "")


@dataclass(frozen=True, slots=True)
class Pair:
    """One row side by side; a side without a line is ``None``. ``hunk`` rows carry only a text."""

    left: Line | None
    right: Line | None
    hunk: str = ""

    @property
    def sides(self) -> tuple[Line, ...]:
        """The lines of this row, one that stayed the same only once."""
        both = (self.left,) if self.left is self.right else (self.left, self.right)
        return tuple(line for line in both if line is not None)


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One changed file."""

    path: str
    added: int
    removed: int
    lines: tuple[Line, ...]

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The same rows side by side: removed lines face the added ones that follow them."""
        return _side_by_side(self.lines)


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[FileDiff, ...]:
    """Return every file that differs, by path."""
    paths = sorted({*old, *new})
    return tuple(
        file_diff(path, old.get(path, ""), new.get(path, "")) for path in paths if old.get(path) != new.get(path)
    )


def file_diff(path: str, old: str, new: str) -> FileDiff:
    """Return one file's diff."""
    before, after = _split(old), _split(new)
    left, right = lines_of(path, old), lines_of(path, new)
    rows: list[Line] = []
    added = removed = shown = 0
    for group in SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(CONTEXT):
        start = group[0][1]
        if start > shown:
            rows.append(Line("hunk", None, None, _folded(start - shown, _heading(before, start))))
        for tag, a, b, c, d in group:
            if tag == "equal":
                rows += [Line("", a + i + 1, c + i + 1, markup(left[a + i])) for i in range(b - a)]
                continue
            gone, come = _marks(_texts(left[a:b]), _texts(right[c:d]))
            rows += [Line("del", a + i + 1, None, markup(left[a + i], gone.get(i, ()))) for i in range(b - a)]
            rows += [Line("add", None, c + i + 1, markup(right[c + i], come.get(i, ()))) for i in range(d - c)]
            removed, added = removed + b - a, added + d - c
        shown = group[-1][2]
    if shown < len(before):
        rows.append(Line("hunk", None, None, _folded(len(before) - shown, "")))
    return FileDiff(path, added, removed, tuple(rows))


def _split(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _texts(lines: Sequence[Sequence[Piece]]) -> list[str]:
    return ["".join(text for _, text in line) for line in lines]


def _marks(gone: list[str], come: list[str]) -> tuple[dict[int, list[Span]], dict[int, list[Span]]]:
    """Return the changed words of lines that face each other in one replaced block."""
    pairs = [changed_words(old, new) for old, new in zip(gone, come, strict=False)]
    return dict(enumerate(left for left, _ in pairs)), dict(enumerate(right for _, right in pairs))


def _folded(count: int, heading: str) -> str:
    kept = f"{count} line{'s' if count != 1 else ''} unchanged"
    return f"{heading} \u00b7 {kept}" if heading else kept


def _heading(lines: list[str], before: int) -> str:
    """Return the function or class that a hunk lies in, for orientation."""
    for line in reversed(lines[:before]):
        if line.startswith(("def ", "class ", "async def ")):
            return line.split("(")[0].split(":")[0]
    return ""


def _side_by_side(lines: tuple[Line, ...]) -> tuple[Pair, ...]:
    pairs: list[Pair] = []
    gone: list[Line] = []
    come: list[Line] = []

    def flush() -> None:
        pairs.extend(Pair(left, right) for left, right in zip_longest(gone, come))
        gone.clear()
        come.clear()

    for line in lines:
        if line.kind == "del":
            gone.append(line)
        elif line.kind == "add":
            come.append(line)
        else:
            flush()
            pairs.append(Pair(None, None, str(line.html)) if line.kind == "hunk" else Pair(line, line))
    flush()
    return tuple(pairs)
