"""Whether each target's branch is at its champion: only releases, rollbacks and takeovers may move it."""

from __future__ import annotations

from django.utils import timezone

from improvement import installation
from improvement.exceptions import Conflict, TargetError
from improvement.models import Target
from improvement.runner.repositories import repository
from improvement.selectors import targets as read
from improvement.services import targets
from improvement.services.actors import SYSTEM, Actor


def moving(target_name: str) -> str:
    """Name what only one process at a time does: move, or judge, the branch of a target."""
    return f"release-{target_name}"


def look_at_all() -> None:
    """Compare every target's branch with its champion, and record what is not as it was: one ref read for each."""
    for name, champion, stray in Target.objects.values_list("name", "champion_commit", "stray_head"):
        if stray or head_of(name) != champion:
            look_at(name)


def look_at(target_name: str) -> Target:
    """Compare one target's branch with its champion while nobody moves it, record what was found, and return it."""
    with installation.alone(moving(target_name)):
        return look_when_alone(target_name)


def look_when_alone(target_name: str) -> Target:
    """Do as ``look_at`` does; the caller keeps everybody else from moving the branch."""
    return targets.record_head(target_name, head=head_of(target_name), actor=SYSTEM, now=timezone.now())


def restore(target_name: str, *, actor: Actor) -> Target:
    """Put a branch that was moved by hand, or is gone, back at the champion in the name of a person with that right.

    Raises ``Conflict`` when it is there already or a release is under way, ``TargetError`` when there is no repository.
    """
    target = Target.objects.get(name=target_name)
    targets.check_may_put_back(target, actor=actor)
    if not look_at(target_name).stray_head:
        raise Conflict(f"The branch of {target_name} is at its champion already.")
    restored = put_back(target_name, actor=actor)
    if restored.stray_head:
        raise Conflict(f"A release of {target_name} is being carried out. Wait a moment and try again.")
    return restored


def put_back(target_name: str, *, actor: Actor) -> Target:
    """Move a branch back to the champion, or make it again, unless a release is being carried out."""
    with installation.alone(moving(target_name)):
        target = look_when_alone(target_name)
        if target.stray_head and read.release_in_flight(target.pk) is None:
            _move_back(target)
        return targets.record_head(target_name, head=head_of(target_name), actor=actor, now=timezone.now())


def head_of(target_name: str) -> str:
    """Return the commit (hex) of a target's branch, or ``MISSING`` where there is none."""
    try:
        return repository(target_name).head()
    except TargetError:
        return read.MISSING


def _move_back(target: Target) -> None:
    repo = repository(target.name)
    if target.stray_head == read.MISSING:
        repo.begin_branch(target.champion_commit)
    else:
        repo.advance(target.champion_commit, expected=target.stray_head)
