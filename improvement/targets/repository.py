"""A target's repository: bare, readable by any git, and moved only by compare-and-swap."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path, PurePosixPath
from uuid import uuid4

import pygit2
from pygit2.enums import FileMode, RepositoryInitFlag, SortMode

from improvement.engine.globs import path_problem
from improvement.exceptions import TargetError
from improvement.targets import libgit2, references, remotes
from improvement.targets.messages import trailers, with_trailers

__all__ = ["BRANCH", "Author", "Commit", "Repository", "trailers", "with_trailers"]

libgit2.set_up()

BRANCH = "main"
MAX_TREE_BYTES = 20 * 1024 * 1024
_PLAIN = (FileMode.BLOB, FileMode.BLOB_EXECUTABLE)
_SETTINGS = {
    "countersign.managed": "true",  # remotes.push refuses to move the champion of another installation
    "receive.hideRefs": "refs/heads/main",  # git push onto it is refused: the champion moves only by release
    "gc.auto": "0",  # candidates are commits that no branch reaches
    "gc.pruneExpire": "never",
}


@dataclass(frozen=True, slots=True)
class Author:
    """Who a commit names."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit: ``id`` is its hash in hex, ``when`` has its time zone, trailers map keys to values in order."""

    id: str
    message: str
    author: Author
    when: datetime
    trailers: Mapping[str, list[str]]


