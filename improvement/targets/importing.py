"""Importing a target from a directory of the file system."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from improvement.engine.csv_tables import read_csv
from improvement.engine.data_targets import Asked, data_target
from improvement.engine.formats import COUNTERSIGN, Imported, as_native, recognise
from improvement.engine.globs import path_problem
from improvement.engine.manifest import check_name
from improvement.exceptions import TargetError

MAX_BYTES = 20 * 1024 * 1024
MAX_FILES = 2000
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


def load_table(path: Path, data: bytes, asked: Asked, name: str | None) -> Imported:
    """Make a target of a table in CSV, given by content; without a name it gets that of the file.

    Raises TargetError when the table cannot be used as it is asked for.
    """
    chosen = check_name(name, where="The target's name") if name is not None else _name_of(path.with_suffix(""))
    made = data_target(read_csv(data, where=path.name), asked, name=chosen, where=path.name)
    imported = as_native(made.tree, COUNTERSIGN, name=None)
    return replace(imported, warnings=(*imported.warnings, *made.warnings))


def read_directory(path: Path) -> dict[str, bytes]:
    """Read every file below a directory, path with slashes to content, in order of paths.

    ``.git``, ``__pycache__`` and ``*.pyc`` are left out; a link to a file inside is read as that file. Raises
    TargetError for links that lead out or to folders, for what is no plain file, for more than 2,000 files and for
    more than 20 MB together; those limits hold while the directory is walked, so a home directory is refused at once.
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


def check_limits(what: str, *, files: int, size: int) -> None:
    """Raise TargetError when there are more files, or more bytes in them, than a target may have."""
    if files > MAX_FILES:
        raise TargetError(f"{what} holds more than {MAX_FILES:,} files. Name the folder of one target alone.")
    if size > MAX_BYTES:
        raise TargetError(f"{what} holds more than 20 MB. Move what the target does not need elsewhere.")


def _root(path: Path) -> Path:
    try:
        root = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise TargetError(f"{path}: there is no such directory. Check the path.") from error
    if not root.is_dir():
        raise TargetError(f"{path}: is not a directory. Name the directory that holds the target.")
    return root


def _files(root: Path) -> Iterator[Path]:
    folders, seen, size = [root], 0, 0
    while folders:
        for entry in _entries(folders.pop(), root):
            if entry.name in _IGNORED_FOLDERS or entry.suffix == ".pyc":
                continue
            seen, size = seen + 1, size + _size(entry)
            check_limits(str(root), files=seen, size=size)
            if entry.is_symlink():
                yield _link(entry, root)
            elif entry.is_dir():
                folders.append(entry)
            else:
                yield entry


def _size(entry: Path) -> int:
    try:
        status = entry.lstat()
    except OSError:
        return 0  # gone or closed to us: reading it says so
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


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
    check_limits(str(root), files=1, size=MAX_BYTES - room + len(content))
    return content


def _name_of(path: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", path.resolve().name.lower()).strip("-")
    return name[:64].strip("-") or "target"
