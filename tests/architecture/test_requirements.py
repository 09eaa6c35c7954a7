"""What is installed is pinned, hashed, and the same everywhere."""

from __future__ import annotations

import re

import pytest

from tests.architecture.sources import PROJECT

PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.-]*)(?:\[\w+\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)


def _pins(name: str) -> set[tuple[str, str]]:
    return {(pin["name"], pin["version"]) for pin in PIN.finditer((PROJECT / name).read_text(encoding="utf-8"))}


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_the_lock_holds_what_is_asked_for(name: str) -> None:
    assert _pins(f"{name}.in") <= _pins(f"{name}.txt")


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_has_hashes_and_no_index_is_named(name: str) -> None:
    text = (PROJECT / name).read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert re.findall(r"--(?:extra-)?index-url|--find-links|://", text) == []


def test_both_locks_agree() -> None:
    runtime: dict[str, set[str]] = {}
    for name, version in _pins("requirements.txt"):
        runtime.setdefault(name, set()).add(version)
    different = {
        (name, version)
        for name, version in _pins("requirements-dev.txt")
        if version not in runtime.get(name, {version})
    }
    assert different == set()
