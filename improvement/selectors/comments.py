"""Reading what people say of single lines of a change, and who may say something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from improvement import permissions
from improvement.engine.decisions import LineComment
from improvement.engine.visible import visible
from improvement.exceptions import Invalid, NotFound
from improvement.models import Candidate, Comment, Review, Thread
from improvement.permissions import Person, Right
from improvement.selectors import candidates
from improvement.selectors import reviews as read_reviews

LONGEST_CODE = 400


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a change: of the champion's file (side "old") or the candidate's ("new"), counted from 1."""

    path: str
    side: str
    line: int

    @classmethod
    def parse(cls, path: str, side: str, line: str) -> Place:
        """Read a place as a form or a command line names it; raises ``Invalid``."""
        if side not in Thread.Side.values or not (line.isascii() and line.isdigit() and len(line) < 8):
            raise Invalid(f"Line {line!r} of {side!r} is no line of a change: name old or new, and a number from 1.")
        return cls(path, side, int(line))


def threads(candidate_id: int) -> list[Thread]:
    """Return the threads about a candidate, oldest first, with their comments and people."""
    rows = Thread.objects.filter(candidate_id=candidate_id).select_related("opened_by", "resolved_by")
    return list(rows.prefetch_related("comments__person"))


def code_at(candidate: Candidate, place: Place) -> str:
    """Return the text of a line of a candidate's change; raises ``Invalid`` when there is no such line."""
    old, new = candidates.base_files(candidate), candidates.files(candidate)
    if old.get(place.path) == new.get(place.path):
        raise Invalid(f"C-{candidate.pk} does not change {place.path}.")
    found = _lines({"old": old, "new": new}[place.side].get(place.path, ""))
    if not 1 <= place.line <= len(found):
        whose = Thread.Side(place.side).label
        raise Invalid(f"The {whose}'s {place.path} has {len(found)} lines; there is no line {place.line}.")
    return found[place.line - 1][:LONGEST_CODE]


def still_there(thread: Thread, old: Mapping[str, str], new: Mapping[str, str]) -> bool:
    """Tell whether the line that a thread is about is where it was, in the champion's or the candidate's files."""
    found = _lines((old if thread.side == Thread.Side.OLD else new).get(thread.path, ""))
    return found[thread.line - 1 : thread.line] != [] and found[thread.line - 1][:LONGEST_CODE] == thread.code


def shared(candidate: Candidate) -> tuple[LineComment, ...]:
    """Return what the strategy may read of what was said of a candidate's lines, oldest first."""
    rows = Comment.objects.filter(thread__candidate=candidate, share=True).select_related("thread")
    return tuple(_line_comment(row) for row in rows)


def why_may_not_comment(candidate: Candidate, person: Person) -> str:
    """Return why this person can say nothing of this candidate's lines, or an empty text when they can."""
    review = read_reviews.latest(candidate.pk)
    if review is None or review.state == Review.State.CLOSED:
        return f"C-{candidate.pk} is not in review, so nothing more is said of its lines."
    if permissions.may(person, Right.REVIEW, candidate.target_id) or _may_answer(candidate, person):
        return ""
    return f"{person.name} may not comment here: that needs the right to review, or to have started or written this."


def thread(candidate_id: int, thread_id: int) -> Thread:
    """Return a thread about a candidate, or raise ``NotFound``."""
    found = Thread.objects.filter(pk=thread_id, candidate_id=candidate_id).first()
    if found is None:
        raise NotFound(f"There is no such comment on C-{candidate_id}.")
    return found


def why_may_not_resolve(thread: Thread, person: Person) -> str:
    """Return why this person cannot resolve a thread, or an empty text when they can.

    What others said of one's own change is theirs to resolve.
    """
    if (why_not := why_may_not_comment(thread.candidate, person)) or is_free_to_resolve(thread, person):
        return why_not
    return "You started or wrote this, so whoever spoke of this line, or another reviewer, resolves it."


def is_free_to_resolve(thread: Thread, person: Person) -> bool:
    """Tell whether somebody who may comment on a thread's candidate may also resolve the thread."""
    return thread.opened_by_id == person.id or person.id not in read_reviews.involved(thread.candidate)


def _lines(text: str) -> list[str]:
    """Return a file's lines as the change shows and numbers them."""
    found = visible(text).split("\n")
    return found[:-1] if found[-1] == "" else found


def _may_answer(candidate: Candidate, person: Person) -> bool:
    sees = permissions.may(person, Right.VIEW, candidate.target_id)
    return sees and person.id in read_reviews.involved(candidate)


def _line_comment(row: Comment) -> LineComment:
    thread = row.thread
    return LineComment(thread.path, thread.side, thread.line, thread.code, row.text, resolved=not thread.is_open)
