"""The page of one candidate, from what the selectors read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from improvement.permissions import Person
from improvement.policies import Digests
from improvement.selectors import candidates, reviews
from improvement.selectors.reviews import Standing
from improvement.selectors.reviews import VoteLine as VoteRow
from webapp.presenters import evidence, words
from webapp.presenters.diff import changes
from webapp.presenters.review import (
    CandidatePage,
    DecisionBox,
    EvaluationLine,
    Need,
    Neighbours,
    Relative,
    Signing,
    VoteLine,
)

if TYPE_CHECKING:
    from improvement.models import Candidate, Evaluation, Review

    Both = tuple[Evaluation | None, Evaluation | None]

VIEWS = (("unified", "Unified"), ("split", "Split"))
_VERDICTS = {
    "approve": ("check", "up", "countersigned"),
    "reject": ("x", "down", "rejected"),
    "request_changes": ("undo-2", "warn", "asked for changes"),
    "abstain": ("circle", "", "abstained"),
}
_OUTCOMES = {
    "approved": "Approved by the people whom the policy asks for.",
    "rejected": "Rejected.",
    "changes_requested": "Sent back to the loop with changes asked for.",
    "superseded": "Superseded by a better candidate before anybody decided.",
    "expired": "Expired: nobody decided in time, so nothing was applied.",
    "withdrawn": "Withdrawn.",
}


def page(candidate: Candidate, person: Person, *, tab: str, view: str) -> CandidatePage:
    """Return a candidate's page with one of its tabs."""
    review = reviews.latest(candidate.pk)
    standing = reviews.standing(review, person) if review else None
    rows = candidates.evaluations(candidate.pk)
    tabs = _tabs(len(_paired(rows)))
    tab = tab if tab in dict(tabs) else "changes"
    files = changes(candidates.base_files(candidate), candidates.files(candidate))
    found = candidates.evidence(candidate.pk)
    return CandidatePage(
        id=candidate.pk,
        title=candidate.note or candidate.operator or "Change",
        run_id=candidate.run_id,
        target=candidate.target.name,
        chip=words.candidate_chip(candidate.state),
        approvals=_approvals(standing),
        risk=words.tier_chip(review.tier) if review else None,
        files_changed=len(files),
        added=candidate.added,
        removed=candidate.removed,
        base=candidate.base_commit,
        origin=words.origin(candidate.operator, candidate.origin),
        parents=tuple(parent.pk for parent in candidates.parents(candidate)),
        isolation=candidate.target.isolation,
        score=words.number(candidate.score),
        proposed_at=candidate.proposed_at,
        message=candidate.message,
        tab=tab,
        tabs=tabs,
        view=view if view in dict(VIEWS) else VIEWS[0][0],
        neighbours=_neighbours(candidate.pk, person),
        decision=_decision(review, standing),
        evidence=evidence.view(found.payload) if found else None,
        files=files if tab == "changes" else (),
        evaluations=_evaluations(rows, candidate.target.better) if tab in {"evidence", "log"} else (),
        relatives=_relatives(candidate) if tab == "lineage" else (),
    )


def signing(digests: Digests, policy_version: int) -> Signing:
    """Return what a vote names."""
    return Signing(digests.patch, digests.base, digests.evidence, digests.policy, policy_version)


def vote_line(row: VoteRow) -> VoteLine:
    """Return one vote for reading."""
    icon, tone, text = _VERDICTS[row.verdict]
    marks = [f"not counted: {row.not_counted}"] if row.not_counted else []
    marks += ["self-countersigned"] if row.self_countersigned else []
    marks += ["by command line"] if row.via == "command line" else []
    return VoteLine(row.person, icon, tone, text, row.at, row.reason, ", ".join(marks))


def _tabs(measured: int) -> tuple[tuple[str, str], ...]:
    runs = f"Evidence runs ({measured})" if measured else "Evidence runs"
    return (("changes", "Changes"), ("evidence", runs), ("log", "Log"), ("lineage", "Lineage"))


def _approvals(standing: Standing | None) -> str:
    return f"{standing.approvals} of {words.count(standing.needed, 'approval')}" if standing else ""


def _neighbours(candidate_id: int, person: Person) -> Neighbours:
    previous, following, position, total = reviews.neighbours(candidate_id, person)
    return Neighbours(position or None, total, previous, following)


def _decision(review: Review | None, standing: Standing | None) -> DecisionBox:
    if review is None or standing is None:
        return DecisionBox("", (), (), None, can_vote=False, why_not="", self_countersign=False)
    is_open = review.state != "closed"
    return DecisionBox(
        policy=f"{review.policy.preset} v{review.policy.version}",
        votes=tuple(vote_line(row) for row in standing.votes),
        needs=tuple(Need(one.name, one.met, one.why) for one in standing.requirements) if is_open else (),
        signing=signing(standing.case.digests, review.policy.version) if is_open else None,
        can_vote=standing.may_vote,
        why_not=_sentence(standing.why_not),
        self_countersign=standing.involved and standing.policy.self_countersign,
        outcome="" if is_open else _OUTCOMES.get(review.outcome, review.outcome.replace("_", " ").capitalize()),
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _paired(rows: Sequence[Evaluation]) -> dict[tuple[int, str, int], Both]:
    """Return candidate and champion of each measurement side by side, newest revision first."""
    pairs: dict[tuple[int, str, int], Both] = {}
    for row in rows:
        key = (-row.revision, row.stage, row.index)
        own, champion = pairs.get(key, (None, None))
        pairs[key] = (row, champion) if row.candidate_id is not None else (own, row)
    return dict(sorted(pairs.items()))


def _evaluations(rows: Sequence[Evaluation], better: str) -> tuple[EvaluationLine, ...]:
    return tuple(_evaluation(stage, index, both, better) for (_, stage, index), both in _paired(rows).items())


def _evaluation(stage: str, index: int, both: Both, better: str) -> EvaluationLine:
    own, champion = both
    mine, theirs = (row.score if row else None for row in both)
    difference = None if mine is None or theirs is None else mine - theirs
    shown = own or champion
    return EvaluationLine(
        stage=stage,
        index=index + 1,
        candidate=words.number(mine),
        champion=words.number(theirs),
        difference=words.signed(difference),
        tone=words.tone_of(words.improves(mine, theirs, better)),
        seconds=words.seconds(shown.seconds) if shown and shown.done_at else words.NOTHING,
        memory=f"{shown.memory_mb:.0f} MB" if shown and shown.memory_mb else words.NOTHING,
        level=shown.level if shown else 0,
        isolation=shown.isolation if shown else "",
        message=(own.message if own else "") or ("" if own and own.done_at else "waits for a worker"),
        log=(own.log or own.feedback) if own else "",
    )


def _relatives(candidate: Candidate) -> tuple[Relative, ...]:
    kin = [(row, "parent") for row in candidates.parents(candidate)]
    kin += [(row, "descendant") for row in candidates.children(candidate)]
    return tuple(
        Relative(row.pk, words.candidate_chip(row.state), words.number(row.score), row.note or row.operator, relation)
        for row, relation in kin
    )
