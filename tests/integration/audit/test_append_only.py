"""The log in the database: appended with the change or not at all, and held append only by the database itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from improvement.exceptions import LedgerError
from improvement.ledger.checkpoint import read_checkpoint
from improvement.ledger.verify import verify_bundle
from improvement.models import AuditEvent, AuditHead, Checkpoint, Release, User
from improvement.runner import releasing
from improvement.selectors import audit as read
from improvement.services import audit, halt, people, trail
from improvement.services.actors import SYSTEM
from tests import factories as make
from tests import log_triggers
from tests import trail as the_trail
from tests.at_once import at_once

pytestmark = pytest.mark.django_db

REFUSED = "append only"


def refused(statement: str, *parameters: object) -> None:
    """Check that the database refuses a statement about the log, and that nothing changed."""
    before = list(AuditEvent.objects.values_list()), list(Checkpoint.objects.values_list())
    with pytest.raises(DatabaseError, match=REFUSED), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
    assert (list(AuditEvent.objects.values_list()), list(Checkpoint.objects.values_list())) == before


@pytest.fixture
def log() -> AuditHead:
    """Give a log of a few events with a signed head."""
    make.alice(), make.target()
    audit.sign_head(now=timezone.now())
    return AuditHead.objects.get()


def test_no_event_is_changed(log: AuditHead) -> None:
    refused("UPDATE improvement_auditevent SET actor = 'mallory' WHERE seq = 1")


def test_no_event_is_deleted(log: AuditHead) -> None:
    refused("DELETE FROM improvement_auditevent WHERE seq = %s", log.size - 1)


def test_no_checkpoint_is_changed_or_deleted(log: AuditHead) -> None:
    refused("UPDATE improvement_checkpoint SET text = 'x'")
    refused("DELETE FROM improvement_checkpoint")


@pytest.mark.parametrize("seq", [0, 1, 99])
def test_no_event_is_written_out_of_its_turn(log: AuditHead, seq: int) -> None:
    columns = "seq, body, leaf, ts, type, actor, subject, target"
    statement = f"INSERT INTO improvement_auditevent ({columns}) VALUES (%s, %s, %s, '', '', '', '', '')"
    refused(statement, seq, b"{}", b"0" * 32)


def test_no_event_is_replaced(log: AuditHead) -> None:
    columns, values = "seq, body, leaf, ts, type, actor, subject, target", "(1, %s, %s, '', '', '', '', '')"
    statement = {
        "sqlite": f"INSERT OR REPLACE INTO improvement_auditevent ({columns}) VALUES {values}",
        "postgresql": f"INSERT INTO improvement_auditevent ({columns}) VALUES {values} "
        "ON CONFLICT (seq) DO UPDATE SET body = excluded.body",
    }[connection.vendor]
    refused(statement, b"{}", b"0" * 32)


def test_the_log_is_not_emptied(log: AuditHead) -> None:
    for table in ("improvement_auditevent", "improvement_checkpoint"):
        refused(f"TRUNCATE {table}" if connection.vendor == "postgresql" else f"DELETE FROM {table}")


def test_a_change_that_fails_after_its_event_leaves_neither_row_nor_gap(log: AuditHead) -> None:
    alice = make.alice()

    def invite_and_die() -> None:
        with audit.turn():
            people.invite("bob", role="reviewer", actor=alice, now=timezone.now())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        invite_and_die()
    assert not User.objects.filter(username="bob").exists()
    assert AuditHead.objects.get().size == AuditEvent.objects.count() == log.size
    people.invite("carol", role="viewer", actor=make.alice(), now=timezone.now())
    assert list(AuditEvent.objects.values_list("seq", flat=True)) == list(range(log.size + 1))
    the_trail.assert_holds()


def test_an_event_that_lacks_what_its_type_needs_takes_the_change_back(log: AuditHead) -> None:
    def add_without_saying_why() -> None:
        with audit.turn():
            User.objects.create(username="bob")
            audit.append("review.voted", actor=SYSTEM, subject={"kind": "candidate", "id": "C-1"}, now=timezone.now())

    with pytest.raises(LedgerError):
        add_without_saying_why()
    assert not User.objects.filter(username="bob").exists()
    assert AuditEvent.objects.count() == log.size


def test_an_event_of_a_type_that_nobody_knows_is_refused(log: AuditHead) -> None:
    with pytest.raises(LedgerError):
        audit.append("champion.stolen", actor=SYSTEM, subject={"kind": "target", "id": "x"}, now=timezone.now())
    assert AuditEvent.objects.count() == log.size


# Tampering by the owner of the database


def tampered(statement: str, *parameters: object) -> None:
    """Change the log as somebody can who owns the database."""
    with log_triggers.away(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        ("UPDATE improvement_auditevent SET body = %s WHERE seq = 1", (b"{}",)),
        ("DELETE FROM improvement_auditevent WHERE seq = 1", ()),
        ("DELETE FROM improvement_auditevent WHERE seq = (SELECT max(seq) FROM improvement_auditevent)", ()),
        ("UPDATE improvement_auditevent SET seq = 1000 WHERE seq = 1", ()),
    ],
)
def test_the_quick_check_finds_a_changed_row(log: AuditHead, statement: str, parameters: tuple[object, ...]) -> None:
    assert read.check_quickly() == log.size
    tampered(statement, *parameters)
    with pytest.raises(LedgerError, match="does not match its own head"):
        read.check_quickly()


def test_a_rewritten_log_with_a_fitting_head_is_found_by_its_signed_checkpoint(log: AuditHead) -> None:
    added = AuditEvent.objects.get(type="target.added")
    forged = bytes(added.body).replace(b"alice", b"carol")
    tampered("UPDATE improvement_auditevent SET body = %s WHERE seq = %s", forged, added.seq)
    people.invite("bob", role="viewer", actor=make.alice(), now=timezone.now())
    verdict = trail.verify_log(now=timezone.now())
    assert verdict.ok is False
    assert verdict.problems[0].startswith(f"INCONSISTENT: the first {log.size} events are not what ")


# Checkpoints and bundles


def test_a_head_is_signed_once_for_each_size(log: AuditHead) -> None:
    first, second = audit.sign_head(now=timezone.now()), audit.sign_head(now=timezone.now())
    assert first == second
    make.user("bob", "viewer")
    people.renew_invitation(make.user("bob").pk, actor=make.alice(), now=timezone.now())
    third = audit.sign_head(now=timezone.now())
    assert [read_checkpoint(one.text).size for one in (first, third)] == [log.size, log.size + 1]


def test_a_whole_history_verifies_offline_and_an_edited_bundle_does_not(tmp_path: Path) -> None:
    target = make.target()
    run = make.run(target)
    make.vote(make.reviewed_candidate(run, 2.0), make.alice(), "reject", reason="too clever")
    make.vote(make.reviewed_candidate(run, 3.0), make.alice())
    releasing.finish_release(Release.objects.get(state="intended").pk)
    halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    halt.resume(actor=make.alice(), reason="no fire", now=timezone.now())
    trail.export(tmp_path / "whole", run_id=None, actor=make.alice(), now=timezone.now())
    trail.export(tmp_path / "part", run_id=run.pk, actor=make.alice(), now=timezone.now())
    vkey = audit.signing_key().vkey
    for name in ("whole", "part"):
        verdict = verify_bundle(tmp_path / name, vkey)
        assert (verdict.ok, verdict.problems) == (True, ())
    events = tmp_path / "whole" / "events.jsonl"
    events.write_bytes(events.read_bytes().replace(b"too clever", b"too cheap!"))
    assert verify_bundle(tmp_path / "whole", vkey).ok is False


@pytest.mark.django_db(transaction=True)
def test_four_writers_at_once_write_one_log_without_a_gap() -> None:
    alice = make.alice()

    def write(writer: int) -> None:
        for number in range(6):
            people.invite(f"person-{writer}-{number}", role="viewer", actor=alice, now=timezone.now())

    before = AuditEvent.objects.count()
    assert at_once(*[lambda writer=writer: write(writer) for writer in range(4)]) == [None] * 4
    assert list(AuditEvent.objects.values_list("seq", flat=True)) == list(range(before + 24))
    assert read.check_quickly() == before + 24
    the_trail.assert_holds()
