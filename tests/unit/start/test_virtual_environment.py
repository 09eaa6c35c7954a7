"""When the virtual environment is believed, and what is never touched."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from bootstrap import virtual_environment
from bootstrap.problem import Problem
from bootstrap.virtual_environment import RUNTIME, VirtualEnvironment
from tests.architecture.sources import PROJECT


@pytest.fixture
def environment(tmp_path: Path) -> VirtualEnvironment:
    """Return an environment whose requirements are installed, as its stamp says."""
    (tmp_path / RUNTIME).write_text("one==1\n")
    made = VirtualEnvironment(tmp_path / "venv", tmp_path)
    made.python.parent.mkdir(parents=True)
    made.python.symlink_to(sys.executable)
    made.stamp(RUNTIME).write_text(made.digest(RUNTIME))
    return made


def test_stamped_environment_is_believed(environment: VirtualEnvironment) -> None:
    assert environment.has(RUNTIME)


def test_environment_without_stamp_is_not_believed(environment: VirtualEnvironment) -> None:
    environment.stamp(RUNTIME).unlink()
    assert not environment.has(RUNTIME)


def test_changed_requirements_make_it_old(environment: VirtualEnvironment) -> None:
    (environment.project / RUNTIME).write_text("one==2\n")
    assert not environment.has(RUNTIME)


def test_environment_whose_python_was_removed_is_not_believed(environment: VirtualEnvironment) -> None:
    environment.python.unlink()
    environment.python.symlink_to(environment.directory / "gone")
    assert not environment.has(RUNTIME)


def test_directory_with_other_files_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / RUNTIME).write_text("one==1\n")
    mine = tmp_path / "documents" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work")
    monkeypatch.setenv("COUNTERSIGN_VENV", str(mine.parent))
    with pytest.raises(Problem, match=r"documents holds files and is not a virtual environment; it was left alone"):
        virtual_environment.enter(tmp_path, ["manage.py", "up"], developer=False)
    assert mine.read_text() == "years of work"


def test_missing_venv_module_is_told_with_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / RUNTIME).write_text("one==1\n")
    monkeypatch.setenv("COUNTERSIGN_VENV", str(tmp_path / "venv"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # without uv, which needs no such module
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    with pytest.raises(
        Problem, match=rf"Python's venv module is missing\. Install it with: .*apt-get install python{version}-venv"
    ):
        virtual_environment.enter(tmp_path, ["manage.py", "up"], developer=False)


def test_place_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / RUNTIME).write_text("one==1\n")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COUNTERSIGN_VENV", str(tmp_path / "file" / "venv"))
    with pytest.raises(Problem, match=r"file cannot be used for the virtual environment"):
        virtual_environment.enter(tmp_path, ["manage.py", "up"], developer=False)


def test_an_old_python_can_read_manage_py_and_say_that_it_is_too_old() -> None:
    ast.parse((PROJECT / "manage.py").read_text(encoding="utf-8"), feature_version=(3, 4))
