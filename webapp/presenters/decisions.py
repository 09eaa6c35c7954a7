"""What people decide about a candidate: the box where they sign, what was said, and what comes of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from improvement.engine.decisions import Ground
from improvement.engine.wording import counted
from improvement.policies import Digests
from improvement.selectors import candidates, loop
from improvement.selectors.reviews import Standing, eligible
from improvement.selectors.reviews import VoteLine as VoteRow
from improvement.states import CandidateState
from webapp.presenters import words
from webapp.presenters.review import DecisionBox, Need, Signing, VoteLine

if TYPE_CHECKING:
    from improvement.models import Candidate, Review

_VERDICTS = {
    "approve": ("check", "up", "countersigned"),
    "reject": ("x", "down", "rejected"),
    "request_changes": ("undo-2", "warn", "asked for changes"),
    "abstain": ("circle", "", "abstained"),
}
_OUTCOMES = {
    "approved": "Approved by the people whom the policy asks for; it is being released.",
    "rejected": "Rejected.",
    "changes_requested": "Sent back to the loop with changes asked for.",
    "superseded": "Superseded by a better candidate before anybody decided.",
    "expired": "Expired: nobody decided in time, so nothing was applied.",
    "withdrawn": "Withdrawn.",
}
_COMING_BACK = {CandidateState.STALE, CandidateState.CONFIRMING}
_FOLLOWS = {
    "approved": "Nothing more is needed: it is released at once.",
    "rejected": "It is not released.",
    "changes_requested": "It is not released as it is.",
}


def box(candidate: Candidate, review: Review | None, standing: Standing | None, now: datetime) -> DecisionBox:
    """Return the box where people decide about a candidate, or read what was decided."""
    if review is None or standing is None:
        return DecisionBox("", (), (), None, can_vote=False, why_not="", self_countersign=False)
    is_open, run = review.state != "closed", candidate.run
    return DecisionBox(
        policy=f"{review.policy.preset} v{review.policy.version}",
        votes=tuple(vote_line(row) for row in standing.votes),
        needs=_needs(standing) if is_open else (),
        signing=signing(standing.case.digests, review.policy.version) if is_open else None,
        can_vote=standing.may_vote,
        why_not=_sentence(standing.why_not),
        self_countersign=standing.involved and standing.policy.self_countersign,
        outcome="" if is_open else _outcome(candidate, review),
        own_approval=standing.own_verdict == "approve",
        open_comments=standing.case.open_comments,
        grounds=tuple((ground.value, ground.words) for ground in Ground),
        nobody_answers=is_open and run is not None and not loop.may_go_on(run, now),
    )


def _needs(standing: Standing) -> tuple[Need, ...]:
    """Return what the policy asks for, and that more people are needed than there are."""
    asked = tuple(Need(one.name, one.met, one.why) for one in standing.requirements)
    there = eligible(standing) if standing.approvals < standing.needed else standing.needed
    if there >= standing.needed:
        return asked
    people = counted(there, "person", "people")
    why = f"{standing.needed} must approve, and {people} here may; invite another reviewer on the Team page"
    return (*asked, Need("Enough reviewers", False, why))


def signing(digests: Digests, policy_version: int) -> Signing:
    """Return what a vote names."""
    return Signing(digests.patch, digests.base, digests.evidence, digests.policy, policy_version)


def what_follows(standing: Standing) -> str:
    """Return what happens next after a vote that leaves the case open or closes it, in one sentence."""
    if standing.review.state == "closed":
        return _FOLLOWS.get(standing.review.outcome, "")
    missing = standing.needed - standing.approvals
    if missing > 0:
        needed = counted(missing, "more approval is", "more approvals are")
        return f"{needed} needed before it is released ({standing.approvals} of {standing.needed} given)."
    if standing.case.halted:
        return "All approvals are given: it is released when the stop over everything is lifted."
    unmet = next((f"{one.name.lower()}: {one.why}" for one in standing.requirements if not one.met), "")
    return f"All approvals are given; before it is released: {unmet or 'another release of this target is finished'}."


def vote_line(row: VoteRow) -> VoteLine:
    """Return one vote for reading."""
    icon, tone, text = _VERDICTS[row.verdict]
    marks = [f"not counted: {row.not_counted}"] if row.not_counted else []
    marks += ["self-countersigned"] if row.self_countersigned else []
    marks += ["by command line"] if row.via == "command line" else []
    grounds = tuple(ground.words for ground in row.grounds)
    return VoteLine(row.person, icon, tone, text, row.at, row.reason, grounds, ", ".join(marks))


def _outcome(candidate: Candidate, review: Review) -> str:
    """Return how a closed review ended, and for an approved one what came of that."""
    state = CandidateState(candidate.state)
    if state in {CandidateState.RELEASED, CandidateState.ROLLED_BACK}:
        return _released(candidate)
    if review.outcome == "approved" and state is not CandidateState.APPROVED:
        return _not_released(candidate, state)
    if review.outcome == "changes_requested" and state is not CandidateState.CHANGES_REQUESTED:
        return f"Changes were asked for. {candidate.message}"
    return _OUTCOMES.get(review.outcome, review.outcome.replace("_", " ").capitalize())


def _released(candidate: Candidate) -> str:
    if candidate.target.champion_candidate_id == candidate.pk:
        return f"Released: the champion is now {words.short(candidate.target.champion_commit)}."
    made = candidates.release(candidate.pk)
    commit = f" {words.short(made.commit)}" if made else ""
    return f"Released as champion{commit}, which another one has replaced since."


def _not_released(candidate: Candidate, state: CandidateState) -> str:
    """Return why the approval came to nothing, and whether the candidate will come back."""
    given_up = candidates.release(candidate.pk)
    why = (given_up.reason if given_up else "") or "The champion or the rules changed first."
    again = " It is confirmed and reviewed again." if state in _COMING_BACK else ""
    return f"Approved, but it was not released. {why}{again}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""
