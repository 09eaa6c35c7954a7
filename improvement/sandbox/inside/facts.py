"""What a program in the sandbox finds there, for the host to compare with what it should find."""

from __future__ import annotations

import os

from improvement.sandbox.inside.wire import Wire

KNOWN_VARIABLES = {
    "HOME", "JE_ARROW_MALLOC_CONF", "LANG", "LD_LIBRARY_PATH", "LOGNAME", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PATH", "PWD", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONPATH",
    "TMPDIR", "USER",
}  # fmt: skip


def facts(reading: int, writing: int, arguments: list[str]) -> None:
    """Send the facts."""
    wire = Wire(reading, writing)
    wire.send(
        {
            "uid": os.getuid(),
            "process": os.getpid(),
            "has_proc": os.path.exists("/proc/self"),
            "has_home": os.path.exists("/home") or os.path.exists("/root"),
            "can_write": any(map(_can_write, ("/", "/usr", "/inside", "/dev", "/site", f"{os.environ['TMPDIR']}/.."))),
            "can_read": any(map(_can_read, ("/etc/passwd", "/etc/hostname", "/proc/self/environ", "/proc/1/stat"))),
            "can_signal": _can_signal(os.getppid()),
            "has_network": _has_network(),
            "environment": sorted(set(os.environ) - KNOWN_VARIABLES),
        }
    )


def _can_write(folder: str) -> bool:
    try:
        with open(f"{folder}/countersign-probe", "x"):
            return True
    except OSError:
        return False


def _can_read(path: str) -> bool:
    try:
        with open(path, "rb"):
            return True
    except OSError:
        return False


def _can_signal(process: int) -> bool:
    """Whether the process that started this one, if it can be named at all, is within reach."""
    try:
        os.kill(process or 2, 0)
        return True
    except OSError:
        return False


def _has_network() -> bool:
    import _socket

    try:
        _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        return True
    except OSError:
        return False
