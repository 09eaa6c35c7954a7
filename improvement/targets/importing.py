"""Importing a target from a directory of the file system."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

from improvement.engine.formats import COUNTERSIGN, Imported, as_native, recognise
from improvement.engine.globs import path_problem
from improvement.exceptions import TargetError

MAX_BYTES = 20 * 1024 * 1024
_IGNORED_FOLDERS = frozenset({".git", "__pycache__"})


def load(path: Path, fmt: str = "auto", name: str | None = None) -> Imported:
    """Read a directory as a target; without a name an imported task gets the directory's.

    Raises TargetError when the directory cannot be read, ManifestError when what it holds is no target.
    """
    tree = read_directory(path)
    chosen = recognise(tree) if fmt == "auto" else fmt
    if name is None and chosen != COUNTERSIGN:
        name = _name_of(path)
    return as_native(tree, chosen, name=name)


def read_directory(path: Path) -> dict[str, bytes]:
    """Read every file below a directory, path with slashes to content, in order of paths.

    ``.git``, ``__pycache__`` and ``*.pyc`` are left out; a link to a file inside is read as that file. Raises
    TargetError for links that lead out or to folders, for what is no plain file, and for more than 20 MB together.
    """
    root = _root(path)
    tree: dict[str, bytes] = {}
    room = MAX_BYTES
    for file in sorted(_files(root), key=lambda each: each.relative_to(root).as_posix()):
        relative = file.relative_to(root).as_posix()
        if problem := path_problem(relative):
            raise TargetError(f"{path}: the file name {relative!a} {problem}. Rename that file.")
        tree[relative] = _content(file, room, path)
        room -= len(tree[relative])
    if not tree:
        raise TargetError(f"{path}: there is no file in this directory. Name the directory that holds the target.")
    return tree


def _root(path: Path) -> Path:
    try:
        root = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise TargetError(f"{path}: there is no such directory. Check the path.") from error
    if not root.is_dir():
        raise TargetError(f"{path}: is not a directory. Name the directory that holds the target.")
    return root


def _files(root: Path) -> Iterator[Path]:
    folders = [root]
    while folders:
        for entry in _entries(folders.pop(), root):
            if entry.is_symlink():
                yield _link(entry, root)
            elif entry.is_dir():
                folders += [] if entry.name in _IGNORED_FOLDERS else [entry]
            elif entry.suffix != ".pyc" and entry.name not in _IGNORED_FOLDERS:
                yield entry


def _entries(folder: Path, root: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise TargetError(f"{folder.relative_to(root.parent)}: cannot be read: {error.strerror}.") from error


def _link(entry: Path, root: Path) -> Path:
    shown = entry.relative_to(root)
    try:
        end = entry.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise TargetError(f"{shown}: is a link that leads nowhere. Remove it.") from error
    if not end.is_relative_to(root):
        raise TargetError(f"{shown}: is a link that leads out of the target. Copy the file instead.")
    if end.is_dir():
        raise TargetError(f"{shown}: is a link to a folder. Copy the folder instead.")
    return entry


def _content(file: Path, room: int, root: Path) -> bytes:
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise TargetError(f"{root}: {file.name} is no plain file (a socket, pipe or device). Remove it.")
        with file.open("rb") as stream:
            content = stream.read(room + 1)
    except OSError as error:
        raise TargetError(f"{root}: {file.name} cannot be read: {error.strerror}.") from error
    if len(content) > room:
        raise TargetError(f"{root}: holds more than 20 MB. Move what the target does not need elsewhere.")
    return content


def _name_of(path: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", path.resolve().name.lower()).strip("-")
    return name[:64].strip("-") or "target"
