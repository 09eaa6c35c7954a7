"""Kill -9 of every part in the middle of a run loses nothing: it ends with the candidates of an undisturbed one."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.architecture.sources import PROJECT
from tests.integration.start.installation import Installation, running
from tests.waiting import wait_until

BUDGET, SEED = "48", "11"
PARTS = (("--queues=evaluations", 8), ("valkey-server", 20), ("supervisor.web", 28), ("--queues=control", 36))
TASK = str(PROJECT / "examples" / "circle_packing")


def test_run_with_every_part_killed_equals_an_undisturbed_one(tmp_path: Path) -> None:
    with running(tmp_path) as installation:
        assert installation.link
        added = installation.manage("target", "add", TASK, "--json")
        assert added.returncode == 0, added.stdout + added.stderr
        started = _improve(installation, "--json")
        assert started["state"] == "queued"

        for killed, after in PARTS:
            wait_until(lambda n=after: _evaluations(installation.data) >= n, seconds=120, what=f"{after} evaluations")
            installation.kill(killed)

        wait_until(lambda: _state(installation.data) in {"completed", "parked"}, seconds=180, what="the run is over")
        disturbed = _candidates(installation.data)
        evaluated = _evaluations(installation.data)

    undisturbed = tmp_path / "undisturbed"
    quiet = Installation(undisturbed, installation.command, installation.output)
    assert quiet.manage("migrate", "-v0").returncode == 0
    assert quiet.manage("target", "add", TASK, "--json").returncode == 0
    assert _improve(quiet, "--wait", "--workers", "2", "--json")["evaluations"] == int(BUDGET)

    assert evaluated == int(BUDGET)
    assert disturbed == _candidates(undisturbed)


def _improve(installation: Installation, *options: str) -> dict[str, object]:
    done = installation.manage("improve", "circle-packing", "--budget", BUDGET, "--seed", SEED, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def _rows(data: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(f"file:{data / 'db.sqlite3'}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def _evaluations(data: Path) -> int:
    return int(str(_rows(data, "SELECT evaluations FROM improvement_run")[0][0]))


def _state(data: Path) -> str:
    return str(_rows(data, "SELECT state FROM improvement_run")[0][0])


def _candidates(data: Path) -> list[tuple[object, ...]]:
    return _rows(data, "SELECT number, patch_digest, score FROM improvement_candidate ORDER BY number")
