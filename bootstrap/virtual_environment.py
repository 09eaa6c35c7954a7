"""The virtual environment: made from the pinned requirements when missing or old, and entered."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bootstrap.installer import Installer
from bootstrap.problem import Problem

RUNTIME = "requirements.txt"


@dataclass(frozen=True)
class VirtualEnvironment:
    """A directory with an interpreter, and a stamp for each set of requirements that is completely installed in it."""

    directory: Path
    project: Path

    @property
    def python(self) -> Path:
        """Return the path of its interpreter."""
        return self.directory / "bin" / "python"

    def stamp(self, requirements: str) -> Path:
        """Return the file that says which version of these requirements is installed."""
        return self.directory / f"{Path(requirements).stem}.sha256"

    def digest(self, requirements: str) -> str:
        """Return what the stamp must say: the digest of the requirements and of Python's version."""
        version = f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}"
        return hashlib.sha256((self.project / requirements).read_bytes() + version.encode()).hexdigest()

    def has(self, requirements: str) -> bool:
        """Return whether these requirements are installed, whole and as they are pinned now."""
        try:
            return self.python.exists() and self.stamp(requirements).read_text() == self.digest(requirements)
        except OSError:
            return False


def enter(project: Path, argv: Sequence[str], *, developer: bool) -> None:
    """Return when this process runs inside a complete environment; otherwise complete it and start again in it.

    Raises Problem when it cannot be made. ``COUNTERSIGN_VENV`` names another directory than ``.venv``.
    """
    environment = VirtualEnvironment(_directory(project), project)
    wanted = (RUNTIME, *_beyond_runtime(project)) if developer else (RUNTIME,)
    inside = Path(sys.prefix).resolve() == environment.directory.resolve()
    if inside and not developer:
        return  # whoever calls the environment's own Python has chosen it
    if not all(environment.has(requirements) for requirements in wanted):
        with _alone(environment.directory.parent):
            _complete(environment, wanted)
    if not inside:
        sys.stdout.flush()
        os.execv(environment.python, [str(environment.python), *argv])


def add(project: Path, requirements: str) -> None:
    """Install further requirements into the environment; raises Problem when that fails."""
    environment = VirtualEnvironment(_directory(project), project)
    with _alone(environment.directory.parent):
        _complete(environment, [requirements])


def _beyond_runtime(project: Path) -> list[str]:
    """Return the requirements of the tests and of every extra, by the names of their files."""
    return sorted(path.name for path in project.glob("requirements-*.txt"))


def _directory(project: Path) -> Path:
    return Path(os.environ.get("COUNTERSIGN_VENV") or project / ".venv").absolute()


def _complete(environment: VirtualEnvironment, wanted: Sequence[str]) -> None:
    """Install what is not there yet; a stamp is taken away before and written after, so that half is never whole."""
    missing = [requirements for requirements in wanted if not environment.has(requirements)]
    if not missing:
        return
    installer = Installer.find(environment.python)
    try:
        if not _usable(environment, installer):
            _create(environment, installer)
        for requirements in missing:
            environment.stamp(requirements).unlink(missing_ok=True)
            installer.install(environment.project / requirements)
            environment.stamp(requirements).write_text(environment.digest(requirements))
    except OSError as error:
        raise Problem(
            f"{environment.directory} cannot be written: {error.strerror}. "
            "Make the directory writable, or name another one: COUNTERSIGN_VENV=/some/directory python3 manage.py ..."
        ) from error


def _usable(environment: VirtualEnvironment, installer: Installer) -> bool:
    """Return whether the interpreter there has this Python's version and something to install with."""
    probe = "import sys; print(*sys.version_info[:2])" + ("" if installer.uv else "; import pip")
    try:
        answer = subprocess.run([environment.python, "-c", probe], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.stdout.split() == [str(part) for part in sys.version_info[:2]]


def _create(environment: VirtualEnvironment, installer: Installer) -> None:
    """Make an empty environment, in place of what is left of an older one and of nothing else."""
    if any(_contents(environment.directory)) and not (environment.directory / "pyvenv.cfg").exists():
        raise Problem(
            f"{environment.directory} holds files and is not a virtual environment; it was left alone. "
            "Move it away, or name another directory with COUNTERSIGN_VENV."
        )
    if installer.uv:
        command = [installer.uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment.directory)]
    else:
        _check_venv_module()
        command = [sys.executable, "-m", "venv", "--clear", str(environment.directory)]
    environment.directory.mkdir(parents=True, exist_ok=True)
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        reason = (answer.stderr or answer.stdout).strip().splitlines()
        raise Problem(f"The virtual environment {environment.directory} cannot be made: {' '.join(reason[-1:])}")


def _contents(directory: Path) -> Iterator[Path]:
    return directory.iterdir() if directory.exists() else iter(())


def _check_venv_module() -> None:
    """Raise Problem when this Python comes without what makes virtual environments, as on a bare Debian or Ubuntu."""
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        return
    sudo = "" if os.geteuid() == 0 else "sudo "
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    how = (
        f"{sudo}apt-get install python{version}-venv"
        if shutil.which("apt-get")
        else "your system's python venv package"
    )
    raise Problem(f"Python's venv module is missing. Install it with: {how}")


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Wait until no other process works on the environment; the lock ends with the process."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise Problem(f"{directory} cannot be used for the virtual environment: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
