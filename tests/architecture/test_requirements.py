"""What is installed is pinned, hashed, and the same everywhere."""

from __future__ import annotations

import re

import pytest

from tests.architecture.sources import PROJECT

LOCKS = sorted(path.stem for path in PROJECT.glob("requirements*.txt"))
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.-]*)(?:\[\w+\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)


def _pins(name: str) -> set[tuple[str, str]]:
    return {(pin["name"], pin["version"]) for pin in PIN.finditer((PROJECT / name).read_text(encoding="utf-8"))}


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_holds_what_is_asked_for(name: str) -> None:
    assert _pins(f"{name}.in") <= _pins(f"{name}.txt")


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_hashes_and_no_index_is_named(name: str) -> None:
    text = (PROJECT / f"{name}.txt").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert re.findall(r"--(?:extra-)?index-url|--find-links|://", text) == []


def test_all_locks_agree() -> None:
    """They are installed into one environment, in any order: no two may ask for different versions of a package."""
    asked: dict[str, set[frozenset[str]]] = {}
    for lock in LOCKS:
        pins = _pins(f"{lock}.txt")
        for name in {name for name, _ in pins}:
            asked.setdefault(name, set()).add(frozenset(version for one, version in pins if one == name))
    assert {name: versions for name, versions in asked.items() if len(versions) > 1} == {}
