"""What a job holds on the host's disk, where no file system of its own bounds it: counted, however it hides it.

A file needs no name to take up room (one that is open, or mapped, lives on without), a folder can be closed to others,
lie deeper than a path can say, or be given another name just when it is looked for.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from improvement.sandbox import memory
from improvement.sandbox.limits import Limits

DEEPEST = 64
LOOKS, PATIENCE = 3, 20
"""So often is looked again at once when something was moved, and so often in a row may that be in vain."""
_MOVED = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK = 512  # stat(2), st_blocks


class Scratch:
    """The folder that one job may write to, as its watcher sees it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._in_vain = 0

    def holds_too_much(self, limits: Limits, process: int) -> bool:
        """Tell whether a tree of processes holds more here than allowed; what cannot be counted is too much."""
        for _ in range(LOOKS):
            try:
                too_much = self._is_more_than(limits, process)
            except OSError as error:
                if error.errno in _MOVED:
                    continue
                return True
            self._in_vain = 0
            return too_much
        self._in_vain += 1
        return self._in_vain >= PATIENCE

    def _is_more_than(self, limits: Limits, process: int) -> bool:
        count, room = 0, (limits.tmp_mb << 20) - self._nameless_bytes(limits, process)
        for seen in _below(os.fspath(self._folder)):
            count, room = count + 1, room - seen.st_blocks * _BLOCK
            if count > limits.tmp_files or room < 0:
                return True
        return room < 0

    def _nameless_bytes(self, limits: Limits, process: int) -> int:
        """Add up the files that have no name any more; one that is only mapped counts as the largest there can be."""
        opened, mapped = dict[int, int](), set[int]()
        for one in memory.processes(process):
            opened.update((seen.st_ino, seen.st_blocks * _BLOCK) for seen in _opened(one) if seen.st_nlink == 0)
            mapped.update(self._mapped(one))
        return sum(opened.values()) + len(mapped - opened.keys()) * (limits.file_mb << 20)

    def _mapped(self, process: int) -> Iterator[int]:
        """Yield the inodes of what a process has mapped from this folder and deleted (``proc_pid_maps(5)``)."""
        ours = os.fsencode(f"/{self._folder.parent.name}/{self._folder.name}/")
        for line in memory.maps(process):
            if line.endswith(b" (deleted)") and ours in line:
                yield int(line.split(None, 5)[4])


def _below(folder: str, at: int | None = None, depth: int = 0) -> Iterator[os.stat_result]:
    """Yield what lies in a folder and below; OSError when that cannot be told."""
    if depth > DEEPEST:
        raise OSError(errno.ENAMETOOLONG, "too deep")
    inner = os.open(folder, _FOLDER, dir_fd=at)
    try:
        with os.scandir(inner) as found:
            for entry in found:
                seen = entry.stat(follow_symlinks=False)
                yield seen
                if stat.S_ISDIR(seen.st_mode):
                    yield from _below(entry.name, inner, depth + 1)
    finally:
        os.close(inner)


def _opened(process: int) -> Iterator[os.stat_result]:
    """Yield the plain files that a process has open."""
    for path in memory.descriptors(process):
        with suppress(OSError):
            seen = os.stat(path)  # noqa: PTH116 - every sandbox is watched all the time
            if stat.S_ISREG(seen.st_mode):
                yield seen
