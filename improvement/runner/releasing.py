"""Moving a champion: the commit is made, its intent recorded, the ref moved by compare-and-swap, the move recorded."""

from __future__ import annotations

import logging
from datetime import datetime

from django.utils import timezone

from improvement.exceptions import ChampionMoved, Conflict, Halted, PolicyUnmet
from improvement.ledger.checkpoint import read_checkpoint
from improvement.models import Release
from improvement.runner.tasks_at import repository
from improvement.selectors import filesets
from improvement.services import audit, releases
from improvement.targets.messages import with_trailers
from improvement.targets.repository import Author, Repository

logger = logging.getLogger(__name__)

MACHINE = Author("Countersign", "countersign@localhost")


def finish_release(release_id: int) -> None:
    """Carry out an ordered release or rollback, from wherever an earlier attempt left it."""
    try:
        release = releases.check_still_allowed(release_id, now=timezone.now())
    except Halted as halted:
        logger.info("release %s waits: %s", release_id, halted.message)
        return
    except (PolicyUnmet, Conflict) as refusal:
        releases.give_up(release_id, reason=refusal.message, now=timezone.now())
        return
    if release.state != Release.State.INTENDED:
        return
    repo = repository(release.target.name)
    try:
        release = _with_commit(release, repo)
        if repo.head() != release.commit:
            repo.advance(release.commit, expected=release.previous_commit)
    except ChampionMoved as moved:
        releases.give_up(release_id, reason=moved.message, now=timezone.now())
        return
    releases.finish(release_id, now=timezone.now())


def _with_commit(release: Release, repo: Repository) -> Release:
    if release.commit:
        return release
    make = _rollback_commit if release.kind == Release.Kind.ROLLBACK else _release_commit
    commit = make(release, repo)
    return releases.record_commit(release.pk, commit=commit, tree=repo.tree_id(commit), now=timezone.now())


def _release_commit(release: Release, repo: Repository) -> str:
    candidate = release.candidate
    if candidate is None:
        raise PolicyUnmet("A release without a candidate cannot be carried out.")
    files = filesets.load(candidate.files_id)
    evidence = candidate.evidence.get(revision=candidate.revision)
    review = candidate.reviews.order_by("-pk").first()
    pairs = [
        ("Candidate", f"C-{candidate.pk}"),
        *[("Approved-by", approval.name) for approval in releases.approvals(release)],
        ("Evidence", evidence.digest),
        ("Policy", f"v{review.policy.version} {review.policy.digest}" if review else ""),
        ("Checkpoint", _checkpoint(timezone.now())),
    ]
    subject = (candidate.note or candidate.operator or "Improve")[:72]
    message = with_trailers(subject, evidence.summary, pairs)
    changes = {path: text.encode("utf-8") for path, text in files.items()}
    return repo.commit(release.previous_commit, changes, message=message, author=MACHINE, when=release.created_at)


def _rollback_commit(release: Release, repo: Repository) -> str:
    ordered = release.approved_by[0]
    pairs = [
        ("Rolled-back-by", ordered["name"]),
        ("Restores", ordered["to"]),
        ("Checkpoint", _checkpoint(timezone.now())),
    ]
    message = with_trailers(f"Roll back to {ordered['to'][:9]}", release.reason, pairs)
    return repo.roll_back(
        ordered["to"], expected=release.previous_commit, message=message, author=MACHINE, when=release.created_at
    )


def _checkpoint(now: datetime) -> str:
    signed = read_checkpoint(audit.sign_head(now=now).text)
    return f"{signed.origin} {signed.size} {signed.root.hex()}"
