"""The page of one candidate, from what the selectors read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime
from typing import TYPE_CHECKING

from improvement.engine.wording import counted
from improvement.permissions import Person
from improvement.selectors import candidates, model_calls, program_runs, reviews, targets
from improvement.selectors.comments import Place
from improvement.selectors.reviews import Standing
from improvement.states import CandidateState
from webapp.presenters import decisions, evidence, parameter_moves, pipeline_picture, stages, words
from webapp.presenters.comments import talk
from webapp.presenters.diff import changes
from webapp.presenters.review import CandidatePage, EvaluationLine, Exchange, Neighbours, Relative

if TYPE_CHECKING:
    from improvement.models import Candidate, Evaluation, ModelCall

    Both = tuple[Evaluation | None, Evaluation | None]

VIEWS = (("unified", "Unified"), ("split", "Split"))
_MOVING = {
    CandidateState.PROPOSED,
    CandidateState.MEASURING,
    CandidateState.NOMINATED,
    CandidateState.CONFIRMING,
    CandidateState.APPROVED,
    CandidateState.STALE,
}
_WITH_PEOPLE = {CandidateState.MEASURED, CandidateState.IN_REVIEW, CandidateState.QUARANTINED}


def page(
    candidate: Candidate, person: Person, *, tab: str, view: str, asked: Place | None, now: datetime
) -> CandidatePage:
    """Return a candidate's page with one of its tabs; ``asked`` is the line that the reader is about to comment on."""
    review = reviews.latest(candidate.pk)
    standing = reviews.standing(review, person) if review else None
    rows = candidates.evaluations(candidate.pk)
    tabs = _tabs(len(_paired(rows)))
    tab = tab if tab in dict(tabs) else "changes"
    sides = candidates.base_files(candidate), candidates.files(candidate)
    files = changes(*sides)
    reads = tab == "changes"
    found = candidates.evidence(candidate.pk)
    return CandidatePage(
        id=candidate.pk,
        title=candidate.title,
        run_id=candidate.run_id,
        target=candidate.target.name,
        chip=words.candidate_chip(candidate.state),
        approvals=_approvals(standing),
        risk=words.tier_chip(review.tier) if review else None,
        files_changed=len(files),
        added=candidate.added,
        removed=candidate.removed,
        base=candidate.base_commit,
        origin=candidate.author.get_username()
        if candidate.author
        else words.origin(candidate.operator, candidate.origin),
        note=candidate.note if candidate.note != candidate.title else "",
        parents=tuple(parent.pk for parent in candidates.parents(candidate)),
        isolation=candidate.target.isolation,
        score=words.number(candidate.score),
        proposed_at=candidate.proposed_at,
        message=candidate.message,
        tab=tab,
        tabs=tabs,
        view=view if view in dict(VIEWS) else VIEWS[0][0],
        neighbours=_neighbours(candidate.pk, person),
        shown=_shown(candidate, standing),
        moving=_is_moving(candidate),
        decision=decisions.box(candidate, review, standing, now),
        put_aside=reviews.put_aside(candidate),
        quarantined=candidate.state == CandidateState.QUARANTINED.value,
        why_not_clear=reviews.why_may_not_clear(candidate, person),
        evidence=evidence.view(found.payload) if found else None,
        talk=talk(candidate, person, files, sides=sides, asked=asked) if reads else None,
        moves=parameter_moves.moves(targets.manifest(candidate.target).parameters, *sides) if reads else (),
        pipeline=pipeline_picture.picture(*sides) if reads else None,
        transcript=program_runs.transcript(candidate) if tab == "log" else "",
        model=_model(candidate.model_call),
        exchange=_exchange(candidate.model_call) if candidate.model_call and tab == "log" else None,
        evaluations=_evaluations(rows, candidate.target.better) if tab in {"evidence", "log"} else (),
        relatives=_relatives(candidate) if tab == "lineage" else (),
        stages=stages.lines(rows, candidate.target.better) if tab == "evidence" else (),
    )


def _tabs(measured: int) -> tuple[tuple[str, str], ...]:
    runs = f"Evidence runs ({measured})" if measured else "Evidence runs"
    return (("changes", "Changes"), ("evidence", runs), ("log", "Log"), ("lineage", "Lineage"))


def _model(call: ModelCall | None) -> str:
    return f"{call.model} ({call.model_id})" if call else ""


def _exchange(call: ModelCall) -> Exchange:
    """Return what was asked and answered as the record has it."""
    asked, answered = model_calls.request_of(call), model_calls.answer_of(call)
    took = f"{answered.tokens_in:,} tokens in, {answered.tokens_out:,} out, {words.money(answered.cost_microusd)}"
    return Exchange(
        messages=tuple((message.role.value, message.text) for message in asked.messages),
        answer=answered.text,
        took=f"{took}, {words.seconds(call.seconds)}",
    )


def _approvals(standing: Standing | None) -> str:
    return f"{standing.approvals} of {counted(standing.needed, 'approval')}" if standing else ""


def _neighbours(candidate_id: int, person: Person) -> Neighbours:
    previous, following, position, total = reviews.neighbours(candidate_id, person)
    return Neighbours(position or None, total, previous, following)


def _shown(candidate: Candidate, standing: Standing | None) -> str:
    if standing is None:
        return f"{candidate.patch_digest} {candidate.base_commit}"
    return " ".join(astuple(standing.case.digests))


def _is_moving(candidate: Candidate) -> bool:
    """Whether the page must ask by itself; of a candidate without a run, no live event tells what people did."""
    state = CandidateState(candidate.state)
    return state in _MOVING or (candidate.run_id is None and state in _WITH_PEOPLE)


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
        Relative(row.pk, words.candidate_chip(row.state), words.number(row.score), row.title, relation)
        for row, relation in kin
    )
