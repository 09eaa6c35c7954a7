"""How each layer of the sandbox is taken away: at the seam where the product puts it on."""

from __future__ import annotations

import marshal
import platform
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from improvement.sandbox import bubblewrap, inside_files, kernel, launcher, limits, memory, seccomp, trees
from improvement.sandbox.per_process import PerProcess
from improvement.sandbox.runtime import Bind
from tests.integration.sandbox.hostile.snippet import Layer, Removal

Words = Sequence[str]
UNUSED_CALL = 1000
END_OF_MOUNTS = ("--remount-ro", "/", "--chdir")


def option(*words: str) -> Layer:
    """Leave out an option of bubblewrap."""
    return instead(words, ())


def instead(words: Words, others: Words) -> Layer:
    """Give bubblewrap other words in the place of some."""
    return _command_line(lambda line, _seen_at: _replaced(line, words, others))


def shown(path: str) -> Layer:
    """Show a path of the host."""
    return _command_line(lambda line, seen_at: _with_mount(line, seen_at(path), path))


def both(*layers: Layer) -> Layer:
    """Take away two options that only work together."""

    def remove(removal: Removal) -> None:
        for layer in layers:
            layer(removal)

    return remove


def host_shown(removal: Removal) -> None:
    """Show the path of the host that the snippet asks for."""
    shown(str(removal.host.text))(removal)


def _command_line(edit: Callable[[list[str], Callable[[str], str]], list[str]]) -> Layer:
    def remove(removal: Removal) -> None:
        written = bubblewrap.arguments

        def arguments(*given: Any, seen_at: Callable[[str], str], **more: Any) -> list[str]:
            return edit(written(*given, seen_at=seen_at, **more), seen_at)

        removal.patch.setattr(bubblewrap, "arguments", arguments)

    return remove


def _with_mount(line: list[str], source: str, target: str) -> list[str]:
    return _replaced(line, END_OF_MOUNTS, ("--ro-bind", source, target, *END_OF_MOUNTS))


def _replaced(line: list[str], words: Words, others: Words) -> list[str]:
    """Replace the first place where the words stand in this order; there has to be one."""
    for at in range(len(line)):
        if line[at : at + len(words)] == list(words):
            return [*line[:at], *others, *line[at + len(words) :]]
    raise AssertionError(f"the profile has no {' '.join(words)}")


NO_NETWORK = option("--unshare-net")
NO_NESTING = option("--disable-userns")
OWN_PROCESSES = both(option("--unshare-pid"), option("--as-pid-1"))
NO_CAPABILITY = instead(("--cap-drop", "ALL"), ("--cap-add", "ALL"))
ORDINARY_USER = instead(("--uid", bubblewrap.INSIDE_ID, "--gid", bubblewrap.INSIDE_ID), ("--uid", "0", "--gid", "0"))
NO_RIGHTS = (NO_CAPABILITY, ORDINARY_USER, NO_NESTING)
"""What keeps a process from being root in the namespaces that it lives in."""
OWN_ENVIRONMENT = option("--clearenv")
READ_ONLY_ROOT = option("--remount-ro", "/")
READ_ONLY_DEVICES = option("--remount-ro", "/dev")
READ_ONLY_JOB = option("--remount-ro", bubblewrap.JOB)


def size_of(path: str, megabytes: int) -> Layer:
    """Let a folder in memory grow as it likes."""
    return instead(("--size", str(megabytes << 20), "--tmpfs", path), ("--tmpfs", path))


# The filter


def system_call(name: str) -> Layer:
    """Let one system call through."""

    def remove(removal: Removal) -> None:
        table = next(table for table in (seccomp.KILLED, seccomp.REFUSED, seccomp.ABSENT) if name in table)
        removal.patch.delitem(table, name)

    return remove


def sockets(removal: Removal) -> None:
    """Let the filter allow sockets of every family."""
    machine = platform.machine()
    other = replace(seccomp.ARCHITECTURES[machine], socket=UNUSED_CALL)
    removal.patch.setitem(seccomp.ARCHITECTURES, machine, other)


# Started, limited, watched


def _changed(module: object, name: str, value: object) -> Layer:
    return lambda removal: removal.patch.setattr(module, name, value)


def inside(line: str, other: str) -> Layer:
    """Change one line of the first program inside."""

    def remove(removal: Removal) -> None:
        contents = dict(inside_files._contents())
        source = contents[f"{inside_files.PACKAGE}/enter.py"].decode()
        assert line in source, f"inside there is no {line}"
        code = compile(source.replace(line, other), "enter.py", "exec", dont_inherit=True)
        contents["enter.pyc"] = contents["enter.pyc"][:16] + marshal.dumps(code)
        folder = trees.shared().put(f"inside-{trees.digest(contents)}", lambda: contents)
        removal.patch.setattr(inside_files, "bind", lambda: Bind(folder, inside_files.MOUNT))

    return remove


def no_limit_of(kind: str) -> Layer:
    """Leave a limit that nobody needs as the host has it."""
    return inside(f"resource.{kind}", "resource.RLIMIT_RTPRIO")


def limit(**values: float) -> Layer:
    """Raise limits until they do not bind."""

    def remove(removal: Removal) -> None:
        removal.limits = replace(removal.limits, **values)  # type: ignore[arg-type]

    return remove


def _launched(change: Callable[[Removal, dict[str, Any]], dict[str, Any]]) -> Layer:
    """Start processes with other options."""

    def remove(removal: Removal) -> None:
        def popen(command: Words, **options: Any) -> subprocess.Popen[bytes]:
            return subprocess.Popen(command, **options | change(removal, options))

        removal.patch.setattr(launcher, "subprocess", SimpleNamespace(Popen=popen, DEVNULL=subprocess.DEVNULL))

    return remove


def root_stays_root(removal: Removal) -> None:
    """Let a worker that is root start sandboxes as root."""
    removal.patch.setattr(kernel, "become", lambda _uid, _gid: None)
    removal.patch.setattr(launcher, "_launcher", PerProcess(launcher.Launcher))


def _uncounted(part: int) -> Layer:
    """Let the watch see nothing of one part of what a tree holds."""
    held = memory.held_mb
    return _changed(
        memory, "held_mb", lambda *found: tuple(0.0 if i == part else mb for i, mb in enumerate(held(*found)))
    )


EMPTY_ENVIRONMENT = _launched(lambda _removal, _options: {"env": None})
DESCRIPTORS_NOT_PASSED = _launched(
    lambda removal, options: {"pass_fds": (*options["pass_fds"], removal.host.text)},
)
DESCRIPTORS_CLOSED = inside("close_the_rest({0, 1, 2, reading, writing})", "pass")
NEW_NAMESPACE_FLAGS = _changed(seccomp, "NEW_NAMESPACES", 0)
OTHER_ABIS = _changed(seccomp, "_refuse_other_abis", lambda _arch: [(seccomp._LOAD, 0, 0, seccomp._NUMBER)])
TERMINAL_RULE = _changed(seccomp, "TERMINAL_INJECTION", ())
BUFFER_RULE = _changed(seccomp, "SEND_BUFFER", ())
ADDRESS_SPACE = _changed(limits, "ADDRESS_SPACE_SLACK_MB", 1 << 20)
MEMORY_WATCH = _uncounted(0)
SOCKET_WATCH = _uncounted(1)
FILE_WATCH = _changed(memory, "files_in", lambda _pid, _folder: 0)
