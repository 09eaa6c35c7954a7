"""The part of the host that a sandboxed process sees, read-only: the system's libraries, this Python, its packages."""

from __future__ import annotations

import site
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PYTHON = "/python"
SITE = "/site"
SCRATCH = "/tmp"  # noqa: S108 - inside, and private to the sandbox
SYSTEM_FOLDERS = ("bin", "lib", "lib32", "lib64", "libexec", "share")
ROOT_LINKS = ("bin", "lib", "lib32", "lib64")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/alternatives")
CERTIFICATES = ("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted")
SETTINGS = {
    "/etc/group": "agent:x:65534:\n",
    "/etc/hosts": "127.0.0.1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "/etc/passwd": "agent:x:65534:65534::/tmp/home:/bin/sh\n",
}
"""What agents, which are programs of all kinds, look for below ``/etc``: nothing of it is the host's."""


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
    prefix = str(base) if base == Path("/usr") else PYTHON
    binds = [*_system_binds(), *([] if prefix == "/usr" else [Bind(str(base), PYTHON)])]
    sites = [Bind(str(source), f"{SITE}/{index}") for index, source in enumerate(_package_folders())]
    return Runtime(
        python=f"{prefix}/{_executable(base)}",
        site=tuple(bind.target for bind in sites),
        binds=(*binds, *sites),
        links=tuple((str(link.readlink()), str(link)) for link in _root_folders() if link.is_symlink()),
        environment=_environment(prefix),
    )


def certificates() -> tuple[Bind, ...]:
    """Return the mounts by which an agent can tell who answers it through the proxy."""
    return tuple(Bind(path, path) for path in CERTIFICATES if Path(path).is_dir())


def _executable(base: Path) -> Path:
    """The interpreter itself, below its prefix (the one of a virtual environment is a link to it)."""
    path = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    major, minor = sys.version_info[:2]
    return path.relative_to(base) if path.is_relative_to(base) else Path(f"bin/python{major}.{minor}")


def _root_folders() -> list[Path]:
    return [Path("/", name) for name in ROOT_LINKS]


def _system_binds() -> list[Bind]:
    folders = [Path("/usr", name) for name in SYSTEM_FOLDERS]
    folders += [path for path in _root_folders() if not path.is_symlink()]
    return [Bind(str(path), str(path)) for path in (*folders, *map(Path, SYSTEM_FILES)) if path.exists()]


def _package_folders() -> list[Path]:
    """The installed packages' folders, but nothing that ``.pth`` files add (an editable install adds a checkout)."""
    own = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    if sys.prefix == sys.base_prefix:
        own += site.getsitepackages()
    listed = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    return list(dict.fromkeys(Path(path).resolve() for path in (*own, *listed) if Path(path).is_dir()))


def _environment(prefix: str) -> tuple[tuple[str, str], ...]:
    variables = {
        "HOME": SCRATCH,
        "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pyarrow's own thread would keep zygotes from forking
        "LANG": "C.UTF-8",
        "LOGNAME": "candidate",
        "PATH": "/usr/bin:/bin" if prefix == "/usr" else f"{prefix}/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "TMPDIR": SCRATCH,
        "USER": "candidate",
    }
    if sysconfig.get_config_var("Py_ENABLE_SHARED") and prefix != "/usr":
        variables["LD_LIBRARY_PATH"] = f"{prefix}/lib"
    return tuple(variables.items())