@dataclass(frozen=True)
class Repository:
    """An open repository; opening one is cheap, so each call site opens its own and no two threads share one."""

    path: Path
    _git: pygit2.Repository = field(repr=False, compare=False)

    @classmethod
    def create(
        cls, path: Path, tree: Mapping[str, bytes], *, message: str, author: Author, when: datetime
    ) -> Repository:
        """Make a bare repository whose branch ``main`` holds one commit of ``tree``.

        It appears at ``path`` complete or not at all. Raises TargetError when something is there already.
        """
        unfinished = path.parent / f".{path.name}.{uuid4().hex}"
        try:
            made = cls._initialise(unfinished, tree, message=message, author=author, when=when)
            made._git.free()
            if path.exists():
                raise TargetError(f"{path.name}: there is a repository of this name already. Choose another name.")
            unfinished.rename(path)
        except OSError as error:
            raise TargetError(f"{path}: the repository cannot be made: {error.strerror or error}.") from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Repository:
        """Open a repository; raises TargetError when there is none."""
        try:
            return cls(path, pygit2.Repository(str(path)))
        except pygit2.GitError as error:
            raise TargetError(f"{path}: there is no repository that can be read. Check the path.") from error

    @classmethod
    def _initialise(
        cls, path: Path, tree: Mapping[str, bytes], *, message: str, author: Author, when: datetime
    ) -> Repository:
        path.mkdir(parents=True)
        git = pygit2.init_repository(str(path), flags=RepositoryInitFlag.BARE, initial_head=BRANCH)
        for key, value in _SETTINGS.items():
            git.config[key] = value
        repository = cls(path, git)
        first = repository._write_commit(repository.tree_id_of(tree), [], message, author, when)
        git.references.create(f"refs/heads/{BRANCH}", first)
        return repository

    def head(self) -> str:
        """Return the champion's commit (hex)."""
        return references.read(self._git, BRANCH)

    def read_tree(self, commit: str) -> dict[str, bytes]:
        """Read every file of a commit, path to content, in order of paths.

        Raises TargetError for links and submodules, and for more than 20 MB together.
        """
        tree: dict[str, bytes] = {}
        self._read_into(tree, self._commit(commit).tree, "")
        return dict(sorted(tree.items()))

    def tree_id(self, commit: str) -> str:
        """Return the hash (hex) of a commit's tree."""
        return str(self._commit(commit).tree_id)

    def tree_id_of(self, tree: Mapping[str, bytes]) -> str:
        """Store files as plain files and return their tree's hash (hex); no branch moves."""
        return self._write_tree(pygit2.Index(), tree)

    def commit(
        self, base: str, changes: Mapping[str, bytes | None], *, message: str, author: Author, when: datetime
    ) -> str:
        """Store a commit on ``base`` and return its hash (hex); no branch moves.

        ``changes`` maps paths to their new content, or to None for files to remove. The same input gives the same hash.
        """
        parent = self._commit(base)
        index = pygit2.Index()
        index.read_tree(parent.tree)
        for path in sorted(path for path, content in changes.items() if content is None):
            if path not in index:
                raise TargetError(f"{path} is not in commit {base[:12]}, so it cannot be removed.")
            index.remove(path)
        written = {path: content for path, content in changes.items() if content is not None}
        return self._write_commit(self._write_tree(index, written), [str(parent.id)], message, author, when)

    def advance(self, new: str, *, expected: str) -> None:
        """Move the champion from ``expected`` to ``new``; of any processes that try, one succeeds.

        Raises ChampionMoved when the champion is another commit, TargetError when there is no commit ``new``.
        """
        references.move(self._git, BRANCH, str(self._commit(new).id), expected=expected)

    def begin_branch(self, commit: str) -> None:
        """Make the champion's branch at a commit where it is gone.

        Raises ChampionMoved when there is one, TargetError when there is no such commit.
        """
        references.create(self._git, BRANCH, str(self._commit(commit).id))

    def history(self, limit: int = 100) -> list[Commit]:
        """List the champions, newest first; of a merge it follows the first parent."""
        walk = self._git.walk(self.head(), SortMode.TOPOLOGICAL)
        walk.simplify_first_parent()
        return [_described(commit) for commit, _ in zip(walk, range(limit), strict=False)]

    def roll_back(self, to: str, *, expected: str, message: str, author: Author, when: datetime) -> str:
        """Store a commit on ``expected`` with the tree of ``to`` and return its hash (hex).

        No branch moves. Raises TargetError when ``to`` was never a champion before ``expected``.
        """
        if to == expected or not self.is_ancestor(to, expected):
            raise TargetError(f"Commit {to[:12]} is no earlier champion of {expected[:12]}. Choose one of its history.")
        return self._write_commit(self.tree_id(to), [expected], message, author, when)

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Tell whether ``newer`` is ``older`` or follows from it."""
        first, second = self._commit(older).id, self._commit(newer).id
        return first == second or self._git.descendant_of(second, first)

    def fetch(self, location: str, branch: str = BRANCH) -> str:
        """Bring a branch from a directory or an https address in and return its commit (hex).

        The champion stays. Raises TargetError: unreachable, no such branch, a password needed, larger than 100 MB.
        """
        return remotes.fetch(self._git, location, branch)

    def push(self, location: str, branch: str = BRANCH) -> None:
        """Bring the champion to a branch of a bare directory or an https address.

        Raises TargetError when it is refused or would overwrite commits there.
        """
        remotes.push(self._git, location, source=BRANCH, branch=branch)

    def _commit(self, name: str) -> pygit2.Commit:
        try:
            found: object = self._git.get(name)
        except (pygit2.GitError, ValueError) as error:
            raise TargetError(f"{name[:40]!a} is not a commit of {self.path.name}. Check the hash.") from error
        if not isinstance(found, pygit2.Commit):
            raise TargetError(f"There is no commit {name[:40]} in {self.path.name}. Check the hash.")
        return found

    def _read_into(self, files: dict[str, bytes], tree: pygit2.Tree, prefix: str, room: int = MAX_TREE_BYTES) -> int:
        for entry in tree:
            path = f"{prefix}{entry.name}"
            if isinstance(entry, pygit2.Tree):
                room = self._read_into(files, entry, f"{path}/", room)
            elif isinstance(entry, pygit2.Blob) and entry.filemode in _PLAIN:
                room -= entry.size
                if room < 0:
                    raise TargetError("This commit's files hold more than 20 MB together. Remove what is not needed.")
                files[path] = entry.data
            else:
                raise TargetError(f"{path} is a link or a submodule, which a target cannot have. Replace it by a file.")
        return room

    def _write_tree(self, index: pygit2.Index, files: Mapping[str, bytes]) -> str:
        """Put files on top of an index, each keeping the mode it has there, and store the tree."""
        modes = {entry.path: entry.mode for entry in index}
        _check_places(files, modes.keys() | files.keys())
        for path in sorted(files):
            blob = self._git.create_blob(files[path])
            index.add(pygit2.IndexEntry(path, blob, modes.get(path, FileMode.BLOB)))
        return str(index.write_tree(self._git))

    def _write_commit(self, tree: str, parents: list[str], message: str, author: Author, when: datetime) -> str:
        signature = _signature(author, when)
        text = message.replace("\0", "")
        return str(self._git.create_commit(None, signature, signature, text, tree, parents))


def _check_places(written: Iterable[str], taken: Set[str]) -> None:
    for path in sorted(written):
        if problem := path_problem(path):
            raise TargetError(f"The file name {path[:80]!a} {problem}. Rename that file.")
    folders = {parent.as_posix() for path in taken for parent in PurePosixPath(path).parents}
    for path in sorted(taken & folders):
        raise TargetError(f"{path} would be a file and a folder at once. Rename one of them.")


def _signature(author: Author, when: datetime) -> pygit2.Signature:
    offset = when.utcoffset()
    if offset is None:
        raise TargetError("A commit's time needs a time zone. Give one.")
    name, email = _identity(author.name), _identity(author.email)
    if not name or not email:
        raise TargetError("A commit's author needs a name and an e-mail address. Give both.")
    return pygit2.Signature(name, email, int(when.timestamp()), int(offset.total_seconds() // 60), "utf-8")


def _identity(text: str) -> str:
    """Leave out of a name what git reads as the end of it: angle brackets and unprintables."""
    return " ".join("".join(c if c.isprintable() and c not in "<>" else " " for c in text).split()).strip(".,:;\"'")


def _described(commit: pygit2.Commit) -> Commit:
    zone = timezone(timedelta(minutes=commit.author.offset))
    return Commit(
        id=str(commit.id),
        message=commit.message,
        author=Author(commit.author.name, commit.author.email),
        when=datetime.fromtimestamp(commit.author.time, zone),
        trailers=trailers(commit.message),
    )
