"""The level is what was tried and held; anything less than wanted is refused, with the reason and the remedy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import advice, fenced, levels, seccomp

CHECKOUT = Path(__file__).parents[3]
IMPORTS = """
import json
from dataclasses import asdict
from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import bubblewrap, kernel, levels, seccomp
"""
PROBE = """
{before}
found = asdict(levels.probe())
try:
    levels.require(3)
except SandboxUnavailable as error:
    found["error"] = error.message
print(json.dumps(found))
"""
NO_BUBBLEWRAP = "bubblewrap.SYSTEM_BINARY = '/nowhere/bwrap'; bubblewrap.WHEEL = 'no-such-wheel'"
REFUSED = "bwrap: No permissions to create a new namespace"
NO_NAMESPACES = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'


def probed(*prefix: str, before: str = "") -> dict[str, Any]:
    """What a fresh process finds, started through another program."""
    answer: dict[str, Any] = json.loads(output(PROBE.format(before=before), *prefix))
    return answer


def output(code: str, *prefix: str) -> str:
    """What a fresh process prints."""
    command = (*prefix, sys.executable, "-c", IMPORTS + code)
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout


def test_this_machine_holds_the_full_profile() -> None:
    assert levels.probe() == levels.Probe(3, "bubblewrap")
    levels.require(3)


def test_more_than_there_is_is_refused() -> None:
    with pytest.raises(SandboxUnavailable, match="The sandbox level is 3, 4 is needed"):
        levels.require(4)


def test_without_bubblewrap_landlock_makes_level_2_and_the_remedy_is_named() -> None:
    found = probed(before=NO_BUBBLEWRAP)
    assert (found["level"], found["backend"], found["advice"][0]) == (2, "landlock", advice.INSTALL)
    assert found["error"].startswith("The sandbox level is 2, 3 is needed. There is no usable bubblewrap.")
    assert "SANDBOX_MIN_LEVEL=2" in found["error"]


@pytest.mark.parametrize(("level", "needed", "offered"), [(2, 3, True), (1, 2, True), (2, 2, False), (0, 3, False)])
def test_weaker_isolation_is_offered_where_it_is_not_accepted_yet(level: int, needed: int, offered: bool) -> None:
    remedies = levels.Probe(level, "any", ("why",), (advice.INSTALL,)).remedies(needed)
    assert remedies == ((advice.INSTALL, advice.accept(level)) if offered else (advice.INSTALL,))


def test_without_landlock_the_filter_and_the_limits_make_level_1() -> None:
    found = probed(before=f"{NO_BUBBLEWRAP}; kernel.landlock_version = lambda: 0")
    assert (found["level"], found["backend"], found["why"][1]) == (1, "limits", fenced.OLD_KERNEL)
    assert "SANDBOX_MIN_LEVEL=1" in found["error"]


def test_without_a_filter_nothing_is_started() -> None:
    found = probed(before="seccomp.supported = lambda: False")
    assert (found["level"], found["why"]) == (0, [fenced.NO_FILTER])
    assert "SANDBOX_MIN_LEVEL" not in found["error"]


def test_less_than_the_full_level_is_used_only_where_it_was_asked_for() -> None:
    before = f"{NO_BUBBLEWRAP}\nfrom tests.integration.sandbox.small_targets import measured, native"
    refused = f"{before}\ntry: measured(native(), '')\nexcept SandboxUnavailable as error: print(error.message)"
    assert output(refused).startswith("The sandbox level is 2, 3 is needed.")
    asked = f"{before}\nlevels.require(1)\nprint(measured(native(), 'def double(n): return 2 * n').level)"
    assert output(asked).strip() == "2"


def test_an_old_bubblewrap_is_not_used(tmp_path: Path) -> None:
    old = tmp_path / "bwrap"
    old.write_text("#!/bin/sh\necho bubblewrap 0.6.1\n")
    old.chmod(0o755)
    found = probed(before=f"bubblewrap.SYSTEM_BINARY = {str(old)!r}; bubblewrap.WHEEL = 'no-such-wheel'")
    assert (found["level"], found["advice"][0]) == (2, advice.INSTALL)


def test_where_bubblewrap_may_make_no_namespaces_landlock_makes_level_2(tmp_path: Path) -> None:
    refused = tmp_path / "bwrap"
    refused.write_text(f"#!/bin/sh\ntest $1 = --version && echo bubblewrap 0.9.0 && exit\necho {REFUSED} >&2\nexit 1")
    refused.chmod(0o755)
    for folder in tmp_path.parents:
        if "pytest" in folder.name:
            folder.chmod(0o755)
    found = probed(before=f"bubblewrap.SYSTEM_BINARY = {str(refused)!r}")
    assert (found["level"], found["backend"]) == (2, "landlock")
    assert found["why"]


def test_where_root_can_become_nobody_else_the_level_is_0_and_the_setting_named() -> None:
    found = probed("unshare", "--user", "--map-root-user", "sh", "-c", NO_NAMESPACES, "sh")
    assert found["level"] == 0
    assert advice.NO_NAMESPACES in found["advice"]
    assert advice.NO_NAMESPACES in found["error"]


def test_a_profile_that_does_not_hold_is_not_used() -> None:
    found = probed(before="bubblewrap.NAMESPACES = tuple(n for n in bubblewrap.NAMESPACES if n != '--unshare-pid')")
    assert found["level"] == 2
    leaks = "(*bubblewrap.PROCESS, '--setenv', 'LEAKED', '1')"
    found = probed(before=f"bubblewrap.PROCESS = {leaks}")
    assert (found["level"], found["why"]) == (2, ["Inside the sandbox environment is ['LEAKED'], not []."])


def test_a_filter_that_is_missing_is_noticed() -> None:
    allow_all = "b'\\x06\\0\\0\\0\\0\\0\\xff\\x7f'"
    found = probed(before=f"from improvement.sandbox import seccomp; seccomp.program = lambda **_: {allow_all}")
    assert (found["level"], set(found["why"])) == (0, {"Inside the sandbox has_network is True, not False."})
    assert seccomp.supported()
