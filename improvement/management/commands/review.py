"""`manage.py review`: the queue, one case, what is said of its lines, and a decision signed on the command line."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from django.utils import timezone

from improvement.commandline import caller, carrying_out, review_report, server
from improvement.commandline.answer import Answer
from improvement.commandline.command import Act, Actions, CountersignCommand
from improvement.commandline.text import candidate_id, columns, moment
from improvement.engine.decisions import Ground
from improvement.exceptions import NotFound, StaleDecision
from improvement.models import Candidate, Thread
from improvement.permissions import Person
from improvement.policies import Digests
from improvement.runner.foreground import settle_target
from improvement.selectors import candidates
from improvement.selectors import reviews as read
from improvement.selectors.comments import Place
from improvement.selectors.reviews import Shown, Standing, Waiting
from improvement.services import comments, quarantine, reviews
from improvement.states import CandidateState

_TOO_GOOD = "its score is above what is possible; clear or reject it"


class Command(CountersignCommand):
    """Reviews: list, show, approve, reject, request-changes, clear."""

    help = "Lists what waits for people, shows one case, and records a decision."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions."""
        actions = Actions(parser)
        actions.add(
            "list", _list, "list the open reviews, oldest first; without a server, do first what is due for them"
        )
        _name_candidate(actions.add("show", _show, "show a case: the evidence, what the policy asks for, the change"))
        for name, verdict, summary in (
            ("approve", "approve", "countersign a candidate; at quorum it becomes champion"),
            ("reject", "reject", "reject a candidate; the reason goes back to the loop"),
            ("request-changes", "request_changes", "ask for changes; the reason goes back to the loop"),
        ):
            deciding = actions.add(name, _decide(verdict), summary)
            _name_candidate(deciding)
            deciding.add_argument("--reason", default="", metavar="TEXT", help="why; it goes into the audit trail")
            deciding.add_argument("--ground", action="append", default=[], choices=[*Ground], help="a reason to tick")
            _name_digests(deciding)
            caller.add_as(deciding, required=True)
            caller.add_password(deciding)
        _add_talking(actions)
        clearing = actions.add(
            "clear", _clear, "say that a quarantined score is possible; it is confirmed and reviewed"
        )
        _name_candidate(clearing)
        clearing.add_argument("--reason", default="", metavar="TEXT", help="why; it goes into the audit trail")
        _name_digests(clearing)
        caller.add_as(clearing, required=True)
        caller.add_password(clearing)


def _add_talking(actions: Actions) -> None:
    saying = actions.add("comment", _comment, "say something of one line of a change; it stays open until resolved")
    _name_candidate(saying)
    saying.add_argument("--file", required=True, metavar="PATH", help="the file")
    saying.add_argument("--line", required=True, metavar="N", help="the line, from 1")
    saying.add_argument("--side", choices=[*Thread.Side], default="new", help="the champion's line or the candidate's")
    saying.add_argument("--text", required=True, metavar="TEXT", help="what to say; the strategy reads it")
    saying.add_argument("--not-told", action="store_true", help="keep it from the strategy")
    caller.add_as(saying, required=True)
    caller.add_password(saying)
    resolving = actions.add("resolve", _resolve, "resolve what was said of a line; `review show` has the numbers")
    _name_candidate(resolving)
    resolving.add_argument("comment", metavar="NUMBER", type=int, help="the number of the comment")
    caller.add_as(resolving, required=True)
    caller.add_password(resolving)


def _name_candidate(parser: ArgumentParser) -> None:
    parser.add_argument("candidate", metavar="CANDIDATE", help="the candidate, such as C-12")


def _name_digests(parser: ArgumentParser) -> None:
    parser.add_argument("--patch", default="", metavar="HEX", help="refuse unless the change has this digest")
    parser.add_argument("--evidence", default="", metavar="HEX", help="refuse unless the evidence has this one")


def _list(options: Namespace) -> Answer:
    reader = caller.reader()
    carrying_out.confirm_next()
    waiting = read.awaiting(reader)
    head = ("candidate", "target", "risk", "approvals", "since", "what")
    rows = [
        (
            f"C-{one.candidate_id}",
            one.target,
            one.tier,
            f"{one.approvals}/{one.needed}",
            moment(one.opened_at),
            one.title,
        )
        for one in waiting
    ]
    aside = read.quarantined(reader)
    lines = columns(head, rows) if rows else []
    lines += [f"C-{one.pk} of {one.target.name} is quarantined: {one.message or _TOO_GOOD}" for one in aside]
    value = {"reviews": list(map(_row, waiting)), "quarantined": [f"C-{one.pk}" for one in aside]}
    return Answer(value, lines or ["Nothing waits for people."])


