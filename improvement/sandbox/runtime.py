"""The part of the host that a sandboxed process sees, read-only: the system's libraries, this Python, its packages."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PYTHON = "/python"
SITE = "/site"
SYSTEM_FOLDERS = ("bin", "lib", "lib32", "lib64", "libexec", "share")
ROOT_LINKS = ("bin", "lib", "lib32", "lib64")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/alternatives")


@dataclass(frozen=True, slots=True)
class Bind:
    """One read-only mount: a path of the host and where it appears inside."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a sandbox needs to start this interpreter: ``python`` and ``site`` are paths inside."""

    python: str
    site: tuple[str, ...]
    binds: tuple[Bind, ...]
    links: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]

    @property
    def private(self) -> tuple[str, ...]:
        """List the host paths that may lie below a folder which only their owner can enter."""
        return tuple(bind.source for bind in self.binds if bind.target.startswith((PYTHON, SITE)))


@cache
def locate() -> Runtime:
    """Describe the running interpreter and its installed packages as mounts for the sandbox."""
    base = Path(sys.base_prefix).resolve()
    executable = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    prefix = str(base) if base == Path("/usr") else PYTHON
    binds = [*_system_binds(), *([] if prefix == "/usr" else [Bind(str(base), PYTHON)])]
    sites = [Bind(source, f"{SITE}/{index}") for index, source in enumerate(_package_folders())]
    return Runtime(
        python=f"{prefix}/{executable.relative_to(base)}",
        site=tuple(bind.target for bind in sites),
        binds=(*binds, *sites),
        links=tuple((os.readlink(f"/{name}"), f"/{name}") for name in ROOT_LINKS if os.path.islink(f"/{name}")),
        environment=_environment(prefix),
    )


def _system_binds() -> list[Bind]:
    folders = [f"/usr/{name}" for name in SYSTEM_FOLDERS]
    folders += [f"/{name}" for name in ROOT_LINKS if not os.path.islink(f"/{name}")]
    return [Bind(path, path) for path in (*folders, *SYSTEM_FILES) if os.path.exists(path)]


def _package_folders() -> list[str]:
    """The installed packages' folders, without the path lines of ``.pth`` files (an editable install names a checkout)."""
    own = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    if sys.prefix == sys.base_prefix:
        own += site.getsitepackages()
    listed = [path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")]
    return list(dict.fromkeys(os.path.realpath(path) for path in (*own, *listed) if os.path.isdir(path)))


def _environment(prefix: str) -> tuple[tuple[str, str], ...]:
    variables = {
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "LOGNAME": "candidate",
        "PATH": "/usr/bin:/bin" if prefix == "/usr" else f"{prefix}/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "TMPDIR": "/tmp",
        "USER": "candidate",
    }
    if sysconfig.get_config_var("Py_ENABLE_SHARED") and prefix != "/usr":
        variables["LD_LIBRARY_PATH"] = f"{prefix}/lib"
    return tuple(variables.items())
