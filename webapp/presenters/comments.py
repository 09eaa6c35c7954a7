"""What people say of single lines of a change, beside the lines that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from improvement.exceptions import Invalid
from improvement.permissions import Person
from improvement.selectors import comments
from improvement.selectors.comments import Place
from webapp.presenters.diff import FileDiff, Line

if TYPE_CHECKING:
    from improvement.models import Candidate, Thread


@dataclass(frozen=True, slots=True)
class CommentLine:
    """One person's words; ``kept`` says that the strategy does not read them."""

    person: str
    at: datetime
    text: str
    kept: bool


@dataclass(frozen=True, slots=True)
class ThreadView:
    """A thread: where it is, what was said, and what the reader may do; ``said`` changes with all of it."""

    id: int
    where: str
    code: str
    is_open: bool
    resolved: str
    comments: tuple[CommentLine, ...]
    may_answer: bool
    may_resolve: bool

    @property
    def said(self) -> str:
        """Return what tells this thread from an earlier state of it."""
        return f"{self.id}:{len(self.comments)}:{self.is_open}"


@dataclass(frozen=True, slots=True)
class Talk:
    """The comments of a page: the files with what is said of their lines, and what is about lines not shown now."""

    files: tuple[FileDiff, ...]
    elsewhere: tuple[ThreadView, ...]
    open_count: int
    may_comment: bool


def asked_place(text: str) -> Place | None:
    """Return the line that an address asks to comment on (``new:12:f.py``), if it names one."""
    side, _, rest = text.partition(":")
    line, _, path = rest.partition(":")
    try:
        return Place.parse(path, side, line)
    except Invalid:
        return None


def talk(
    candidate: Candidate,
    person: Person,
    files: tuple[FileDiff, ...],
    *,
    sides: tuple[dict[str, str], dict[str, str]],
    asked: Place | None,
) -> Talk:
    """Put what is said of a candidate beside its lines; ``sides`` are the champion's and the candidate's files."""
    found = comments.threads(candidate.pk)
    may_comment = not comments.why_may_not_comment(candidate, person)
    placed: dict[Place, list[ThreadView]] = {}
    for thread in found:
        if comments.still_there(thread, *sides):
            placed.setdefault(_place(thread), []).append(_view(thread, candidate, person, may_comment))
    shown = tuple(replace(file, lines=_with_threads(file, placed, asked if may_comment else None)) for file in files)
    beside = {view.id for file in shown for line in file.lines for view in line.threads}
    elsewhere = [_view(thread, candidate, person, may_comment) for thread in found if thread.pk not in beside]
    return Talk(shown, tuple(elsewhere), sum(thread.is_open for thread in found), may_comment)


def _place(thread: Thread) -> Place:
    return Place(thread.path, thread.side, thread.line)


def _with_threads(file: FileDiff, placed: dict[Place, list[ThreadView]], asked: Place | None) -> tuple[Line, ...]:
    return tuple(_line(line, _places(file.path, line), placed, asked) for line in file.lines)


def _places(path: str, line: Line) -> Sequence[Place]:
    """The places that a row of a change is at: a row that stayed the same is on both sides."""
    both = (("old", line.old), ("new", line.new))
    return [Place(path, side, number) for side, number in both if number is not None]


def _line(line: Line, places: Sequence[Place], placed: dict[Place, list[ThreadView]], asked: Place | None) -> Line:
    threads = tuple(view for place in places for view in placed.get(place, ()))
    return replace(line, threads=threads, asked=asked in places)


def _view(thread: Thread, candidate: Candidate, person: Person, may_comment: bool) -> ThreadView:
    thread.candidate = candidate
    said = [CommentLine(one.person.get_username(), one.at, one.text, not one.share) for one in thread.comments.all()]
    return ThreadView(
        id=thread.pk,
        where=f"{thread.path}, line {thread.line} of the {thread.get_side_display()}",
        code=thread.code,
        is_open=thread.is_open,
        resolved=thread.resolved_by.get_username() if thread.resolved_by else "",
        comments=tuple(said),
        may_answer=may_comment,
        may_resolve=may_comment and thread.is_open and comments.is_free_to_resolve(thread, person),
    )