def _row(waiting: Waiting) -> dict[str, Any]:
    return {
        "candidate": f"C-{waiting.candidate_id}",
        "state": waiting.state,
        "target": waiting.target,
        "run": f"R-{waiting.run_id}" if waiting.run_id else None,
        "title": waiting.title,
        "tier": waiting.tier,
        "approvals": {"given": waiting.approvals, "needed": waiting.needed},
        "summary": waiting.summary,
        "opened_at": moment(waiting.opened_at),
        "expires_at": moment(waiting.expires_at),
    }


def _show(options: Namespace) -> Answer:
    number, reader = candidate_id(options.candidate), caller.reader()
    carrying_out.confirm_if_stale(number)
    candidate, standing = _case(number, reader)
    return Answer(review_report.value(candidate, standing), review_report.lines(candidate, standing, with_patch=True))


def _decide(verdict: str) -> Act:
    def decide(options: Namespace) -> Answer:
        number, actor = candidate_id(options.candidate), caller.confirmed_actor(options)
        if verdict == "reject" and _is_quarantined(number):
            quarantine.reject(
                number, shown=_put_aside(number, options), actor=actor, reason=options.reason, now=timezone.now()
            )
            return _judged(number)
        digests, now = _shown(number, options), timezone.now()
        reviews.vote(
            number,
            verdict=verdict,
            digests=digests,
            reason=options.reason,
            grounds=options.ground,
            actor=actor,
            now=now,
        )
        release_id = carrying_out.in_flight(number)
        if release_id is not None:
            carrying_out.finish(release_id)
        carrying_out.tell_run_of(number)
        return _decided(number)

    return decide


def _comment(options: Namespace) -> Answer:
    number, place = candidate_id(options.candidate), Place.parse(options.file, options.side, options.line)
    actor, now = caller.confirmed_actor(options), timezone.now()
    comments.comment(number, place, text=options.text, share=not options.not_told, actor=actor, now=now)
    return _decided(number)


def _resolve(options: Namespace) -> Answer:
    number = candidate_id(options.candidate)
    comments.resolve(number, options.comment, actor=caller.confirmed_actor(options), now=timezone.now())
    release_id = carrying_out.in_flight(number)
    if release_id is not None:
        carrying_out.finish(release_id)
    return _decided(number)


def _clear(options: Namespace) -> Answer:
    number, actor = candidate_id(options.candidate), caller.confirmed_actor(options)
    cleared = quarantine.clear(
        number, shown=_put_aside(number, options), actor=actor, reason=options.reason, now=timezone.now()
    )
    if not server.has_workers():
        settle_target(cleared.target.name)
    return _judged(number)


def _is_quarantined(number: int) -> bool:
    return candidates.get(number, caller.reader()).state == CandidateState.QUARANTINED.value


def _judged(number: int) -> Answer:
    candidate = candidates.get(number, caller.reader())
    value = {"candidate": f"C-{number}", "state": candidate.state, "message": candidate.message}
    return Answer(value, [f"C-{number} is {candidate.state.replace('_', ' ')}."])


def _shown(number: int, options: Namespace) -> Digests:
    """What the decision signs: the case as it stands, and as the caller says that it was read."""
    review = read.latest(number)
    if review is None:
        raise NotFound(f"C-{number} was never sent to review; `review list` shows what is.")
    digests = read.digests(review)
    _check_named(number, options, patch=digests.patch, evidence=digests.evidence)
    return digests


def _put_aside(number: int, options: Namespace) -> Shown:
    """Return what was put aside, unless something else was named."""
    shown = read.put_aside(candidates.get(number, caller.reader()))
    _check_named(number, options, patch=shown.patch, evidence=shown.evidence)
    return shown


def _check_named(number: int, options: Namespace, *, patch: str, evidence: str) -> None:
    for name, digest, named in (("patch", patch, options.patch), ("evidence", evidence, options.evidence)):
        if not digest.startswith(named):
            raise StaleDecision(f"The {name} of C-{number} is not the one you named: read it again with `review show`.")


def _decided(number: int) -> Answer:
    candidate, standing = _case(number, caller.reader())
    return Answer(review_report.value(candidate, standing), review_report.lines(candidate, standing, with_patch=False))


def _case(number: int, person: Person) -> tuple[Candidate, Standing]:
    candidate = candidates.get(number, person)
    review = read.latest(number)
    if review is None:
        raise NotFound(f"C-{number} was never sent to review; it is {candidate.state.replace('_', ' ')}.")
    return candidate, read.standing(review, person)
