"""The audit log: appended in the transaction of the change itself, signed at its head, exported and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from improvement import installation
from improvement.ledger.checkpoint import SigningKey
from improvement.ledger.event import decimal_text
from improvement.ledger.head import Head
from improvement.models import AuditEvent, AuditHead, Candidate, Checkpoint, Run
from improvement.selectors.audit import stored_bytes
from improvement.services.actors import SYSTEM, Actor

if TYPE_CHECKING:
    from improvement.models import PolicyVersion, Review


@contextmanager
def turn() -> Iterator[None]:
    """Open a transaction that is alone in changing what the log tells of, until it commits.

    Whoever appends waits for the one before in any case. Waiting before anything is read or locked lets each change
    judge what the one before it left, and keeps two of them from waiting for each other.
    """
    with transaction.atomic():
        _locked_head()
        yield


def append(
    kind: str,
    *,
    actor: Actor,
    subject: Mapping[str, Any],
    now: datetime,
    context: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    run: Run | None = None,
    target: str = "",
) -> int:
    """Append one event and return its number. Must be called inside the ``turn`` of the change itself.

    Raises ``LedgerError`` when the event lacks what its type needs; the change is then rolled back with it.
    """
    head = _locked_head() or _begin(now)
    about = {**({"target": target} if target else {}), **({"run": f"R-{run.pk}"} if run else {}), **(context or {})}
    return _append(
        head, kind, actor=actor, subject=subject, context=about, data=data or {}, run=run, target=target, now=now
    )


def number(value: float | None) -> str:
    """Return a score as the exact decimal text that the log holds; no score is an empty text."""
    return "" if value is None else decimal_text(value)


def candidate_subject(candidate: Candidate) -> dict[str, str]:
    """Return what an event about a candidate names: its id, its patch, the base commit."""
    return {
        "kind": "candidate",
        "id": f"C-{candidate.pk}",
        "patch_sha256": candidate.patch_digest,
        "base": candidate.base_commit,
    }


def review_context(review: Review, policy: PolicyVersion) -> dict[str, Any]:
    """Return what an event about a review or a release is bound to besides its subject."""
    return {
        "evidence_sha256": review.evidence.digest,
        "policy_version": policy.version,
        "policy_sha256": policy.digest,
        "preset": policy.preset,
    }


@transaction.atomic
def sign_head(*, now: datetime) -> Checkpoint:
    """Return the signed checkpoint over everything that is in the log now."""
    head = _locked_head() or _begin(now)
    existing = Checkpoint.objects.filter(size=head.size).first()
    if existing is not None:
        return existing
    text = signing_key().sign(head.log, head.size, _state(head).root())
    return Checkpoint.objects.create(size=head.size, text=text, at=now)


def signing_key() -> SigningKey:
    """Return this installation's log key, making it at first use."""
    path = installation.log_key_path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        return SigningKey.create(path, f"countersign-{installation.installation_id()}")
    return SigningKey.load(path)


@transaction.atomic
def record_verified(*, size: int, now: datetime) -> None:
    """Note that the whole log up to ``size`` was checked and held."""
    AuditHead.objects.filter(pk=1).update(verified_size=size, verified_at=now)


def _locked_head() -> AuditHead | None:
    return AuditHead.objects.select_for_update(of=("self",)).filter(pk=1).first()


def _begin(now: datetime) -> AuditHead:
    head, made = AuditHead.objects.get_or_create(pk=1, defaults={"log": signing_key().name})
    if made:
        subject = {"kind": "log", "id": head.log}
        _append(head, "log.started", actor=SYSTEM, subject=subject, context={}, data={}, run=None, target="", now=now)
    return head


def _append(
    head: AuditHead,
    kind: str,
    *,
    actor: Actor,
    subject: Mapping[str, Any],
    context: Mapping[str, Any],
    data: Mapping[str, Any],
    run: Run | None,
    target: str,
    now: datetime,
) -> int:
    state, entry = _state(head).append(
        now=now, type=kind, actor=_actor(actor), subject=subject, context=context, data=data
    )
    AuditEvent.objects.create(
        seq=entry.seq,
        body=entry.line,
        leaf=entry.leaf,
        ts=entry.ts,
        type=kind,
        actor=actor.name,
        subject=str(subject.get("name") or subject["id"])[:120],
        run_id=run.pk if run else None,
        target=target,
    )
    head.size, head.frontier, head.last_ts = state.size, state.frontier, state.last_ts
    head.save(update_fields=["size", "frontier", "last_ts"])
    return entry.seq


def _state(head: AuditHead) -> Head:
    return Head(log=head.log, size=head.size, frontier=stored_bytes(head.frontier), last_ts=head.last_ts)


def _actor(actor: Actor) -> dict[str, str]:
    kind = "command line" if actor.via == "command line" else actor.kind
    return {"kind": kind, "id": actor.id, "name": actor.name}
