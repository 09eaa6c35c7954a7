"""Moving the champion in several processes at once: one wins, the others are told, and a killed one blocks nobody."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pygit2
import pytest

from improvement.exceptions import ChampionMoved, TargetError
from improvement.targets import references
from improvement.targets.repository import Repository
from tests.unit.targets.making import ALICE, NOON, child, git, repository

RACER = """
import sys
from pathlib import Path
import pygit2
from improvement.exceptions import ChampionMoved
from improvement.targets.repository import Repository

pygit2.settings.enable_fsync_gitdir(False)  # quick moves meet more often
repo = Repository.open(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for new in sys.argv[2:]:
    while True:
        expected = repo.head()
        try:
            repo.advance(new, expected=expected)
        except ChampionMoved:
            continue
        print(expected, new)
        break
"""
RACERS, MOVES = 3, 300


@pytest.fixture
def quick_writes() -> Iterator[None]:
    pygit2.settings.enable_fsync_gitdir(False)
    yield
    pygit2.settings.enable_fsync_gitdir(True)


def test_advance_of_several_processes_exactly_one_wins_each_move(tmp_path: Path, quick_writes: None) -> None:
    """Each commit is made champion once, so each champion must have one successor: two would be two winners."""
    repo = repository(tmp_path / "t.git")
    base = repo.head()
    commits = [repo.commit(base, {}, message=f"{number}", author=ALICE, when=NOON) for number in range(RACERS * MOVES)]
    racers = [_racer(tmp_path / "t.git", commits[number::RACERS]) for number in range(RACERS)]
    assert [_ready(racer) for racer in racers] == ["ready\n"] * RACERS
    moves = [line.split() for line in _go(racers)]
    successor = dict(moves)
    assert len(moves) == len(successor) == RACERS * MOVES
    order = [base]
    while order[-1] in successor:
        order.append(successor[order[-1]])
    assert order[-1] == repo.head()
    assert sorted(order[1:]) == sorted(commits)


def test_advance_from_the_same_champion_one_of_two_wins(tmp_path: Path) -> None:
    repo, other = repository(tmp_path / "t.git"), Repository.open(tmp_path / "t.git")
    base = repo.head()
    assert other.head() == base
    ours, theirs = child(repo, base, "ours"), child(repo, base, "theirs")
    repo.advance(ours, expected=base)
    with pytest.raises(ChampionMoved):
        other.advance(theirs, expected=base)
    assert other.head() == ours


def test_advance_against_git_itself_loses_no_update(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    base = repo.head()
    ours, theirs = child(repo, base, "ours"), child(repo, base, "theirs")
    git(tmp_path / "t.git", "update-ref", "refs/heads/main", theirs, base)
    with pytest.raises(ChampionMoved):
        repo.advance(ours, expected=base)
    assert repo.head() == theirs


def test_advance_after_git_packed_its_references(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    base = repo.head()
    git(tmp_path / "t.git", "pack-refs", "--all")
    new = child(repo, base, "1")
    repo.advance(new, expected=base)
    assert repo.head() == new == git(tmp_path / "t.git", "rev-parse", "main").stdout.strip()


def test_advance_passes_a_lock_that_a_killed_process_left(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    base = repo.head()
    lock = tmp_path / "t.git" / "refs" / "heads" / "main.lock"
    lock.touch()
    long_ago = time.time() - references.STALE_SECONDS - 1
    os.utime(lock, (long_ago, long_ago))
    new = child(repo, base, "1")
    repo.advance(new, expected=base)
    assert repo.head() == new
    assert not lock.exists()


def test_advance_waits_for_a_lock_in_use_and_then_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "WAIT_SECONDS", 0.2)
    repo = repository(tmp_path / "t.git")
    base = repo.head()
    (tmp_path / "t.git" / "refs" / "heads" / "main.lock").touch()
    with pytest.raises(TargetError, match="Another program keeps the branch main locked"):
        repo.advance(child(repo, base, "1"), expected=base)
    assert repo.head() == base


def test_head_of_a_repository_without_its_branch_is_one_clear_line(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    (tmp_path / "t.git" / "refs" / "heads" / "main").unlink()
    with pytest.raises(TargetError, match=r"^The repository has no branch main\. Restore it from a backup\.$"):
        Repository.open(repo.path).head()


def _racer(path: Path, commits: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RACER, str(path), *commits], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _ready(racer: subprocess.Popen[str]) -> str:
    assert racer.stdout is not None
    return racer.stdout.readline()


def _go(racers: list[subprocess.Popen[str]]) -> list[str]:
    """Start all of them together and return every line they print."""
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    return [line for racer in racers for line in racer.communicate(timeout=60)[0].splitlines()]
