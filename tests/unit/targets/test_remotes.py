"""Fetching and pushing: what arrives is what was there, and each refusal is one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from improvement.exceptions import TargetError
from improvement.targets import remotes
from improvement.targets.repository import Repository
from tests.unit.targets.making import TREE, child, git, repository


def cloned(tmp_path: Path) -> tuple[Repository, Path]:
    repo = repository(tmp_path / "t.git")
    git(tmp_path, "clone", "--quiet", "t.git", "copy")
    return repo, tmp_path / "copy"


def commit_in(copy: Path, text: str) -> str:
    (copy / "a.py").write_text(text)
    git(copy, "commit", "--quiet", "--all", "--message", "elsewhere")
    return git(copy, "rev-parse", "HEAD").stdout.strip()


def fetch_error(repo: Repository, location: str, branch: str = "main") -> str:
    with pytest.raises(TargetError) as caught:
        repo.fetch(location, branch)
    assert "\n" not in caught.value.message
    return caught.value.message


def push_error(repo: Repository, location: str, branch: str = "main") -> str:
    with pytest.raises(TargetError) as caught:
        repo.push(location, branch)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_fetch_brings_the_commit_and_leaves_the_champion(tmp_path: Path) -> None:
    repo, copy = cloned(tmp_path)
    base = repo.head()
    made = commit_in(copy, "x = 9\n")
    assert repo.fetch(str(copy)) == made
    assert repo.read_tree(made) == {**TREE, "a.py": b"x = 9\n"}
    assert (repo.head(), repo.is_ancestor(base, made)) == (base, True)
    references = git(tmp_path / "t.git", "for-each-ref", "--format=%(refname)").stdout.split()
    assert [name.split("/")[:2] for name in references] == [["refs", "external"], ["refs", "heads"]]


def test_fetch_follows_a_branch_that_was_rewritten(tmp_path: Path) -> None:
    repo, copy = cloned(tmp_path)
    repo.fetch(str(copy))
    first = commit_in(copy, "x = 8\n")
    assert repo.fetch(str(copy)) == first
    git(copy, "reset", "--quiet", "--hard", "HEAD^")
    second = commit_in(copy, "x = 9\n")
    assert repo.fetch(str(copy)) == second


def test_fetch_runs_no_hooks(tmp_path: Path) -> None:
    repo, copy = cloned(tmp_path)
    for folder in (copy / ".git", tmp_path / "t.git"):
        for name in ("post-update", "update", "reference-transaction", "post-checkout", "pre-receive"):
            hook = folder / "hooks" / name
            hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
            hook.chmod(0o755)
    repo.fetch(str(copy))
    repo.advance(child(repo, repo.head(), "1"), expected=repo.head())
    assert not (tmp_path / "hooked").exists()


def test_fetch_mistakes_are_one_clear_line(tmp_path: Path) -> None:
    repo, copy = cloned(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert fetch_error(repo, str(copy), "gone") == f"{copy}: there is no branch gone. Name a branch that is there."
    assert fetch_error(repo, str(copy), "a b") == "'a b' cannot be the name of a branch. Use letters, digits and -."
    assert fetch_error(repo, str(copy), "*") == "'*' cannot be the name of a branch. Use letters, digits and -."
    assert fetch_error(repo, str(tmp_path / "none")) == (
        f"{tmp_path / 'none'}: neither a directory that exists nor an https:// address. Name one of these."
    )
    assert fetch_error(repo, str(empty)).startswith(f"{empty}: cannot fetch from it: could not find repository")


@pytest.mark.parametrize(
    "location", ["http://example.org/x.git", "git://example.org/x", "ssh://git@example.org/x", "ext::sh -c id", "a@b:c"]
)
def test_fetch_takes_no_other_kind_of_address(tmp_path: Path, location: str) -> None:
    repo = repository(tmp_path / "t.git")
    assert "neither a directory that exists nor an https:// address" in fetch_error(repo, location)


def test_fetch_never_shows_a_password(tmp_path: Path) -> None:
    said = fetch_error(repository(tmp_path / "t.git"), "https://bob:secret@127.0.0.1:1/x.git")
    assert said.startswith("https://127.0.0.1:1/x.git: cannot fetch from it: ")
    assert "secret" not in said


def test_fetch_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remotes, "MAX_FETCH_BYTES", 10)
    repo, copy = cloned(tmp_path)
    commit_in(copy, "".join(f"x{number} = {number}\n" for number in range(1000)))
    assert "it sends more than 100 MB. Use a smaller repository." in fetch_error(repo, str(copy))


def test_push_brings_the_champion_out(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    git(tmp_path, "init", "--quiet", "--bare", "other.git")
    repo.push(str(tmp_path / "other.git"))
    repo.advance(child(repo, repo.head(), "1"), expected=repo.head())
    repo.push(str(tmp_path / "other.git"))
    repo.push(str(tmp_path / "other.git"), "reviewed")
    there = git(tmp_path / "other.git", "rev-parse", "main", "reviewed").stdout.split()
    assert there == [repo.head(), repo.head()]


def test_push_never_overwrites_commits(tmp_path: Path) -> None:
    repo, copy = cloned(tmp_path)
    made = commit_in(copy, "x = 9\n")
    git(tmp_path, "clone", "--quiet", "--bare", "copy", "other.git")
    repo.advance(child(repo, repo.head(), "1"), expected=repo.head())
    said = push_error(repo, str(tmp_path / "other.git"))
    assert said.startswith(f"{tmp_path / 'other.git'}: cannot push to it: ")
    assert "contains commits that are not present locally" in said
    assert git(tmp_path / "other.git", "rev-parse", "main").stdout.strip() == made


def test_push_into_a_working_copy_is_refused(tmp_path: Path) -> None:
    repo, copy = cloned(tmp_path)
    assert "non-bare" in push_error(repo, str(copy))


def test_push_past_the_people_of_another_installation_is_refused(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    other = repository(tmp_path / "other.git")
    repo.advance(child(repo, repo.head(), "1"), expected=repo.head())
    before = other.head()
    assert push_error(repo, str(tmp_path / "other.git")) == (
        f"{tmp_path / 'other.git'}: cannot push to it: its champion moves only by release, never by push. "
        "Use target pull on that side."
    )
    assert other.head() == before


def test_push_to_nobody_is_one_clear_line(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    assert "cannot push to it" in push_error(repo, "https://127.0.0.1:1/x.git")
    assert "neither a directory" in push_error(repo, str(tmp_path / "none"))
