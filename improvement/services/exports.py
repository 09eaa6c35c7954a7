"""Taking the audit log out as a signed bundle, and checking the whole of it here."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from django.db import transaction

from improvement import permissions
from improvement.ledger.bundle import write_bundle, write_run_bundle
from improvement.ledger.checkpoint import read_checkpoint
from improvement.ledger.verify import Verdict, verify_bundle
from improvement.permissions import Right
from improvement.selectors import audit as read
from improvement.services import audit
from improvement.services.actors import Actor


def write(out: Path, *, run_id: int | None, actor: Actor, now: datetime) -> Path:
    """Write the whole log, or one run's part of it, to ``out`` (a .tar or a directory) under a fresh signed head.

    That it was taken out is itself recorded, after the head that the bundle stands under. Raises ``LedgerError`` when
    ``out`` cannot be written or the run is not in the log, ``NotAllowed`` for a person without the right.
    """
    if actor.person is not None:
        permissions.check_may(actor.person, Right.EXPORT_AUDIT)
    signed = audit.sign_head(now=now).text
    heads = {"checkpoint": signed, "vkey": audit.signing_key().vkey, "earlier": read.checkpoints()}
    if run_id is None:
        write_bundle(out, lines=read.lines(), **heads)
    else:
        write_run_bundle(out, run=f"R-{run_id}", lines=read.lines(), **heads)
    _record(signed, run_id, actor=actor, now=now)
    return out


def verify(*, now: datetime) -> Verdict:
    """Check every event, every signed head and the meaning of every release, as the offline verifier does."""
    signed = audit.sign_head(now=now).text
    vkey = audit.signing_key().vkey
    with tempfile.TemporaryDirectory(prefix="countersign-verify-") as folder:
        bundle = Path(folder) / "log"
        write_bundle(bundle, lines=read.lines(), checkpoint=signed, vkey=vkey, earlier=read.checkpoints())
        verdict = verify_bundle(bundle, vkey)
    if verdict.ok:
        audit.record_verified(size=verdict.size, now=now)
    return verdict


@transaction.atomic
def _record(signed: str, run_id: int | None, *, actor: Actor, now: datetime) -> None:
    size = read_checkpoint(signed).size
    audit.append(
        "export.created",
        actor=actor,
        subject={"kind": "log", "id": audit.signing_key().name},
        data={"size": size, "of": "everything" if run_id is None else f"R-{run_id}"},
        now=now,
    )
