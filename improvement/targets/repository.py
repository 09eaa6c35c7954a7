"""A target's git repository: bare, one branch, readable by any git; written without a git binary or hooks."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Self

import pygit2
from pygit2.enums import FileMode, ObjectType, SortMode

from improvement.exceptions import ChampionMoved, TargetError
from improvement.targets.messages import trailers

BRANCH = "refs/heads/main"
_EXTERNAL = "refs/external/incoming"
_Node = dict[str, "bytes | _Node"]


@dataclass(frozen=True, slots=True)
class Author:
    """Who a commit is by."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the branch."""

    id: str
    message: str
    author: str
    when: datetime
    trailers: dict[str, list[str]] = field(default_factory=dict)


class Repository:
    """An open repository. Opening is cheap; open one for each piece of work."""

    def __init__(self, repository: Any, path: Path) -> None:
        self._git = repository
        self._path = path

    @classmethod
    def create(cls, path: Path, tree: Mapping[str, bytes], *, message: str, author: Author, when: datetime) -> Self:
        """Make a bare repository whose branch ``main`` has one commit with this tree (path to bytes)."""
        git = pygit2.init_repository(str(path), bare=True, initial_head="main")
        made = cls(git, path)
        signature = _signature(author, when)
        git.create_commit(BRANCH, signature, signature, message, made._write(tree), [])
        return made

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the repository at a path; raises ``TargetError`` when there is none."""
        try:
            return cls(pygit2.Repository(str(path)), path)
        except pygit2.GitError as error:
            raise TargetError(
                f"The repository {path.name} cannot be opened: restore it from a backup ({error})."
            ) from error

    def head(self) -> str:
        """Return the commit at the head of the branch: the champion."""
        return str(self._git.lookup_reference(BRANCH).target)

    def read_tree(self, commit: str) -> dict[str, bytes]:
        """Return every file of a commit, path to bytes."""
        return dict(_files(self._commit(commit).tree))

    def tree_id(self, commit: str) -> str:
        """Return the id of a commit's tree."""
        return str(self._commit(commit).tree.id)

    def tree_id_of(self, tree: Mapping[str, bytes]) -> str:
        """Write a tree's objects, move nothing, and return its id."""
        return str(self._write(tree))

    def commit(
        self, base: str, changes: Mapping[str, bytes | None], *, message: str, author: Author, when: datetime
    ) -> str:
        """Make a commit on ``base`` with some files changed (``None`` removes one); moves nothing, returns its id."""
        tree: dict[str, bytes | None] = {**self.read_tree(base), **changes}
        kept = {path: data for path, data in tree.items() if data is not None}
        return self._make_commit(self._write(kept), base, message, author, when)

    def roll_back(self, to: str, *, expected: str, message: str, author: Author, when: datetime) -> str:
        """Make a commit on ``expected`` that has the tree of ``to``; moves nothing, returns its id."""
        return self._make_commit(self._commit(to).tree.id, expected, message, author, when)

    def advance(self, new: str, *, expected: str) -> None:
        """Move the branch from ``expected`` to ``new``, or raise ``ChampionMoved`` and move nothing."""
        self._commit(new)
        with self._locked():
            reference = self._git.lookup_reference(BRANCH)
            if str(reference.target) != expected:
                raise ChampionMoved(
                    f"The champion is {str(reference.target)[:9]} and no longer {expected[:9]}: somebody else moved it."
                )
            reference.set_target(new)

    def history(self, limit: int = 100) -> list[Commit]:
        """Return the newest commits of the branch, newest first."""
        walk = self._git.walk(self.head(), SortMode.TOPOLOGICAL)
        return [_described(commit) for _, commit in zip(range(limit), walk, strict=False)]

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Tell whether one commit lies behind another (or is the same)."""
        return ancestor == descendant or self._git.descendant_of(descendant, ancestor)

    def fetch(self, source: str, branch: str = "main") -> str:
        """Fetch a branch from a path or URL and return its commit; moves nothing of ours."""
        remote = self._git.remotes.create_anonymous(source)
        try:
            remote.fetch([f"+refs/heads/{branch}:{_EXTERNAL}"])
        except (pygit2.GitError, KeyError) as error:
            raise TargetError(f"Nothing can be fetched from {source}: {error}.") from error
        if _EXTERNAL not in self._git.references:
            raise TargetError(f"{source} has no branch {branch}.")
        return str(self._git.lookup_reference(_EXTERNAL).target)

    def push(self, remote: str, branch: str = "main") -> None:
        """Push the champion to a branch elsewhere; raises ``TargetError`` when that refuses it."""
        try:
            self._git.remotes.create_anonymous(remote).push([f"{BRANCH}:refs/heads/{branch}"])
        except pygit2.GitError as error:
            raise TargetError(f"The champion cannot be pushed to {remote}: {error}.") from error

    def _commit(self, commit: str) -> Any:
        try:
            found = self._git.get(commit)
        except ValueError:
            found = None
        if found is None or found.type != ObjectType.COMMIT:
            raise TargetError(f"There is no commit {commit[:12]} in {self._path.name}.")
        return found

    def _make_commit(self, tree: Any, parent: str, message: str, author: Author, when: datetime) -> str:
        signature = _signature(author, when)
        return str(self._git.create_commit(None, signature, signature, message, tree, [self._commit(parent).id]))

    def _write(self, tree: Mapping[str, bytes]) -> Any:
        return self._write_node(_nested(tree))

    def _write_node(self, node: _Node) -> Any:
        builder = self._git.TreeBuilder()
        for name, entry in node.items():
            if isinstance(entry, dict):
                builder.insert(name, self._write_node(entry), FileMode.TREE)
            else:
                builder.insert(name, self._git.create_blob(entry), FileMode.BLOB)
        return builder.write()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._path / "countersign.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _signature(author: Author, when: datetime) -> Any:
    offset = when.utcoffset() or timedelta(0)
    return pygit2.Signature(author.name, author.email, int(when.timestamp()), int(offset.total_seconds() // 60))


def _files(tree: Any, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in tree:
        if entry.type == ObjectType.TREE:
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif entry.type == ObjectType.BLOB:
            yield f"{prefix}{entry.name}", entry.data


def _nested(tree: Mapping[str, bytes]) -> _Node:
    root: _Node = {}
    for path, data in tree.items():
        *folders, name = path.split("/")
        node = root
        for folder in folders:
            below = node.setdefault(folder, {})
            if not isinstance(below, dict):
                raise TargetError(f"{path} cannot be stored: {folder} is a file and a folder at once.")
            node = below
        node[name] = data
    return root


def _described(commit: Any) -> Commit:
    zone = timezone(timedelta(minutes=commit.author.offset))
    when = datetime.fromtimestamp(commit.author.time, zone).astimezone(UTC)
    return Commit(str(commit.id), commit.message, commit.author.name, when, trailers(commit.message))
