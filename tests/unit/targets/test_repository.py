"""Repositories: what is stored is what is read, for us and for the real git; the champion moves one way only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from improvement.exceptions import ChampionMoved, TargetError
from improvement.targets.repository import Author, Commit, Repository, with_trailers
from tests.unit.targets.making import ALICE, NOON, TREE, child, git, repository


def test_create_holds_the_tree_on_main(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    assert repo.read_tree(repo.head()) == TREE
    assert repo.tree_id(repo.head()) == repo.tree_id_of(TREE)
    assert repo.history(10) == [Commit(repo.head(), "Import\n", ALICE, NOON, {})]
    assert Repository.open(tmp_path / "t.git").head() == repo.head()


def test_create_git_clones_it_whole(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    repo.advance(child(repo, repo.head(), "x = 2\n"), expected=repo.head())
    git(tmp_path, "clone", "--quiet", "t.git", "copy")
    files = [file for file in (tmp_path / "copy").rglob("*") if file.is_file() and ".git" not in file.parts]
    read = {file.relative_to(tmp_path / "copy").as_posix(): file.read_bytes() for file in files}
    assert read == {**TREE, "a.py": b"x = 2\n"}
    assert git(tmp_path / "copy", "rev-parse", "HEAD", "HEAD^{tree}").stdout.split() == [
        repo.head(),
        repo.tree_id(repo.head()),
    ]
    assert git(tmp_path / "copy", "branch", "--show-current").stdout == "main\n"
    git(tmp_path / "t.git", "fsck", "--strict")


def test_create_same_input_gives_the_same_commit(tmp_path: Path) -> None:
    one, two = repository(tmp_path / "one.git"), repository(tmp_path / "two.git")
    assert one.head() == two.head()
    assert child(one, one.head(), "y") == child(two, two.head(), "y") == child(one, one.head(), "y")


@pytest.mark.parametrize("tree", [{"../a": b""}, {"a": b"", "a/b": b""}, {".git/config": b""}, {"a\nb": b""}])
def test_create_refused_leaves_nothing(tmp_path: Path, tree: dict[str, bytes]) -> None:
    with pytest.raises(TargetError):
        Repository.create(tmp_path / "t.git", tree, message="m", author=ALICE, when=NOON)
    assert list(tmp_path.iterdir()) == []


def test_create_never_replaces_what_is_there(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    with pytest.raises(TargetError, match=r"^t\.git: there is a repository of this name already"):
        Repository.create(tmp_path / "t.git", {"b": b""}, message="m", author=ALICE, when=NOON)
    assert repo.read_tree(repo.head()) == TREE
    assert [path.name for path in tmp_path.iterdir()] == ["t.git"]


def test_create_where_nobody_may_write_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetError, match=r"the repository cannot be made: Not a directory\.$"):
        repository(tmp_path / "file" / "t.git")


def test_open_nothing_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"there is no repository that can be read\. Check the path\.$"):
        Repository.open(tmp_path / "none.git")


def test_commit_changes_adds_and_removes_without_moving_the_champion(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    base = repo.head()
    changes = {"a.py": b"x = 2\n", "new/d.txt": b"d", "data/b.bin": None}
    new = repo.commit(base, changes, message="Change\n", author=ALICE, when=NOON)
    expected = {"a.py": b"x = 2\n", "data/deep/c.txt": b"", "new/d.txt": b"d"}
    assert repo.read_tree(new) == expected
    assert repo.tree_id(new) == repo.tree_id_of(expected)
    assert repo.head() == base
    assert (repo.is_ancestor(base, new), repo.is_ancestor(new, base), repo.is_ancestor(new, new)) == (True, False, True)


def test_commit_file_becomes_folder_when_it_is_removed(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    changes = {"a.py": None, "a.py/b": b"b"}
    new = repo.commit(repo.head(), changes, message="m", author=ALICE, when=NOON)
    assert repo.read_tree(new) == {"a.py/b": b"b", "data/b.bin": b"\xff\x00", "data/deep/c.txt": b""}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"none": None}, "none is not in commit"),
        ({"a.py/b": b""}, "a.py would be a file and a folder at once. Rename one of them."),
        ({"data": b""}, "data would be a file and a folder at once. Rename one of them."),
        ({"../a": b""}, "The file name '../a' is not a plain relative path such as src/model.py. Rename that file."),
    ],
)
def test_commit_impossible_change_is_one_clear_line(
    tmp_path: Path, changes: dict[str, bytes | None], said: str
) -> None:
    repo = repository(tmp_path / "t.git")
    with pytest.raises(TargetError) as caught:
        repo.commit(repo.head(), changes, message="m", author=ALICE, when=NOON)
    assert caught.value.message.startswith(said)


def test_commit_keeps_the_mode_of_what_it_changes(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    git(tmp_path, "clone", "--quiet", "t.git", "copy")
    (tmp_path / "copy" / "a.py").chmod(0o755)
    git(tmp_path / "copy", "commit", "--quiet", "--all", "--message", "executable")
    there = repo.fetch(str(tmp_path / "copy"))
    new = child(repo, there, "x = 3\n")
    assert git(tmp_path / "t.git", "ls-tree", new, "a.py").stdout.startswith("100755 blob")


def test_commit_names_people_and_time_zones(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    when = datetime(2026, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    author = Author("mallory <root@example.org>\nBcc: all", "m@example.org")
    repo.advance(repo.commit(repo.head(), {}, message="m\0n", author=author, when=when), expected=repo.head())
    found = repo.history(1)[0]
    assert (found.message, found.when, found.when.utcoffset()) == ("mn", when, timedelta(hours=5, minutes=30))
    assert found.author == Author("mallory root@example.org Bcc: all", "m@example.org")


@pytest.mark.parametrize(
    ("author", "when", "said"),
    [
        (Author("", "a@b"), NOON, "needs a name and an e-mail address"),
        (Author("alice", "<>"), NOON, "needs a name and an e-mail address"),
        (ALICE, NOON.replace(tzinfo=None), "needs a time zone"),
    ],
)
def test_commit_incomplete_author_is_refused(tmp_path: Path, author: Author, when: datetime, said: str) -> None:
    repo = repository(tmp_path / "t.git")
    with pytest.raises(TargetError, match=said):
        repo.commit(repo.head(), {}, message="m", author=author, when=when)


def test_advance_only_from_the_expected_champion(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    base = repo.head()
    one, two = child(repo, base, "1"), child(repo, base, "2")
    repo.advance(one, expected=base)
    with pytest.raises(ChampionMoved) as caught:
        repo.advance(two, expected=base)
    assert caught.value.message == (
        f"The champion is now {one[:12]}, not {base[:12]}. Measure the change against it again."
    )
    assert repo.head() == one


@pytest.mark.parametrize("new", ["0" * 40, "a" * 40, "zz", ""])
def test_advance_to_no_commit_moves_nothing(tmp_path: Path, new: str) -> None:
    repo = repository(tmp_path / "t.git")
    base = repo.head()
    with pytest.raises(TargetError):
        repo.advance(new, expected=base)
    with pytest.raises(TargetError):
        repo.advance(repo.tree_id(base), expected=base)
    assert repo.head() == base


def test_roll_back_is_a_new_commit_with_the_old_tree(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    base = repo.head()
    one = child(repo, base, "1")
    repo.advance(one, expected=base)
    message = with_trailers("Roll back", "", [("Approved-by", "alice")])
    back = repo.roll_back(base, expected=one, message=message, author=ALICE, when=NOON)
    assert repo.head() == one
    repo.advance(back, expected=one)
    assert repo.tree_id(back) == repo.tree_id(base)
    assert [(commit.id, commit.trailers) for commit in repo.history(5)] == [
        (back, {"Approved-by": ["alice"]}),
        (one, {}),
        (base, {}),
    ]
    assert [commit.id for commit in repo.history(2)] == [back, one]


def test_roll_back_to_what_was_never_champion_is_refused(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    base = repo.head()
    elsewhere = child(repo, base, "1")
    for to in (base, elsewhere):
        with pytest.raises(TargetError, match="is no earlier champion"):
            repo.roll_back(to, expected=base, message="m", author=ALICE, when=NOON)


def test_history_follows_champions_past_a_merge(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    base = repo.head()
    git(tmp_path, "clone", "--quiet", "t.git", "copy")
    git(tmp_path / "copy", "switch", "--quiet", "--create", "side")
    git(tmp_path / "copy", "commit", "--quiet", "--allow-empty", "--message", "side")
    git(tmp_path / "copy", "switch", "--quiet", "main")
    git(tmp_path / "copy", "merge", "--quiet", "--no-ff", "--message", "merge", "side")
    merged = repo.fetch(str(tmp_path / "copy"))
    repo.advance(merged, expected=base)
    assert [commit.id for commit in repo.history(9)] == [merged, base]


@pytest.mark.parametrize("ask", [Repository.read_tree, Repository.tree_id])
@pytest.mark.parametrize("name", ["", "zz", "0" * 40, "main"])
def test_unknown_commit_is_one_clear_line(tmp_path: Path, ask: Callable[[Repository, str], object], name: str) -> None:
    with pytest.raises(TargetError, match=r"Check the hash\.$"):
        ask(repository(tmp_path / "t.git"), name)


def test_read_tree_links_are_refused(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    git(tmp_path, "clone", "--quiet", "t.git", "copy")
    (tmp_path / "copy" / "link").symlink_to("/etc/passwd")
    git(tmp_path / "copy", "add", "link")
    git(tmp_path / "copy", "commit", "--quiet", "--message", "link")
    commit = repo.fetch(str(tmp_path / "copy"))
    with pytest.raises(TargetError, match=r"^link is a link or a submodule, which a target cannot have"):
        repo.read_tree(commit)


def test_read_tree_submodules_are_refused(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    git(tmp_path, "clone", "--quiet", "t.git", "copy")
    entry = f"160000,{repo.head()},sub"
    git(tmp_path / "copy", "update-index", "--add", "--cacheinfo", entry)
    git(tmp_path / "copy", "commit", "--quiet", "--message", "sub")
    commit = repo.fetch(str(tmp_path / "copy"))
    with pytest.raises(TargetError, match=r"^sub is a link or a submodule"):
        repo.read_tree(commit)


def test_champion_cannot_be_pushed_to_but_other_branches_can(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    base = repo.head()
    git(tmp_path, "clone", "--quiet", "t.git", "copy")
    git(tmp_path / "copy", "commit", "--quiet", "--allow-empty", "--message", "mine")
    refused = git(tmp_path / "copy", "push", "origin", "main", check=False)
    assert refused.returncode != 0
    assert "deny updating a hidden ref" in refused.stderr
    git(tmp_path / "copy", "push", "--quiet", "origin", "main:idea")
    assert repo.head() == base
    assert repo.fetch(str(tmp_path / "t.git"), "idea") == git(tmp_path / "copy", "rev-parse", "HEAD").stdout.strip()


def test_candidates_outlive_a_clean_up(tmp_path: Path) -> None:
    repo = repository(tmp_path / "t.git")
    candidate = child(repo, repo.head(), "candidate")
    git(tmp_path / "t.git", "gc", "--quiet")
    assert Repository.open(tmp_path / "t.git").read_tree(candidate)["a.py"] == b"candidate"
