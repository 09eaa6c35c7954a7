"""`audit`: what is exported verifies elsewhere, and what was changed does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from improvement.exceptions import NotAllowed
from improvement.models import AuditEvent
from improvement.services import trail
from tests import factories
from tests.integration.commands.console import Console, refusal


@pytest.fixture
def decided(reviewing: Console, candidate: str) -> Console:
    """An installation whose candidate was released."""
    reviewing.json("review", "approve", candidate, "--as", "admin", "--reason", "small and sound")
    return reviewing


@pytest.fixture
def key(decided: Console, tmp_path: Path) -> Path:
    """The log's key, kept elsewhere."""
    path = tmp_path / "log.vkey"
    path.write_text(decided.json("audit", "checkpoint")["key"] + "\n")
    return path


@pytest.mark.parametrize("name", ["bundle", "bundle.tar"])
def test_export_verifies_offline(decided: Console, key: Path, tmp_path: Path, name: str) -> None:
    known = tmp_path / "known"
    known.write_text(decided.json("audit", "checkpoint")["checkpoint"])
    made = decided.json("audit", "export", tmp_path / name)
    assert (made["ok"], made["problems"]) == (True, [])
    offline = decided.verify(tmp_path / name, "--key", key, "--known", known, "--json")
    assert offline.status == 0, offline
    assert {k: offline.value[k] for k in ("ok", "size", "root")} == {k: made[k] for k in ("ok", "size", "root")}
    assert decided.json("audit", "verify", tmp_path / name) == offline.value


def test_edited_bundle_does_not_verify(decided: Console, key: Path, tmp_path: Path) -> None:
    decided.json("audit", "export", tmp_path / "bundle")
    events = tmp_path / "bundle" / "events.jsonl"
    text = events.read_text()
    assert "small and sound" in text
    events.write_text(text.replace("small and sound", "large and sound"))
    assert decided.verify(tmp_path / "bundle", "--key", key).status == 1
    here = decided.run("audit", "verify", tmp_path / "bundle", "--key", key, "--json")
    assert (here.status, here.value["ok"]) == (1, False)
    assert here.value["problems"] != []


def test_export_of_one_run(decided: Console, key: Path, tmp_path: Path) -> None:
    decided.json("improve", "parabola", "--budget", "3")
    decided.json("audit", "export", tmp_path / "run.tar", "--run", "R-1")
    offline = decided.verify(tmp_path / "run.tar", "--key", key, "--json")
    assert (offline.status, offline.value["partial"]) == (0, True)
    refused = decided.run("audit", "export", tmp_path / "none", "--run", "R-77", "--json").error
    assert refused["code"] == "not_found"
    assert not (tmp_path / "none").exists()


def test_export_never_overwrites(decided: Console, tmp_path: Path) -> None:
    size = decided.json("audit", "checkpoint")["size"]
    refused = decided.run("audit", "export", tmp_path, "--json").error
    assert "exists already" in refused["message"]
    assert "no directory" in decided.run("audit", "export", tmp_path / "a" / "b", "--json").error["message"]
    assert decided.json("audit", "checkpoint")["size"] == size


@pytest.mark.django_db
def test_verify_of_nothing_is_refused(data_directory: Path) -> None:
    assert "no bundle" in refusal("audit", "verify", str(data_directory / "none"))["message"]


@pytest.mark.django_db
def test_the_live_log_holds_and_a_forged_row_shows(data_directory: Path, nothing_enqueued: None) -> None:
    factories.reviewed_candidate(factories.run())
    verdict = trail.verify_log(now=timezone.now())
    assert (verdict.ok, verdict.problems) == (True, ())
    newest = AuditEvent.objects.order_by("-seq").first()
    assert newest is not None
    forged = {name: getattr(newest, name) for name in ("body", "leaf", "ts", "type", "actor", "subject")}
    AuditEvent.objects.create(seq=newest.seq + 1, **forged)
    assert "events lie beyond the head of the log" in trail.verify_log(now=timezone.now()).problems


@pytest.mark.django_db
def test_export_needs_the_right(data_directory: Path, tmp_path: Path) -> None:
    def export(actor: Any) -> None:
        trail.export(tmp_path / "out", run_id=None, actor=actor, now=timezone.now())

    factories.alice()
    with pytest.raises(NotAllowed, match="may not export the audit trail"):
        export(factories.mallory())
    export(factories.bob())
    assert (tmp_path / "out" / "events.jsonl").exists()
