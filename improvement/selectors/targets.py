"""Reading targets and the history of their champions."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from django.db.models import Count, Q, QuerySet

from improvement import installation
from improvement.engine.manifest import FILE_NAME, Manifest, parse_manifest
from improvement.engine.measurement import Task
from improvement.engine.streams import Stream
from improvement.exceptions import Invalid, NotFound
from improvement.models import Release, Review, Target, TargetImport
from improvement.permissions import Person
from improvement.selectors.access import check_may_view, hidden_targets
from improvement.targets.repository import Repository

MISSING = "missing"
"""What stands instead of a head where the branch is gone."""


def all_targets(person: Person) -> list[Target]:
    """Return the targets a person may see, by name, with ``run_count`` and ``open_review_count``."""
    return list(
        Target.objects.exclude(pk__in=hidden_targets(person))
        .annotate(
            run_count=Count("runs", distinct=True),
            open_review_count=Count("reviews", filter=~Q(reviews__state=Review.State.CLOSED), distinct=True),
        )
        .order_by("name")
    )


def named(name: str, among: QuerySet[Target] | None = None) -> Target:
    """Return the target of a name, whoever asks, or raise ``NotFound``."""
    target = (Target.objects.all() if among is None else among).filter(name=name).first()
    if target is None:
        raise NotFound(f"There is no target named {name}.")
    return target


def get(name: str, person: Person) -> Target:
    """Return a target that a person may see, or raise ``NotFound``."""
    target = named(name, Target.objects.select_related("champion_candidate", "added_by"))
    check_may_view(person, target.pk, f"target named {name}")
    return target


def manifest(target: Target) -> Manifest:
    """Return the manifest at a target's champion commit."""
    return task_at(target.name, target.champion_commit).manifest


@lru_cache(maxsize=16)
def task_at(target_name: str, commit: str) -> Task:
    """Return a target at a commit; commits never change, so this is read once for each process."""
    tree = Repository.open(installation.repository_path(target_name)).read_tree(commit)
    return Task(manifest=parse_manifest(tree[FILE_NAME].decode("utf-8"), where=f"{target_name}/{FILE_NAME}"), tree=tree)


def stream_of(manifest: Manifest) -> Stream:
    """Return what a manifest says of its target's stream; raises Invalid where it says nothing."""
    if manifest.stream is None:
        raise Invalid(f"{manifest.name} follows no stream: its manifest has no table [stream].")
    return manifest.stream


def how_strayed(head: str) -> str:
    """Say after "its branch" what became of one that was found at this head; nothing where it is at the champion."""
    if not head:
        return ""
    return "is gone" if head == MISSING else f"was moved by hand to {head[:9]}"


def champions(target_id: int) -> list[Release]:
    """Return every move of a target's champion that was carried out, newest first."""
    done = Release.objects.filter(target_id=target_id, state=Release.State.DONE)
    return list(done.select_related("candidate", "ordered_by").order_by("-pk"))


def moved_by(release: Release) -> list[str]:
    """Return the names of those who let a champion move: who approved the release, or else who ordered the move."""
    if release.kind == Release.Kind.RELEASE:
        return [one["name"] for one in release.approved_by]
    return [release.ordered_by.get_username()] if release.ordered_by else []


def release_in_flight(target_id: int) -> Release | None:
    """Return the release or rollback that is being carried out, if any."""
    return Release.objects.filter(target_id=target_id, state=Release.State.INTENDED).first()


def strayed() -> list[str]:
    """Return the names of the targets whose branch was found elsewhere than at the champion."""
    return list(Target.objects.exclude(stray_head="").order_by("name").values_list("name", flat=True))


def clone_path(target: Target) -> str:
    """Return the path from which `git clone` reads the champions on this machine."""
    return str(installation.repository_path(target.name))


def imports(person: Person, limit: int = 5) -> list[TargetImport]:
    """Return the newest imports that a person asked for in the browser."""
    mine = TargetImport.objects.filter(asked_by_id=person.id).select_related("target")
    return list(mine.order_by("-pk")[:limit])


def waiting_imports(now: datetime) -> list[int]:
    """Return the imports that no worker has finished within a minute of being asked for."""
    due = TargetImport.objects.filter(state=TargetImport.State.QUEUED, asked_at__lt=now - timedelta(minutes=1))
    return list(due.values_list("pk", flat=True))


def get_import(import_id: int, person: Person) -> TargetImport:
    """Return one import that this person asked for, or raise ``NotFound``."""
    row = TargetImport.objects.filter(pk=import_id, asked_by_id=person.id).select_related("target").first()
    if row is None:
        raise NotFound("There is no such import.")
    return row
