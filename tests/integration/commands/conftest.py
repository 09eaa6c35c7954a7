"""Installations to begin with: each test works on a copy of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.commands.console import Console, copy_of, write_task


@pytest.fixture(scope="session")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small target."""
    return write_task(tmp_path_factory.mktemp("task") / "parabola")


@pytest.fixture(scope="session")
def _first_run(tmp_path_factory: pytest.TempPathFactory, task: Path) -> tuple[Console, Any]:
    console = Console(tmp_path_factory.mktemp("first") / "data")
    run = console.json("improve", task, "--budget", "12", "--seed", "5", "--wait", "--workers", "2")
    return console, run


@pytest.fixture
def first_run(_first_run: tuple[Console, Any]) -> Any:
    """What ``improve --wait --json`` printed about the run of ``reviewing``."""
    return _first_run[1]


@pytest.fixture
def reviewing(_first_run: tuple[Console, Any], tmp_path: Path) -> Console:
    """An installation with a target, and a run that waits for the review of its candidate."""
    return copy_of(_first_run[0], tmp_path)


@pytest.fixture
def candidate(first_run: Any) -> str:
    """The candidate in review."""
    name: str = first_run["open_reviews"][0]
    return name


@pytest.fixture(scope="session")
def _empty(tmp_path_factory: pytest.TempPathFactory) -> Console:
    console = Console(tmp_path_factory.mktemp("empty") / "data")
    console.json("target", "list")
    return console


@pytest.fixture
def empty(_empty: Console, tmp_path: Path) -> Console:
    """An installation that has nothing but its tables."""
    return copy_of(_empty, tmp_path)
