"""The audit log as a whole: exported for others, and verified here as an outsider would verify it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from improvement import permissions
from improvement.exceptions import LedgerError, NotFound
from improvement.ledger import bundle
from improvement.ledger.bundle import Written
from improvement.ledger.verify import Verdict, verify_bundle
from improvement.models import AuditEvent, Checkpoint, Run
from improvement.permissions import Right
from improvement.selectors import audit as read
from improvement.selectors import records
from improvement.selectors.audit import Filters
from improvement.services import audit
from improvement.services.actors import Actor


@dataclass(frozen=True, slots=True)
class Signed:
    """The log's signed head and the key that checks it."""

    checkpoint: Checkpoint
    vkey: str


def export(out: Path, *, run_id: int | None, actor: Actor, now: datetime) -> Written:
    """Write a bundle of the whole log, or of one run, to ``out``: a .tar when its name ends so, a directory otherwise.

    The export itself is recorded first, so the bundle states who made it. Raises ``NotAllowed`` for a person without
    the right, ``NotFound`` when the log has nothing about that run, ``LedgerError`` when ``out`` exists or cannot be
    written.
    """
    _check_may_export(actor, run_id)
    _check_free(out)
    record_export("bundle", run_id=run_id, actor=actor, now=now)
    signed = head(now=now)
    if run_id is None:
        return _write_whole(out, signed)
    return bundle.write_run_bundle(
        out,
        run=f"R-{run_id}",
        lines=read.lines(),
        checkpoint=signed.checkpoint.text,
        vkey=signed.vkey,
        earlier=read.checkpoints(),
    )


@audit.turn()
def record_export(form: str, *, run_id: int | None, actor: Actor, now: datetime) -> None:
    """Record who takes the log, or one run's part of it, away, and in which form.

    Raises ``NotAllowed`` for a person without the right, ``NotFound`` when the log has nothing about that run.
    """
    _check_may_export(actor, run_id)
    _check_has(run_id)
    newest = read.head()
    audit.append(
        "export.created",
        actor=actor,
        subject={"kind": "log", "id": newest.log if newest else audit.signing_key().name},
        data={
            "size": newest.size if newest else 0,
            "scope": "log" if run_id is None else f"R-{run_id}",
            "form": form,
        },
        now=now,
    )


def verify_log(*, now: datetime, key: str = "", kept: Sequence[str] = ()) -> Verdict:
    """Verify the whole log and the rows that must agree with it; note it when all holds.

    Every checkpoint it ever signed is taken as known. ``key`` (the ``.vkey`` text) and ``kept`` (checkpoints) come from
    elsewhere and prove more: whoever holds the private key could have rewritten log and checkpoints.
    """
    known, signed = [*read.checkpoints(), *kept], head(now=now)
    with tempfile.TemporaryDirectory(prefix="countersign-verify-") as scratch:
        written = _write_whole(Path(scratch, "log"), signed)
        verdict = verify_bundle(written.path, key or signed.vkey, known)
    differences = _differences()
    if _has_more_than_its_head():
        differences.append("events lie beyond the head of the log")
    if differences:
        verdict = replace(verdict, ok=False, problems=(*verdict.problems, *differences))
    if verdict.ok:
        audit.record_verified(size=verdict.size, now=now)
    return verdict


def head(*, now: datetime) -> Signed:
    """Return the log's head, signed now unless it is already, with the key that checks it."""
    return Signed(audit.sign_head(now=now), audit.signing_key().vkey)


def _differences() -> list[str]:
    """Compare log and rows; a difference is believed only while nothing can change between the two readings."""
    if not records.problems():
        return []
    with audit.turn():
        return records.problems()


def _write_whole(out: Path, signed: Signed) -> Written:
    return bundle.write_bundle(
        out, lines=read.lines(), checkpoint=signed.checkpoint.text, vkey=signed.vkey, earlier=read.checkpoints()
    )


def _has_more_than_its_head() -> bool:
    """Whether rows were added past the head; counted first, so that an append meanwhile looks like what it is."""
    stored, newest = AuditEvent.objects.count(), read.head()
    return stored > (newest.size if newest else 0)


def _check_may_export(actor: Actor, run_id: int | None) -> None:
    """Raise unless the actor may export a run's part of the log, or for the whole of it, that of every target."""
    if actor.person is None:
        return
    permissions.check_may(actor.person, Right.EXPORT_AUDIT)
    run = None if run_id is None else Run.objects.filter(pk=run_id).first()
    for target in [run.target_id] if run else [target for target, _ in actor.person.target_roles]:
        permissions.check_may(actor.person, Right.EXPORT_AUDIT, target)


def _check_has(run_id: int | None) -> None:
    if run_id is not None and not read.matching(Filters(run_id=run_id)).exists():
        raise NotFound(f"The audit log has no event of R-{run_id}: name a run as the Runs page does.")


def _check_free(out: Path) -> None:
    """Refuse before anything is recorded what the bundle would refuse after it."""
    if out.exists():
        raise LedgerError(f"{out} exists already: name a new file or directory for the export.")
    if not out.absolute().parent.is_dir():
        raise LedgerError(f"There is no directory {out.absolute().parent} to write the export into.")
