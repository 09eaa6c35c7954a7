"""Packages that only some targets and strategies need: whether they are there, and how one is told to get them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from improvement.engine import extras
from improvement.engine.manifest import parse_manifest
from improvement.engine.packages import find_builtin, load_package
from improvement.exceptions import Invalid, ManifestError, MissingExtra, NotFound, StrategyError
from tests.architecture.sources import PROJECT

REGISTER = """
[brains]
for = "targets that think"
modules = ["json", "brains_of_marble"]
megabytes = 7
"""
MANIFEST = """
[target]
name = "pool"
[edit]
files = ["a.py"]
[evaluate]
module = "evaluator.py"
packages = [{packages}]
[metrics.score]
better = "higher"
"""


@pytest.fixture
def _register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Replace the register by one with an extra that nobody can have installed."""
    path = tmp_path / "extras.toml"
    path.write_text(REGISTER)
    monkeypatch.setattr(extras, "REGISTER", path)
    extras.register.cache_clear()
    yield
    extras.register.cache_clear()


@pytest.mark.usefixtures("_register")
def test_target_that_needs_a_missing_extra_is_told_the_command() -> None:
    manifest = parse_manifest(MANIFEST.format(packages='"brains_of_marble.left"'))
    with pytest.raises(MissingExtra) as caught:
        extras.check_run(manifest, find_builtin("evolution"))
    assert caught.value.extra == "brains"
    assert caught.value.message == (
        "The target pool needs brains_of_marble, which is not installed: "
        "`python3 manage.py extras brains` installs it (about 7 MB)."
    )


@pytest.mark.usefixtures("_register")
def test_module_of_no_extra_is_named() -> None:
    with pytest.raises(Invalid) as caught:
        extras.check_modules(["json", "glass_beads", "sand.castle"], needed_by="The target pool")
    assert caught.value.message.startswith(
        "The target pool needs glass_beads and sand, which are not installed and part of no extra."
    )
    assert not isinstance(caught.value, MissingExtra)


@pytest.mark.usefixtures("_register")
def test_strategy_that_needs_a_missing_extra_is_told_the_command(tmp_path: Path) -> None:
    package = load_package(_strategy(tmp_path, 'extras = ["brains"]'))
    with pytest.raises(MissingExtra, match=r"The strategy s needs brains_of_marble, .*extras brains"):
        extras.check_run(parse_manifest(MANIFEST.format(packages='"json"')), package)


@pytest.mark.usefixtures("_register")
def test_unknown_extra_is_told_with_those_there_are() -> None:
    with pytest.raises(NotFound, match=r"There is no extra 'brain'; there are: brains\."):
        extras.find("brain")


def test_installed_modules_are_enough() -> None:
    extras.check_modules(["numpy.linalg", "json"], needed_by="The target pool")


def test_packages_that_are_no_modules_are_refused() -> None:
    with pytest.raises(ManifestError, match=r'evaluate.packages names "scikit-learn", which is no module'):
        parse_manifest(MANIFEST.format(packages='"scikit-learn"'))


def test_extras_of_a_strategy_are_names(tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="extras must be a list of names"):
        load_package(_strategy(tmp_path, 'extras = "brains"'))


def test_every_extra_has_its_lock_and_every_lock_its_extra() -> None:
    locks = {path.stem.removeprefix("requirements-") for path in PROJECT.glob("requirements-*.txt")}
    assert {one.name for one in extras.register()} == locks - {"dev"}


def test_tests_have_every_extra() -> None:
    assert [one.name for one in extras.register() if not one.installed] == []


def _strategy(folder: Path, line: str) -> Path:
    (folder / "strategy.toml").write_text(f'name = "s"\nversion = "1"\ndescription = "d"\n{line}\n')
    (folder / "main.py").write_text("")
    return folder
