"""The branch that names the champion, and the one safe way to move it."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pygit2

from improvement.exceptions import ChampionMoved, TargetError

STALE_SECONDS = 10.0  # git holds a reference's lock for milliseconds; one this old was left by a killed process
WAIT_SECONDS = 15.0
_PAUSE_SECONDS = 0.05


def read(git: pygit2.Repository, branch: str) -> str:
    """Return the commit (hex) that a branch names; raises TargetError when it is missing."""
    return str(_lookup(git, branch).target)


def move(git: pygit2.Repository, branch: str, new: str, *, expected: str) -> None:
    """Move a branch from ``expected`` to ``new``; of several processes that try, one succeeds.

    Two locks: ours, which dies with its process, keeps our own processes apart; git's own, taken by libgit2 together
    with a comparison of the old value, keeps every other program apart. Raises ChampionMoved when the branch is
    elsewhere, TargetError when another program does not let go of it.
    """
    with _alone(Path(git.path)):
        give_up = time.monotonic() + WAIT_SECONDS
        while not _try_move(git, branch, new, expected):
            if time.monotonic() > give_up:
                raise TargetError(f"Another program keeps the branch {branch} locked. Try again when it has finished.")
            _remove_stale_lock(Path(git.path) / "refs" / "heads" / f"{branch}.lock")
            time.sleep(_PAUSE_SECONDS)


def create(git: pygit2.Repository, branch: str, commit: str) -> None:
    """Make a branch that is gone; raises ChampionMoved when there is one."""
    with _alone(Path(git.path)):
        try:
            git.references.create(f"refs/heads/{branch}", commit)
        except (pygit2.GitError, ValueError) as error:
            raise ChampionMoved(f"There is a branch {branch} already, so none was made.") from error


def _try_move(git: pygit2.Repository, branch: str, new: str, expected: str) -> bool:
    """Compare and swap once; False means that git's lock was held by somebody else."""
    reference = _lookup(git, branch)
    if str(reference.target) != expected:
        raise ChampionMoved(
            f"The champion is now {str(reference.target)[:12]}, not {expected[:12]}. "
            "Measure the change against it again."
        )
    try:
        reference.set_target(new)
    except (OSError, pygit2.GitError):  # locked, or moved between the comparison and the lock: look again
        return False
    return True


def _lookup(git: pygit2.Repository, branch: str) -> pygit2.Reference:
    try:
        return git.references[f"refs/heads/{branch}"]
    except (KeyError, pygit2.GitError) as error:
        raise TargetError(f"The repository has no branch {branch}. Restore it from a backup.") from error


@contextmanager
def _alone(repository: Path) -> Iterator[None]:
    with (repository / "countersign.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_stale_lock(lock: Path) -> None:
    try:
        if time.time() - lock.stat().st_mtime > STALE_SECONDS:
            lock.unlink()
    except FileNotFoundError:
        return
