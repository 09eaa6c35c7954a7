"""Sandboxes for machines on which no namespaces can be made: forked from a zygote that runs on the host itself.

Level 2 holds a job by Landlock and a stricter filter, level 1 by the filter and the limits alone (``inside/fence.py``).
Each job gets a folder of the host for what it is given and what it writes, which is deleted with it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import inside_files, kernel, launcher, nursery, runtime, seccomp, trees
from improvement.sandbox.bubblewrap import JOB, environment
from improvement.sandbox.launcher import SANDBOX_ID, Command, SeenAt
from improvement.sandbox.limits import Limits
from improvement.sandbox.nursery import Job, Kind, Order, Zygote
from improvement.sandbox.program import Family, Program
from improvement.sandbox.scratch import Scratch
from improvement.sandbox.started import Exit

LANDLOCK, LIMITS_ALONE = "landlock", "limits"
NEWEST_SCOPES = 6
TRIES = 2
NO_FILTER = "There is no system call filter for this processor."
OLD_KERNEL = "Landlock keeps processes apart from Linux 6.12 on, and may not be switched off."


class FencedJob(Job):
    """A job without namespaces: its keeper holds whatever it leaves behind, and its folder is the host's."""

    def __init__(self, *arguments: Any, folder: Path, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._folder = folder
        self._scratch = Scratch(_scratch(folder))
        self._keeper: int | None = None

    @property
    def watched(self) -> int | None:
        """The keeper, which adopts what the job leaves behind."""
        return self._keeper

    def has_too_many_files(self, limits: Limits) -> bool:
        """Count what the job holds in its folder: no file system of its own bounds it."""
        return self._keeper is not None and self._scratch.holds_too_much(limits, self._keeper)

    def collect(self) -> Exit:
        """Take how it ended, and delete its folder."""
        ending = super().collect()
        _delete(self._folder)
        return ending

    def abandon(self) -> None:
        """Kill it with its zygote, and delete its folder."""
        super().abandon()
        _delete(self._folder)

    def _hear_of_keeper(self, keeper: int) -> None:
        self._keeper = keeper


def start(program: Program, limits: Limits, *, held_by: str) -> FencedJob:
    """Start a program held by ``LANDLOCK`` or by ``LIMITS_ALONE``; SandboxUnavailable when it cannot be started."""
    if not seccomp.supported():
        raise SandboxUnavailable(NO_FILTER)
    if held_by == LANDLOCK and kernel.landlock_version() < NEWEST_SCOPES:
        raise SandboxUnavailable(OLD_KERNEL)
    seen_at = launcher.shared().seen_at
    with ExitStack() as undoing:
        folder = _make_folder()
        undoing.callback(_delete, folder)
        if started := _forked(program, limits, held_by, folder, seen_at):
            undoing.pop_all()
            return started
    raise SandboxUnavailable(nursery.shared().why_not or "No process could be forked for the sandbox.")


def _forked(program: Program, limits: Limits, held_by: str, folder: Path, seen_at: SeenAt) -> FencedJob | None:
    """Fork the job: from its family's zygote, or from a bare one when it brings a module that the first holds."""
    family = program.family or Family("")
    order = Order(_order(program, limits, held_by, folder, seen_at), modules=family.modules)
    born = partial(FencedJob, folder=folder)
    for preload in dict.fromkeys((family.preload, ())):
        kind = Kind(held_by, family.project, preload, limits.cpus, program.binds)
        for _ in range(TRIES):  # a zygote may just have ended for want of work
            if started := nursery.shared().start(kind, partial(_zygote, kind), order, born):
                return started
    return None


def _zygote(kind: Kind) -> Zygote:
    return Zygote(lambda channel: _command(kind, channel), seccomp.program(contained=False))


def _command(kind: Kind, channel: int) -> Command:
    def command(seen_at: SeenAt) -> list[str]:
        variables = (f"{name}={_outside(value, seen_at)}" for name, value in environment(runtime.locate(), kind.cpus))
        sites = ":".join(_outside(path, seen_at) for path in runtime.locate().site)
        words = ("zygote", str(channel), str(channel), "", sites, *kind.preload)
        start = (*inside_files.OPTIONS, f"{seen_at(inside_files.bind().source)}/enter.pyc")
        return ["/usr/bin/env", "-i", *variables, _outside(runtime.locate().python, seen_at), *start, *words]

    return command


def _outside(value: str, seen_at: SeenAt) -> str:
    """Translate paths (several with colons between them) of the inside of a full sandbox to where they really are."""
    return ":".join(_real(path, seen_at) for path in value.split(":"))


def _real(path: str, seen_at: SeenAt) -> str:
    for bind in runtime.locate().binds:
        if path == bind.target or path.startswith(bind.target + "/"):
            return seen_at(bind.source) + path[len(bind.target) :]
    return path


def _order(program: Program, limits: Limits, held_by: str, folder: Path, seen_at: SeenAt) -> bytes:
    readable = [bind.source for bind in (inside_files.bind(), *runtime.locate().binds, *program.binds)]
    fence = [*map(seen_at, readable), seen_at(str(folder / "job"))]
    return json.dumps(
        {
            "role": program.role,
            "arguments": program.arguments,
            "limits": limits.for_inside,
            "job": _job_folder(program, folder, seen_at),
            "scratch": seen_at(str(_scratch(folder))),
            "fence": fence if held_by == LANDLOCK else None,
        }
    ).encode()


def _job_folder(program: Program, folder: Path, seen_at: SeenAt) -> str:
    """Return where the job finds what it was given: files by content, and links to what lies elsewhere."""
    for bind in program.binds:
        if bind.target == JOB:
            return seen_at(bind.source)
    job = folder / "job"
    for path, data in program.files.items():
        _placed(job / trees.inner(path)).write_bytes(data)
    for bind in program.binds:
        _placed(job / trees.inner(bind.target.removeprefix(JOB + "/"))).symlink_to(seen_at(bind.source))
    return seen_at(str(job))


def _placed(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _make_folder() -> Path:
    """Make a folder that only its job may enter, with a part to read and a part to write."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=trees.shared().root))
        folder.chmod(0o755)
        (folder / "job").mkdir()
        _scratch(folder).mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(_scratch(folder), SANDBOX_ID, SANDBOX_ID)
    except OSError as error:
        raise SandboxUnavailable(f"There is no place for the sandbox's files: {error}.") from error
    return folder


def _scratch(folder: Path) -> Path:
    return folder / "tmp"


def _delete(folder: Path) -> None:
    """Delete what a job left, however deep it lies and whatever its modes are."""
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):
        subprocess.run(["/bin/chmod", "-R", "u+rwX", "--", folder], capture_output=True, check=False)
        subprocess.run(["/bin/rm", "-rf", "--", folder], capture_output=True, check=False)
