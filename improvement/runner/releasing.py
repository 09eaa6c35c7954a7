"""Moving a champion: the commit is made, its intent recorded, the ref moved by compare-and-swap, the move recorded."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from django.utils import timezone

from improvement import installation
from improvement.exceptions import ChampionMoved, Conflict, Halted, PolicyUnmet, TargetError
from improvement.ledger.checkpoint import read_checkpoint
from improvement.models import Release
from improvement.runner import heads
from improvement.runner.repositories import repository
from improvement.selectors import filesets
from improvement.selectors import targets as read_targets
from improvement.selectors.targets import task_at
from improvement.services import audit, releases
from improvement.targets.messages import with_trailers
from improvement.targets.repository import Author, Repository

logger = logging.getLogger(__name__)

MACHINE = Author("Countersign", "countersign@localhost")


def finish_release(release_id: int) -> None:
    """Carry out an ordered release, rollback or takeover, from wherever an earlier attempt left it.

    Only one process at a time does this. An attempt that died before the ref moved is judged and made again; one that
    died after is recorded as it was begun.
    """
    release = Release.objects.select_related("target").get(pk=release_id)
    with installation.alone(heads.moving(release.target.name)):
        release.refresh_from_db(fields=["state", "commit"])
        if release.state == Release.State.INTENDED:
            heads.look_when_alone(release.target.name)
            _carry_out(release, repository(release.target.name))


def _carry_out(release: Release, repo: Repository) -> None:
    try:
        if repo.head() != release.commit:
            commit = _begin(release, repo)
            repo.advance(commit, expected=release.previous_commit)
    except Halted as halted:
        releases.begin_again(release.pk)
        logger.info("release %s waits: %s", release.pk, halted.message)
    except Conflict as refusal:
        releases.give_up(release.pk, reason=refusal.message, now=timezone.now())
    except TargetError as broken:
        logger.exception("release %s cannot be carried out", release.pk)
        releases.give_up(release.pk, reason=broken.message, now=timezone.now())
    else:
        release.refresh_from_db(fields=["commit"])
        releases.finish(release.pk, task=task_at(release.target.name, release.commit), now=timezone.now())


def _begin(release: Release, repo: Repository) -> str:
    """Make the commit and record that it is about to become champion, if it still may."""
    release = releases.check_still_allowed(release.pk, now=timezone.now())
    commit = _MAKE[Release.Kind(release.kind)](release, repo)
    releases.record_commit(release.pk, commit=commit, tree=repo.tree_id(commit), now=timezone.now())
    return commit


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
    message = with_trailers(candidate.title[:72], evidence.summary, pairs)
    changes = task_at(release.target.name, release.previous_commit).changes(files)
    return repo.commit(release.previous_commit, changes, message=message, author=MACHINE, when=release.created_at)


def _rollback_commit(release: Release, repo: Repository) -> str:
    former = release.ordered_commit
    pairs = [
        *[("Rolled-back-by", name) for name in read_targets.moved_by(release)],
        ("Restores", former),
        ("Checkpoint", _checkpoint(timezone.now())),
    ]
    message = with_trailers(f"Roll back to {former[:9]}", release.reason, pairs)
    return repo.roll_back(
        former, expected=release.previous_commit, message=message, author=MACHINE, when=release.created_at
    )


def _commit_made_elsewhere(release: Release, repo: Repository) -> str:
    if not repo.is_ancestor(release.previous_commit, release.ordered_commit):
        raise ChampionMoved(f"{release.ordered_commit[:9]} is not built on the champion.")
    return release.ordered_commit


_MAKE: dict[Release.Kind, Callable[[Release, Repository], str]] = {
    Release.Kind.RELEASE: _release_commit,
    Release.Kind.ROLLBACK: _rollback_commit,
    Release.Kind.EXTERNAL: _commit_made_elsewhere,
}


def _checkpoint(now: datetime) -> str:
    signed = read_checkpoint(audit.sign_head(now=now).text)
    return f"{signed.origin} {signed.size} {signed.root.hex()}"
