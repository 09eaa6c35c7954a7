"""Read-only copies of evaluator trees and strategy packages, written once per content and process."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

PREFIX = "countersign-sandbox-"
LOCK = "lock"


class Trees:
    """A folder below the system's temporary one that holds each tree under its digest.

    Only its owner can enter it. The folder that is mounted, ``root``, lies one level deeper and can be read by all,
    so a sandbox with a lesser identity reads it through the mount. A lock tells folders in use from left-over ones.
    """

    def __init__(self) -> None:
        _sweep()
        self._home = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock_fd = os.open(self._home / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
        self.root = self._home / "trees"
        self.root.mkdir()
        self.root.chmod(0o755)
        self._known: dict[str, str] = {}
        self._write_lock = threading.Lock()

    def put(self, files: Mapping[str, bytes]) -> str:
        """Return the path of a folder with exactly these files, writing it when it is new."""
        digest = _digest(files)
        with self._write_lock:
            if digest not in self._known:
                self._known[digest] = self._write(digest, files)
            return self._known[digest]

    def remove(self) -> None:
        """Delete everything that was written."""
        os.close(self._lock_fd)
        shutil.rmtree(self._home, ignore_errors=True)

    def let_go(self) -> None:
        """Drop a forked child's hold on the lock, which is its parent's."""
        os.close(self._lock_fd)

    def _write(self, digest: str, files: Mapping[str, bytes]) -> str:
        folder = self.root / digest
        _make_folder(folder)
        for path, data in files.items():
            target = folder / _inner(path)
            for parent in reversed(target.relative_to(folder).parents[:-1]):
                _make_folder(folder / parent)
            target.write_bytes(data)
            target.chmod(0o644)
        return str(folder)


def _make_folder(path: Path) -> None:
    path.mkdir(exist_ok=True)
    path.chmod(0o755)


def _inner(path: str) -> PurePosixPath:
    inner = PurePosixPath(path)
    if inner.is_absolute() or ".." in inner.parts or not inner.parts or "\0" in path:
        raise ValueError(f"{path!r} is not a path inside a tree")
    return inner


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{len(files[path])}\0".encode())
        digest.update(files[path])
    return digest.hexdigest()


def _sweep() -> None:
    """Delete what processes that were killed have left: folders of ours whose lock nobody holds."""
    for home in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if home.stat(follow_symlinks=False).st_uid != os.geteuid():
                continue
            fd = os.open(home / LOCK, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(home, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(fd)


_trees: Trees | None = None
_trees_lock = threading.Lock()


def shared() -> Trees:
    """Return this process's trees, which are deleted when it ends."""
    global _trees
    with _trees_lock:
        if _trees is None:
            _trees = Trees()
            atexit.register(_remove_at_exit, os.getpid(), _trees)
        return _trees


def _remove_at_exit(owner: int, trees: Trees) -> None:
    if os.getpid() == owner:
        trees.remove()


def _forget() -> None:
    """A forked child has trees of its own: the parent deletes its trees when it ends."""
    global _trees, _trees_lock
    if _trees is not None:
        _trees.let_go()
    _trees, _trees_lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
