"""What tests need from the operating system: a browser, a PostgreSQL server, and git to compare with."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SystemPackage:
    """A program, how to find it, and the Debian package that brings it."""

    title: str
    package: str
    find: Callable[[], Path | None]


def chromium() -> Path | None:
    """Return the browser's program, or None where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome"):
        if found := shutil.which(name):
            return Path(found)
    return None


def postgresql() -> Path | None:
    """Return the directory of PostgreSQL's server programs (the newest version's), or None where there is none."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    directories = [found.parent for found in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(directories, key=lambda path: float(path.parent.name), default=None)


def git() -> Path | None:
    """Return the program with which tests compare what the product writes without it."""
    found = shutil.which("git")
    return Path(found) if found else None


CHROMIUM = SystemPackage("Chromium", "chromium", chromium)
POSTGRESQL = SystemPackage("PostgreSQL", "postgresql", postgresql)
GIT = SystemPackage("git", "git", git)


def install_missing(wanted: Iterable[SystemPackage]) -> tuple[SystemPackage, ...]:
    """Install by apt what is missing, where this user may, and return what is missing still."""
    missing = [package for package in wanted if package.find() is None]
    prefix = _privileges()
    if missing and prefix is not None:
        names = [package.package for package in missing]
        print(f"Installing {' and '.join(names)} by apt-get (once)", flush=True)
        _apt_get(prefix, ["update", "-qq"])
        _apt_get(prefix, ["install", "-y", "-qq", "--no-install-recommends", *names])
    return tuple(package for package in missing if package.find() is None)


def advice(missing: Iterable[SystemPackage]) -> str:
    """Return the one line that says how to get what is missing."""
    packages = tuple(missing)
    titles = " and ".join(package.title for package in packages)
    return f"{titles} not found; on Debian or Ubuntu: sudo apt-get install {' '.join(p.package for p in packages)}"


def _privileges() -> list[str] | None:
    """Return what to put before apt-get: nothing for root, sudo where it asks for no password, None otherwise."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and not subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode:
        return ["sudo", "-n"]
    return None


def _apt_get(prefix: list[str], arguments: list[str]) -> None:
    """Run apt-get; what it could not install is told by what is missing afterwards."""
    answer = subprocess.run(
        [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        print((answer.stderr or answer.stdout).strip(), flush=True)
