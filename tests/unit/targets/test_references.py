"""Moving the champion in several processes at once: one wins, the others are told, and a killed one blocks nobody."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from improvement.exceptions import ChampionMoved, TargetError
from improvement.targets import references
from improvement.targets.repository import Repository
from tests.unit.targets.making import child, git, repository

RACER = """
import sys
from pathlib import Path
from improvement.exceptions import ChampionMoved
from improvement.targets.repository import Repository

repo = Repository.open(Path(sys.argv[1]))
print("ready", flush=True)
for line in sys.stdin:
    new, expected = line.split()
    try:
        repo.advance(new, expected=expected)
        print("won", flush=True)
    except ChampionMoved:
        print("moved", flush=True)
"""
ROUNDS, RACERS = 25, 3


def test_advance_of_several_processes_exactly_one_wins(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    racers = [_racer(tmp_path / "t.git") for _ in range(RACERS)]
    try:
        assert [_line(racer) for racer in racers] == ["ready"] * RACERS
        for round_number in range(ROUNDS):
            base = repo.head()
            news = [child(repo, base, f"{round_number} {number}") for number in range(RACERS)]
            for racer, new in zip(racers, news, strict=True):
                _tell(racer, f"{new} {base}\n")
            answers = [_line(racer) for racer in racers]
            assert sorted(answers) == ["moved"] * (RACERS - 1) + ["won"]
            assert repo.head() == news[answers.index("won")]
    finally:
        for racer in racers:
            racer.communicate(timeout=30)
    assert len(repo.history(1000)) == ROUNDS + 1


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


def _racer(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RACER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _tell(racer: subprocess.Popen[str], line: str) -> None:
    assert racer.stdin is not None
    racer.stdin.write(line)
    racer.stdin.flush()


def _line(racer: subprocess.Popen[str]) -> str:
    assert racer.stdout is not None
    return racer.stdout.readline().strip()
