"""Generations: what a strategy proposed becomes candidates, and what was measured is told back."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from improvement import dispatch, events, states
from improvement.engine.budget import Limit, amount
from improvement.engine.consulting import Cost, Round
from improvement.engine.generation import Planned
from improvement.engine.patches import diff_stats, patch_digest
from improvement.engine.seeds import measure_seed
from improvement.engine.session import Ask, Entry, Help, Snapshot, Tell, entry_to_json
from improvement.engine.titles import title
from improvement.engine.wording import counted
from improvement.exceptions import Conflict
from improvement.models import Candidate, Evaluation, JournalEntry, ModelCall, Run
from improvement.models import Snapshot as SnapshotRow
from improvement.services import audit, filesets
from improvement.services.actors import SYSTEM
from improvement.states import CandidateState, RunState

KEPT_SNAPSHOTS = 2


@dataclass(frozen=True)
class _Described:
    """A planned candidate with what can be said of its change before the record is touched."""

    planned: Planned
    title: str
    patch_digest: str
    added: int
    removed: int


def open_generation(
    run_id: int,
    *,
    planned: Sequence[Planned],
    entry: Ask,
    base_commit: str,
    base_files: Mapping[str, str],
    journal_index: int,
    now: datetime,
) -> Run:
    """Record what the strategy proposed: candidates, their evaluations, the journal entry, one audit event.

    Raises ``Conflict`` when another worker recorded this answer already or the run no longer runs.
    """
    # Reading the changes takes milliseconds each; nobody's turn at the record waits for it.
    duplicates = {
        one.proposal.number: {"said": one.screened.message, "of": one.screened.of}
        for one in planned
        if one.screened.verdict == "duplicate"
    }
    described = [_described(one, base_files) for one in planned if one.proposal.number not in duplicates]
    return _record_generation(
        run_id,
        described,
        duplicates=duplicates,
        entry=entry,
        base_commit=base_commit,
        journal_index=journal_index,
        now=now,
    )


def _described(planned: Planned, base_files: Mapping[str, str]) -> _Described:
    files = planned.proposal.files
    added, removed = diff_stats(base_files, files)
    return _Described(planned, title(base_files, files), patch_digest(base_files, files), added, removed)


@audit.turn()
def _record_generation(
    run_id: int,
    described: Sequence[_Described],
    *,
    duplicates: Mapping[int, Mapping[str, Any]],
    entry: Ask,
    base_commit: str,
    journal_index: int,
    now: datetime,
) -> Run:
    run = _locked(run_id)
    _append_journal(run, journal_index, entry, duplicates=duplicates)
    proposed = len(described) + len(duplicates)
    run.proposals += proposed
    run.exhausted = not proposed
    index, asked = run.evaluations, _questions(run, described)
    fresh: list[Candidate] = []
    for one in described:
        index += one.planned.to_measure
        fresh.append(_candidate(run, one, asked, base_commit, index if one.planned.to_measure else None, now))
    to_measure = [candidate for candidate in fresh if candidate.state == CandidateState.MEASURING.value]
    run.barren_generations = 0 if to_measure else run.barren_generations + 1
    run.blocked += len(fresh) - len(to_measure)
    run.save(update_fields=["proposals", "exhausted", "barren_generations", "blocked"])
    _queue(run, to_measure, now)
    _announce(run, fresh, to_measure, now)
    return run


@audit.turn()
def record_help(run_id: int, *, entry: Help, journal_index: int, now: datetime) -> None:
    """Record a round of what the strategy asked for before it proposes, before it hears what came of it."""
    run = _locked(run_id)
    _append_journal(run, journal_index, entry)
    if isinstance(entry, Round):
        lacking = entry.lacking or Cost()
        run.lacking_tokens, run.lacking_microusd = lacking.tokens, lacking.microusd
        run.save(update_fields=["lacking_tokens", "lacking_microusd"])
    events.record(run, "generation", {"generation": run.generation, "text": _said_of(entry)}, now=now)


def _said_of(entry: Help) -> str:
    """Return what came of a round in a line."""
    if not isinstance(entry, Round):
        return f"{counted(len(entry.answers), 'program')} edited copies"
    failed = [answer.error for answer in entry.answers if answer.error]
    cost = f"{amount(Limit.TOKENS, entry.cost.tokens)}, {amount(Limit.MICROUSD, entry.cost.microusd)}"
    line = f"models answered {len(entry.answers) - len(failed)} of {counted(len(entry.answers), 'question')}: {cost}"
    return f"{line}; {failed[0]}" if failed else line


@audit.turn()
def close_generation(
    run_id: int,
    *,
    entry: Tell,
    journal_index: int,
    decided: Sequence[int],
    champion: tuple[str, float] | None,
    now: datetime,
) -> Run:
    """Record what the strategy was told, and that this generation is over.

    ``decided`` are the ids of candidates whose verdict was told; ``champion`` is the commit and score that was told.
    """
    run = _locked(run_id)
    _append_journal(run, journal_index, entry)
    numbers = [result["number"] for result in entry.message["results"]]
    Candidate.objects.filter(pk__in=decided).update(told=True, told_generation=run.generation)
    if numbers:
        audit.append(
            "generation.evaluated",
            actor=SYSTEM,
            subject={"kind": "run", "id": f"R-{run.pk}"},
            data={
                "generation": run.generation + 1,
                "count": len(numbers),
                "candidates": _measured_lines(run, numbers),
            },
            run=run,
            target=run.target.name,
            now=now,
        )
    run.generation += 1
    if champion is not None:
        run.heard_commit, run.champion_score = champion
    run.save(update_fields=["generation", "heard_commit", "champion_score"])
    return run


@transaction.atomic
def keep_snapshot(run_id: int, *, snapshot: Snapshot, journal_index: int, now: datetime) -> None:
    """Keep the strategy's state as it is after so many journal entries; older snapshots go."""
    run = Run.objects.get(pk=run_id)
    state = zlib.compress(json.dumps({"state": snapshot.state, "next_number": snapshot.next_number}).encode())
    SnapshotRow.objects.update_or_create(
        run=run,
        journal_index=journal_index,
        defaults={"generation": run.generation, "state": state, "created_at": now},
    )
    kept = run.snapshots.order_by("-journal_index").values_list("pk", flat=True)[:KEPT_SNAPSHOTS]
    run.snapshots.exclude(pk__in=list(kept)).delete()


