"""Commits made elsewhere come in, as candidates or by an authorised word as champion; champions go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from improvement import installation
from improvement.engine.cheats import cheat_files, check_cheats
from improvement.engine.generation import score_of
from improvement.engine.manifest import FILE_NAME, check_tree, parse_manifest
from improvement.engine.measurement import Stage, Task
from improvement.engine.merging import place
from improvement.engine.patches import diff_stats, patch_digest
from improvement.engine.screening import screen
from improvement.exceptions import Conflict, Invalid, TargetError
from improvement.models import Candidate, Release, Target
from improvement.runner import heads, releasing
from improvement.runner.measuring import measure_now
from improvement.runner.repositories import repository
from improvement.sandbox import levels
from improvement.selectors.targets import task_at
from improvement.services import champions, targets
from improvement.services.actors import Actor
from improvement.targets.repository import Repository

SEED = 0  # of the first measurement, the same as a new target's, so that scores compare
LOOK_BACK = 200


@dataclass(frozen=True, slots=True)
class Edit:
    """A commit made elsewhere: where it branched off, and what it changes since then."""

    commit: str
    base: str
    editable: tuple[str, ...]
    others: tuple[str, ...]


def pull_candidate(target: Target, *, source: str, branch: str, note: str, actor: Actor) -> Candidate:
    """Make a candidate of the commit at the head of a branch elsewhere; it is measured and reviewed like any other.

    An empty ``source`` means the target's own repository, into which somebody pushed. Raises ``TargetError`` when the
    commit changes what no candidate may, ``MergeConflict`` when it and the champion changed the same lines, and
    ``NotAllowed`` where the actor may not propose, or a branch must be put back and the actor may not do that.
    """
    targets.check_may_propose(target, actor=actor)
    repo = repository(target.name)
    edit = _incoming(repo, target, source, branch, actor)
    if edit.others:
        raise TargetError(_refusal(target, edit))
    champion, theirs = task_at(target.name, target.champion_commit), task_at(target.name, edit.commit)
    files = place(task_at(target.name, edit.base).editable, theirs.editable, champion.editable)
    made = f"commit {edit.commit[:9]}, made elsewhere"
    return propose(target, files=files, what=edit.commit[:9], note=note or made, actor=actor)


def propose(target: Target, *, files: dict[str, str], what: str, note: str, actor: Actor) -> Candidate:
    """Make a candidate of a person's files, all editable ones; it is measured and reviewed like any other.

    ``what`` names them in a refusal: raises ``Invalid`` for what no candidate may be, ``NotAllowed`` where the actor
    may not propose.
    """
    champion = task_at(target.name, target.champion_commit)
    screened = screen(champion.manifest, champion.editable, files, seen={})
    if screened.verdict != "pass":
        raise Invalid(f"{what} cannot be a candidate: {screened.message}")
    return targets.take_in_edit(
        target.name,
        champion=target.champion_commit,
        files=files,
        patch_digest=patch_digest(champion.editable, files),
        syntax_digest=screened.syntax_digest,
        lines=diff_stats(champion.editable, files),
        seed=SEED,
        note=note,
        actor=actor,
        now=timezone.now(),
    )


def pull_champion(target: Target, *, source: str, branch: str, actor: Actor, reason: str) -> Target:
    """Make a commit made elsewhere the champion because an authorised person says so, once it was measured.

    The commit has to be built on the champion. When it raises (``NotAllowed``, ``TargetError`` …) nothing moved. A
    process that dies after the order leaves it to the workers, as with every release.
    """
    champions.check_may_take_over(target, actor=actor, reason=reason)
    repo = repository(target.name)
    edit = _incoming(repo, target, source, branch, actor)
    if not repo.is_ancestor(target.champion_commit, edit.commit):
        raise TargetError(
            f"{edit.commit[:9]} is not built on the champion {target.champion_commit[:9]}: "
            "merge or rebase it onto that, and pull again."
        )
    ordered = champions.order_takeover(
        target.name,
        previous=target.champion_commit,
        commit=edit.commit,
        tree=repo.tree_id(edit.commit),
        score=_measured(_task(repo, edit.commit)),
        actor=actor,
        reason=reason,
        now=timezone.now(),
    )
    releasing.finish_release(ordered.pk)
    ordered.refresh_from_db()
    if ordered.state == Release.State.FAILED:
        raise Conflict(f"The champion did not move: {ordered.reason}")
    target.refresh_from_db()
    return target


def push(target: Target, *, remote: str, branch: str) -> str:
    """Push the champion to a branch elsewhere and return its commit; raises ``TargetError`` when that is refused."""
    repo = repository(target.name)
    if repo.head() != target.champion_commit:
        raise Conflict(
            f"The branch of {target.name} is not at the champion: a release is being carried out, or somebody pushed "
            f"into it. Wait a moment, or take the commits in with: target pull {target.name}"
        )
    repo.push(_address(remote), branch)
    return target.champion_commit


def _incoming(repo: Repository, target: Target, source: str, branch: str, actor: Actor) -> Edit:
    """Fetch the commit, put back a branch that somebody pushed to, and say what the commit changes."""
    strayed = heads.look_at(target.name).stray_head != ""
    if strayed:
        targets.check_may_put_back(target, actor=actor)
    own = installation.repository_path(target.name)
    commit = repo.fetch(_address(source) if source else str(own), branch)
    if strayed:
        heads.put_back(target.name, actor=actor)
    if repo.is_ancestor(commit, target.champion_commit):
        where = source or f"the repository of {target.name}"
        raise Conflict(
            f"There is nothing new on the branch {branch} of {where}: {commit[:9]} is in the champion already."
        )
    base = _branched_off(repo, target, commit)
    changed = _changed(repo.read_tree(base), repo.read_tree(commit))
    manifest = task_at(target.name, target.champion_commit).manifest
    return Edit(
        commit=commit,
        base=base,
        editable=tuple(path for path in changed if manifest.is_editable(path)),
        others=tuple(path for path in changed if not manifest.is_editable(path)),
    )


def _branched_off(repo: Repository, target: Target, commit: str) -> str:
    """The newest champion that the commit is built on; the present one when it has no history in common."""
    for former in repo.history(LOOK_BACK):
        if repo.is_ancestor(former.id, commit):
            return former.id
    return target.champion_commit


def _changed(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[str]:
    return sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))


def _refusal(target: Target, edit: Edit) -> str:
    named = ", ".join(edit.others[:5]) + (" and more" if len(edit.others) > 5 else "")
    return (
        f"{edit.commit[:9]} changes {named}, which no candidate of {target.name} may change. "
        "Leave that out of the commit, or have an administrator take the commit over: "
        f"target pull {target.name} … --as-champion --as USER --reason TEXT"
    )


def _task(repo: Repository, commit: str) -> Task:
    tree = repo.read_tree(commit)
    if FILE_NAME not in tree:
        raise TargetError(f"{commit[:9]} has no {FILE_NAME}, so it is no target. Add the file to the commit.")
    manifest = parse_manifest(tree[FILE_NAME].decode("utf-8", errors="replace"), where=f"{commit[:9]}/{FILE_NAME}")
    check_tree(manifest, tree)
    return Task(manifest, tree)


def _measured(task: Task) -> float:
    levels.require(settings.SANDBOX_MIN_LEVEL)
    measurement = measure_now(task, task.editable, stage=Stage.MEASURE, seed=SEED)
    score = score_of(task.manifest, measurement)
    if score is None:
        raise TargetError(f"The commit cannot be measured, so it was not taken over: {measurement.message}")
    cheats = {
        cheat.name: measure_now(task, cheat_files(task, cheat), stage=Stage.SCREEN, seed=SEED)
        for cheat in task.manifest.cheats
    }
    check_cheats(task.manifest.primary, score, {name: score_of(task.manifest, one) for name, one in cheats.items()})
    return score


def _address(source: str) -> str:
    path = Path(source).expanduser()
    return str(path.resolve()) if path.exists() else source
