"""What people say of single lines of a change: comments, answers, and that a thread is resolved."""

from __future__ import annotations

from datetime import datetime

from improvement import events
from improvement.exceptions import Conflict, NotAllowed, NotFound
from improvement.models import Candidate, Comment, Thread
from improvement.permissions import Person
from improvement.selectors import comments as read
from improvement.selectors.comments import Place
from improvement.services import audit, reasons, reviews
from improvement.services.actors import Actor, require_person


def comment(candidate_id: int, place: Place, *, text: str, share: bool, actor: Actor, now: datetime) -> Comment:
    """Say something of a line of a candidate's change; what was said of that line before is answered with it.

    The same words again are the same comment. Raises ``NotFound``, ``NotAllowed``, ``Conflict`` when the candidate is
    not in review, and ``Invalid`` for a line that is not there or no text.
    """
    found = Candidate.objects.select_related("target").filter(pk=candidate_id).first()
    if found is None:
        raise NotFound(f"There is no candidate C-{candidate_id}.")
    code = read.code_at(found, place)
    with audit.turn():
        candidate = _locked(candidate_id)
        if candidate.patch_digest != found.patch_digest:
            raise Conflict(f"C-{candidate_id} changed meanwhile. Reload the page and look again.")
        person = _speaker(candidate, actor)
        thread, _ = Thread.objects.get_or_create(
            candidate=candidate,
            path=place.path,
            side=place.side,
            line=place.line,
            code=code,
            defaults={"opened_at": now, "opened_by_id": person.id},
        )
        return _say(thread, person, text, share, actor, now)


@audit.turn()
def answer(candidate_id: int, thread_id: int, *, text: str, share: bool, actor: Actor, now: datetime) -> Comment:
    """Say something more in a thread; one that was resolved is open again."""
    thread = _thread(candidate_id, thread_id)
    return _say(thread, _speaker(thread.candidate, actor), text, share, actor, now)


@audit.turn()
def resolve(candidate_id: int, thread_id: int, *, actor: Actor, now: datetime) -> Thread:
    """Say that nothing more is to be done about a thread; approvals that waited for that take effect.

    A thread that is resolved stays as it is. Raises ``NotAllowed`` for whoever started or wrote the change, unless
    they opened the thread themselves.
    """
    thread = _thread(candidate_id, thread_id)
    person = _speaker(thread.candidate, actor)
    if why_not := read.why_may_not_resolve(thread, person):
        raise NotAllowed(why_not)
    if thread.is_open:
        thread.resolved_at, thread.resolved_by_id = now, person.id
        thread.save(update_fields=["resolved_at", "resolved_by"])
        _append("review.comment_resolved", thread, {}, actor, now)
        _announce(thread.candidate, f"{person.name} resolved a comment on C-{thread.candidate_id}", now)
        reviews.settle_approved(now=now)
    return thread


def _locked(candidate_id: int) -> Candidate:
    rows = Candidate.objects.select_for_update(of=("self",)).select_related("run__target", "target")
    return rows.get(pk=candidate_id)


def _thread(candidate_id: int, thread_id: int) -> Thread:
    thread = read.thread(candidate_id, thread_id)
    thread.candidate = _locked(candidate_id)
    return thread


def _speaker(candidate: Candidate, actor: Actor) -> Person:
    person = require_person(actor, "comment on a change or resolve that")
    if why_not := read.why_may_not_comment(candidate, person):
        raise NotAllowed(why_not)
    return person


def _say(thread: Thread, person: Person, text: str, share: bool, actor: Actor, now: datetime) -> Comment:
    said = reasons.checked(text, needed="Write what you want to say of this line.")
    newest = thread.comments.last()
    if newest is not None and (newest.person_id, newest.text, newest.share) == (person.id, said, share):
        return newest
    thread.resolved_at, thread.resolved_by = None, None
    thread.save(update_fields=["resolved_at", "resolved_by"])
    _append("review.commented", thread, {"text": said, "shared": share}, actor, now)
    _announce(thread.candidate, f"{person.name} commented on C-{thread.candidate_id}, {thread.path}: “{said}”", now)
    return Comment.objects.create(thread=thread, person_id=person.id, text=said, share=share, via=actor.via, at=now)


def _append(kind: str, thread: Thread, data: dict[str, object], actor: Actor, now: datetime) -> None:
    about = {"path": thread.path, "line": thread.line, "side": thread.side, **data}
    audit.append(
        kind,
        actor=actor,
        subject=audit.candidate_subject(thread.candidate),
        data=about,
        run=thread.candidate.run,
        target=thread.candidate.target.name,
        now=now,
    )


def _announce(candidate: Candidate, text: str, now: datetime) -> None:
    if candidate.run is not None:
        events.record(candidate.run, "comment", {"id": candidate.pk, "text": text}, now=now)
