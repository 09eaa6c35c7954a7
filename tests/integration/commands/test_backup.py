"""`backup` and `restore`: everything comes back, or nothing changes."""

from __future__ import annotations

import fcntl
import gzip
import stat
from pathlib import Path

import psycopg
import pytest

from tests.integration.commands.console import Console


@pytest.fixture
def backup(reviewing: Console, candidate: str, tmp_path: Path) -> Path:
    """A backup made after a release, with a review of it in the trail."""
    reviewing.json("review", "approve", candidate, "--as", "admin", "--reason", "small and sound")
    path = tmp_path / "backup.tar.gz"
    made = reviewing.json("backup", path)
    assert made["targets"] == {"parabola": reviewing.json("target", "show", "parabola")["champion"]}
    return path


def test_backup_and_restore_round_trip(reviewing: Console, backup: Path, tmp_path: Path) -> None:
    elsewhere = Console(tmp_path / "elsewhere")
    done = elsewhere.json("restore", backup)
    assert (done["targets"], done["kept"]) == (
        {"parabola": reviewing.json("target", "show", "parabola")["champion"]},
        None,
    )
    assert elsewhere.json("release", "list", "parabola") == reviewing.json("release", "list", "parabola")
    key = tmp_path / "log.vkey"
    key.write_text(reviewing.json("audit", "checkpoint")["key"])
    elsewhere.json("audit", "export", tmp_path / "bundle")
    assert elsewhere.verify(tmp_path / "bundle", "--key", key).status == 0
    events = (tmp_path / "bundle" / "events.jsonl").read_text()
    assert '"type":"backup.made"' in events
    assert '"type":"restore.done"' in events
    again = elsewhere.json("improve", "parabola", "--budget", "4", "--wait")
    assert again["evaluations"] == 4


def test_keys_stay_private(backup: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    elsewhere = Console(tmp_path / "elsewhere")
    elsewhere.json("restore", backup)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (elsewhere.data / "keys").iterdir()}
    assert set(modes.values()) == {0o600}
    assert modes.keys() >= {"log.key", "kernel.key", "secret_key"}
    assert stat.S_IMODE(elsewhere.data.stat().st_mode) == 0o700


def test_restore_over_another_installation(reviewing: Console, backup: Path) -> None:
    before = reviewing.json("release", "list", "parabola")
    reviewing.json(
        "release", "rollback", "parabola", "--to", before["history"][-1]["commit"], "--as", "admin", "--reason", "x"
    )
    refused = reviewing.run("restore", backup, "--json").error
    assert refused["code"] == "conflict"
    assert "--replace" in refused["message"]
    done = reviewing.json("restore", backup, "--replace")
    assert reviewing.json("release", "list", "parabola") == before
    kept = Console(Path(done["kept"]))
    assert kept.json("release", "list", "parabola")["history"][0]["kind"] == "rollback"


@pytest.mark.parametrize("damage", ["cut", "flipped", "no archive"])
def test_damaged_backup_changes_nothing(backup: Path, tmp_path: Path, damage: str) -> None:
    data = bytearray(gzip.decompress(backup.read_bytes()))
    if damage == "cut":
        data = data[: len(data) // 2]
    if damage == "flipped":
        at = data.index(b"small and sound")
        data[at] ^= 1
    backup.write_bytes(b"text" if damage == "no archive" else gzip.compress(bytes(data)))
    elsewhere = Console(tmp_path / "elsewhere")
    refused = elsewhere.run("restore", backup, "--json").error
    assert refused["code"] == "invalid"
    assert not (elsewhere.data / "db.sqlite3").exists()
    assert [path.name for path in tmp_path.iterdir() if "restore" in path.name or "before" in path.name] == []


def test_restore_is_refused_while_a_server_runs(reviewing: Console, backup: Path) -> None:
    with (reviewing.data / "run" / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = reviewing.run("restore", backup, "--replace", "--json").error
    assert refused["code"] == "conflict"
    assert "stop it first" in refused["message"]


def test_restored_stop_still_stands(empty: Console, tmp_path: Path) -> None:
    empty.json("halt", "--as", "admin", "--reason", "look at this first")
    empty.json("backup", tmp_path / "backup.tar.gz")
    elsewhere = Console(tmp_path / "elsewhere")
    elsewhere.json("restore", tmp_path / "backup.tar.gz")
    assert (elsewhere.data / "run" / "halt").exists()
    assert elsewhere.json("resume", "--as", "admin", "--reason", "looked")["halted"] is False
    assert not (elsewhere.data / "run" / "halt").exists()


def test_backup_never_overwrites(empty: Console, tmp_path: Path) -> None:
    path = tmp_path / "backup.tar.gz"
    path.write_text("mine")
    assert "exists already" in empty.run("backup", path, "--json").error["message"]
    assert path.read_text() == "mine"


def test_postgresql_round_trip(postgres_url: str, task: Path, tmp_path: Path) -> None:
    with psycopg.connect(postgres_url.replace("/countersign?", "/postgres?"), autocommit=True) as server:
        server.execute("CREATE DATABASE commands")
    console = Console(tmp_path / "data", {"DATABASE_URL": postgres_url.replace("/countersign?", "/commands?")})
    console.json("target", "add", task)
    console.json("backup", tmp_path / "backup.tar.gz")
    console.json("user", "create", "bob", "--role", "viewer")
    console.json("restore", tmp_path / "backup.tar.gz", "--replace")
    assert [one["user"] for one in console.json("user", "list")["users"]] == ["admin"]
    assert [one["target"] for one in console.json("target", "list")["targets"]] == ["parabola"]
