"""Read-only copies of evaluator trees and strategy packages, written once per content and process."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from improvement.sandbox.per_process import PerProcess

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
        self._digests: dict[str, str] = {}
        self._write_lock = threading.Lock()

    def put(self, name: str, contents: Callable[[], Mapping[str, bytes]]) -> str:
        """Return the path of the folder called ``name``, writing ``contents`` (path to bytes) when it is new.

        The name has to depend on the content (a digest): contents that were written once are not asked for again.
        """
        with self._write_lock:
            if name not in self._known:
                files = contents()
                self._known[name] = path = self._write(self._fresh(name), files)
                self._digests[path] = digest(files)
            return self._known[name]

    def holds(self, path: str) -> bool:
        """Tell whether the folder at ``path`` still holds exactly what ``put`` wrote there.

        One that does not is never given out again: the next ``put`` writes it anew, elsewhere.
        """
        if _digest_of_folder(Path(path)) == self._digests[path]:
            return True
        with self._write_lock:
            self._known = {name: folder for name, folder in self._known.items() if folder != path}
        return False

    def remove(self) -> None:
        """Delete everything that was written."""
        os.close(self._lock_fd)
        shutil.rmtree(self._home, ignore_errors=True)

    def let_go(self) -> None:
        """Drop a forked child's hold on the lock, which is its parent's."""
        os.close(self._lock_fd)

    def _fresh(self, name: str) -> Path:
        """The folder for a tree; where a changed one lies, another."""
        folder = self.root / name
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.root)) if folder.exists() else folder

    def _write(self, folder: Path, files: Mapping[str, bytes]) -> str:
        _make_folder(folder)
        for path, data in files.items():
            target = folder / inner(path)
            for parent in reversed(target.relative_to(folder).parents[:-1]):
                _make_folder(folder / parent)
            target.write_bytes(data)
            target.chmod(0o644)
        return str(folder)


def _make_folder(path: Path) -> None:
    path.mkdir(exist_ok=True)
    path.chmod(0o755)


def inner(path: str) -> PurePosixPath:
    """Return ``path`` when it stays inside a tree, else raise ValueError."""
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts or not relative.parts or "\0" in path:
        raise ValueError(f"{path!r} is not a path inside a tree")
    return relative


def digest(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 (hex) of files, path to bytes."""
    state = hashlib.sha256()
    for path in sorted(files):
        state.update(f"{path}\0{len(files[path])}\0".encode())
        state.update(files[path])
    return state.hexdigest()


def _digest_of_folder(folder: Path) -> str:
    """Digest what lies in a folder as ``digest`` would; links and special files make it that of nothing."""
    found: dict[str, bytes] = {}
    try:
        for parent, folders, names in os.walk(folder, onerror=_raise):
            for name in (*folders, *names):
                path = Path(parent, name)
                if path.is_symlink() or not (path.is_file() or path.is_dir()):
                    return ""
            found.update(
                (Path(parent, name).relative_to(folder).as_posix(), Path(parent, name).read_bytes()) for name in names
            )
    except OSError:
        return ""
    return digest(found)


def _raise(error: OSError) -> None:
    raise error


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


def _make() -> Trees:
    made = Trees()
    atexit.register(_remove_at_exit, os.getpid(), made)
    return made


def _remove_at_exit(owner: int, made: Trees) -> None:
    if os.getpid() == owner:
        made.remove()


_trees = PerProcess(_make, let_go=Trees.let_go)


def shared() -> Trees:
    """Return this process's trees, which are deleted when it ends."""
    return _trees.get()