def _locked(run_id: int) -> Run:
    run = Run.objects.select_for_update(of=("self",)).select_related("target").get(pk=run_id)
    if run.state not in {RunState.RUNNING.value, RunState.PAUSED.value}:
        raise Conflict(f"R-{run.pk} is {states.words(RunState(run.state))}; nothing more is recorded for it.")
    return run


def _append_journal(run: Run, index: int, entry: Entry, **more: Any) -> None:
    newest = run.journal.aggregate(newest=Max("index"))["newest"]
    if index != (0 if newest is None else newest + 1):
        raise Conflict(f"The journal of R-{run.pk} went on without this worker; it starts again from the record.")
    message = json.dumps({**entry_to_json(entry), **more}, sort_keys=True).encode()
    JournalEntry.objects.create(
        run=run,
        index=index,
        generation=run.generation,
        kind=entry_to_json(entry)["kind"],
        message=zlib.compress(message),
        digest=hashlib.sha256(message).hexdigest(),
    )


def _questions(run: Run, described: Sequence[_Described]) -> dict[str, int]:
    """Return the questions to models on whose answers proposals rest, by their digests."""
    named = [one.planned.proposal.transcript for one in described if one.planned.proposal.transcript]
    rows = ModelCall.objects.filter(run=run, question__in=named, answer__isnull=False).order_by("pk")
    return dict(rows.values_list("question", "pk")) if named else {}


def _candidate(
    run: Run, one: _Described, asked: Mapping[str, int], base_commit: str, index: int | None, now: datetime
) -> Candidate:
    proposal, screened, to_measure = one.planned.proposal, one.planned.screened, one.planned.to_measure
    return Candidate.objects.create(
        run=run,
        target=run.target,
        number=proposal.number,
        generation=run.generation,
        state=(CandidateState.MEASURING if to_measure else CandidateState.BLOCKED).value,
        files_id=filesets.store(proposal.files),
        patch_digest=one.patch_digest,
        syntax_digest=screened.syntax_digest,
        base_commit=base_commit,
        added=one.added,
        removed=one.removed,
        characters=sum(map(len, proposal.files.values())),
        operator=proposal.operator[:80],
        note=proposal.note[:300],
        title=one.title,
        parents=list(proposal.parents),
        values=dict(one.planned.values),
        transcript_id=None if proposal.transcript in asked else proposal.transcript or None,
        model_call_id=asked.get(proposal.transcript),
        evaluation_index=index,
        message="" if to_measure else screened.message[:500],
        told=False,
        proposed_at=now,
    )


def _queue(run: Run, candidates: Sequence[Candidate], now: datetime) -> None:
    seed = measure_seed(run.seed)
    rows = [
        Evaluation(
            run=run,
            target=run.target,
            candidate=candidate,
            base_commit=candidate.base_commit,
            files_id=candidate.files_id,
            stage="measure",
            seed=seed,
            state=Evaluation.State.QUEUED,
            queued_at=now,
        )
        for candidate in candidates
    ]
    for row in Evaluation.objects.bulk_create(rows):
        dispatch.enqueue_on_commit("evaluate", evaluation_id=row.pk)


def _announce(run: Run, fresh: Sequence[Candidate], to_measure: Sequence[Candidate], now: datetime) -> None:
    audit.append(
        "generation.proposed",
        actor=SYSTEM,
        subject={"kind": "run", "id": f"R-{run.pk}"},
        data={
            "generation": run.generation + 1,
            "count": len(fresh),
            "candidates": [{"id": f"C-{c.pk}", "patch_sha256": c.patch_digest, "base": c.base_commit} for c in fresh],
        },
        run=run,
        target=run.target.name,
        now=now,
    )
    for candidate in fresh:
        if candidate.state == CandidateState.BLOCKED.value:
            audit.append(
                "candidate.blocked",
                actor=SYSTEM,
                subject=audit.candidate_subject(candidate),
                data={"reason": candidate.message},
                run=run,
                target=run.target.name,
                now=now,
            )
            events.record(
                run,
                "candidate.blocked",
                {"id": candidate.pk, "text": f"C-{candidate.pk} blocked: {candidate.message}"},
                now=now,
            )
    if to_measure:
        text = f"generation {run.generation + 1} proposed {len(to_measure)} candidates"
        events.record(run, "generation", {"generation": run.generation, "text": text}, now=now)


def _measured_lines(run: Run, numbers: Sequence[int]) -> list[dict[str, str]]:
    rows = Candidate.objects.filter(run=run, number__in=numbers).order_by("number")
    return [
        {"id": f"C-{c.pk}", "patch_sha256": c.patch_digest, "outcome": _outcome(c), "score": audit.number(c.score)}
        for c in rows
    ]


def _outcome(candidate: Candidate) -> str:
    dropped = candidate.state == CandidateState.MEASURED.value and candidate.score is None
    return "dropped" if dropped else candidate.state
