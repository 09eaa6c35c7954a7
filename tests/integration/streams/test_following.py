"""Following a stream in the real sandbox: what arrives is taken once, bounds hold, and a regression is proposed."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from improvement import installation
from improvement.exceptions import Conflict, Invalid, NotAllowed, ObservationDiffers
from improvement.models import (
    AuditEvent,
    RollbackProposal,
    Serving,
    ServingStep,
    Stream,
    StreamArchive,
    StreamRecord,
    Target,
)
from improvement.runner import following, releasing
from improvement.selectors import streams as read
from improvement.services import champions, halt, proposals, serving, streams
from tests import factories as make
from tests import log_triggers, streaming, trail

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_directory", "nothing_enqueued")]


def champion_of(target_id: int) -> Serving:
    return Serving.objects.get(stream__target_id=target_id, role=Serving.Role.CHAMPION)


def weights(one: Serving) -> list[float]:
    state = one.state
    assert state is not None
    loaded = json.loads(zlib.decompress(bytes(state)))
    return list(loaded["model"]["weights"])


def regressed() -> tuple[int, str, str]:
    """Return a target whose new champion runs away from the threshold, with the old and the new commit."""
    on = streaming.target(rate=0.05)
    old = on.champion_commit
    streaming.feed(on, streaming.observations(60, threshold=0.7))
    following.follow(on.pk)
    new = streaming.move_champion(on, -0.4)
    streaming.feed(on, streaming.observations(80, first=100, threshold=0.7))
    following.follow(on.pk)
    return on.pk, old, new


def test_what_arrives_is_kept_once_in_order_and_bound_by_digests() -> None:
    on = streaming.target()
    values = streaming.observations(3)
    assert streaming.feed(on, values).accepted == 3
    again = streaming.feed(on, [*values, *streaming.observations(1, first=9)])
    assert (again.accepted, again.duplicates, again.last) == (1, 3, 4)
    rows, digest = list(StreamRecord.objects.all()), ""
    for row, one in zip(rows, streaming.read(on, [*values, *streaming.observations(1, first=9)]), strict=True):
        digest = one.digest(digest)
        assert (row.key, row.digest) == (one.key, digest)
    assert Stream.objects.get().digest == digest


def test_a_label_may_come_later_and_only_the_news_of_it_is_kept() -> None:
    on = streaming.target()
    streaming.feed(on, streaming.observations(2, labelled=False))
    later = streaming.feed(on, streaming.observations(2))
    assert (later.accepted, later.duplicates) == (2, 0)
    assert list(StreamRecord.objects.values_list("key", "label", "features")[2:]) == [
        (one["id"], one["label"], None) for one in streaming.observations(2)
    ]


def test_what_arrived_otherwise_before_is_refused_with_everything_beside_it() -> None:
    on = streaming.target()
    streaming.feed(on, streaming.observations(2))
    changed = {**streaming.observations(1)[0], "label": "high"}
    changed["label"] = "low" if streaming.observations(1)[0]["label"] == "high" else "high"
    with pytest.raises(ObservationDiffers, match="label of o0"):
        streaming.feed(on, [*streaming.observations(1, first=50), changed])
    assert StreamRecord.objects.count() == 2


def test_who_may_not_feed_and_what_follows_no_stream_is_refused() -> None:
    on = streaming.target()
    observations, now = streaming.read(on, streaming.observations(1)), timezone.now()
    with pytest.raises(NotAllowed):
        streams.feed(on, observations=observations, source="test", actor=make.mallory(), now=now)
    with pytest.raises(Invalid, match="follows no stream"):
        streams.feed(make.target(), observations=observations, source="test", actor=make.alice(), now=now)


def test_a_record_is_never_changed() -> None:
    on = streaming.target()
    streaming.feed(on, streaming.observations(1))
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
        StreamRecord.objects.update(label="low")


def test_the_champion_learns_within_its_bound_and_every_step_is_recorded() -> None:
    on = streaming.target(rate=0.05)
    streaming.feed(on, streaming.observations(60, threshold=0.7))
    following.follow(on.pk)
    following_one = champion_of(on.pk)
    (step,) = ServingStep.objects.all()
    assert (following_one.position, following_one.commit, following_one.problem) == (60, on.champion_commit, "")
    assert (step.labels, len(step.outcomes), step.last) == (60, 60, 60)
    assert 0 < step.moved <= 60 * 0.5
    assert weights(following_one)[0] == pytest.approx(0.7, abs=0.2)
    following.follow(on.pk)
    assert ServingStep.objects.count() == 1


def test_frozen_weights_stay_as_they_were() -> None:
    on = streaming.target(serving="frozen")
    streaming.feed(on, streaming.observations(40, threshold=0.9))
    following.follow(on.pk)
    assert weights(champion_of(on.pk)) == [0.5]
    assert ServingStep.objects.get().moved == 0.0


def test_a_step_beyond_the_bound_is_refused_and_nothing_of_it_is_kept() -> None:
    on = streaming.target(rate=99.0)
    streaming.feed(on, streaming.observations(30, threshold=0.7))
    following.follow(on.pk)
    refused = champion_of(on.pk)
    assert "nothing of this step is kept" in refused.problem
    assert (refused.position, weights(refused), ServingStep.objects.count()) == (0, [0.5], 0)
    assert AuditEvent.objects.filter(type="serving.refused").count() == 1


def poisoned(monkeypatch: pytest.MonkeyPatch, number: int) -> Target:
    """Return a target whose rule breaks at one observation."""
    calm = 'rate, (threshold,) = candidate.call("answer"), weights'
    breaks = f'assert not [one for one in events if one["key"] == "o{number}"]'
    monkeypatch.setattr(streaming, "SERVING", streaming.SERVING.replace(calm, f"{calm}\n    {breaks}"))
    return streaming.target()


def again(on: Target) -> Serving:
    """Let the next try come, and return the champion."""
    Serving.objects.update(lease_until=None)
    following.follow(on.pk)
    return champion_of(on.pk)


def test_what_is_refused_is_tried_with_fewer_records_until_people_skip_it_with_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on = poisoned(monkeypatch, 2)
    streaming.feed(on, streaming.observations(30))
    following.follow(on.pk)
    assert champion_of(on.pk).refused_last == 30
    tried = [again(on) for _ in range(11)]
    assert (tried[6].position, tried[6].refused_last) == (0, 3)
    stuck = tried[-1]
    assert (stuck.position, stuck.refused_last, "AssertionError" in stuck.problem) == (2, 3, True)
    now = timezone.now()
    with pytest.raises(NotAllowed):
        serving.skip(stuck.pk, last=3, actor=make.mallory(), reason="so", now=now)
    with pytest.raises(Invalid, match="Say why"):
        serving.skip(stuck.pk, last=3, actor=make.bob(), reason=" ", now=now)
    with pytest.raises(Conflict, match="not what is refused now"):
        serving.skip(stuck.pk, last=30, actor=make.bob(), reason="so", now=now)
    serving.skip(stuck.pk, last=3, actor=make.bob(), reason="a broken sensor", now=now)
    following.follow(on.pk)
    mended = champion_of(on.pk)
    assert (mended.position, mended.problem) == (30, "")
    (told,) = trail.recorded("serving.skipped")
    assert (told["first"], told["last"], told["reason"]) == (3, 3, "a broken sensor")
    trail.assert_holds()


def test_what_breaks_in_a_step_is_shown_and_keeps_nobody_else_from_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    on = streaming.target()
    streaming.feed(on, streaming.observations(10))
    following.follow(on.pk)
    new = streaming.move_champion(on, 0.03)
    Serving.objects.filter(commit=on.champion_commit).update(state=b"no state")
    streaming.feed(on, streaming.observations(60, first=100))
    following.follow(on.pk)
    roles = read.following(on.pk)
    assert roles["shadow"].problem.startswith("Something broke while it was taken: error(")
    assert (roles["champion"].commit, roles["champion"].position, roles["champion"].problem) == (new, 70, "")
    serving.dismiss_shadow(roles["shadow"].pk, actor=make.bob(), reason="cannot be mended", now=timezone.now())
    assert list(read.following(on.pk)) == ["champion"]
    assert [event["reason"] for event in trail.recorded("serving.shadow_ended")] == ["cannot be mended"]
    with pytest.raises(Conflict, match="Only a shadow"):
        serving.dismiss_shadow(roles["champion"].pk, actor=make.bob(), reason="so", now=timezone.now())


def test_a_record_that_was_changed_in_the_database_is_refused_and_goes_into_no_archive() -> None:
    on = streaming.target()
    for first in range(0, 600, 200):
        streaming.feed(on, streaming.observations(200, first=first))
    with log_triggers.away():
        StreamRecord.objects.filter(number=7).update(label="low")
        StreamRecord.objects.filter(number=8).update(label="high")
    following.follow(on.pk)
    stuck = champion_of(on.pk)
    assert re.fullmatch(r"Record [78] of the stream is not what arrived.*", stuck.problem)
    Serving.objects.update(position=600, refused_last=None)
    following.follow(on.pk)
    assert not StreamArchive.objects.exists()


def test_a_label_that_comes_too_late_is_told_to_who_sent_it() -> None:
    on = streaming.target()
    streaming.feed(on, [{"id": "slow", "features": {"x": 0.3}}])
    for first in range(0, 600, 200):
        streaming.feed(on, streaming.observations(200, first=first))
    following.follow(on.pk)
    fed = streaming.feed(
        on,
        [
            {"id": "slow", "label": "low"},
            {"id": "never", "label": "low"},
            {"id": "new", "features": {"x": 0.1}, "label": "low"},
        ],
    )
    assert (fed.accepted, fed.duplicates, fed.unmatched) == (1, 0, ("slow", "never"))
    last = trail.recorded("stream.fed")[-1]
    assert (last["accepted"], last["unmatched"], last["last"]) == (1, 2, 602)
    assert last["digest"] == Stream.objects.get().digest


def test_one_label_goes_no_further_than_the_bound_though_the_next_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    there_and_back = "path.append([threshold + (9.0 if len(path) == 3 else 0.0)])"
    monkeypatch.setattr(streaming, "SERVING", streaming.SERVING.replace("path.append([threshold])", there_and_back))
    on = streaming.target()
    streaming.feed(on, streaming.observations(30))
    following.follow(on.pk)
    assert "Label 4 of this step moved the weights by 9" in champion_of(on.pk).problem
    assert champion_of(on.pk).position == 0


def test_what_a_rule_remembers_of_labels_is_not_there_when_it_predicts(monkeypatch: pytest.MonkeyPatch) -> None:
    remembers = streaming.SERVING.replace(
        "memory += 1", 'memory += 1\n        LABELS[event["features"]["x"]] = event["label"]'
    )
    recalls = remembers.replace("[side(weights[0], one) for", '[LABELS.get(one["x"], side(weights[0], one)) for')
    monkeypatch.setattr(streaming, "SERVING", f"LABELS = {{}}\n{recalls}")
    on = streaming.target(rate=0.0)
    observations = streaming.observations(60, threshold=0.9)
    streaming.feed(on, observations)
    following.follow(on.pk)
    right = [one["label"] == ("high" if one["features"]["x"] > 0.5 else "low") for one in observations]
    assert [bool(hit) for _, hit in ServingStep.objects.get().outcomes] == right


def test_under_a_stop_nothing_is_followed() -> None:
    on = streaming.target()
    streaming.feed(on, streaming.observations(10))
    halt.halt(actor=make.alice(), reason="drill", now=timezone.now())
    following.follow(on.pk)
    assert champion_of(on.pk).state is None
    halt.resume(actor=make.alice(), reason="done", now=timezone.now())
    halt.show_flag()  # as when the transaction commits
    following.follow(on.pk)
    assert champion_of(on.pk).position == 10


def test_after_a_release_the_old_champion_shadows_and_goes_after_a_while() -> None:
    on = streaming.target(rate=0.02)
    streaming.feed(on, streaming.observations(30))
    following.follow(on.pk)
    old = on.champion_commit
    new = streaming.move_champion(on, 0.03)
    roles = read.following(on.pk)
    assert {role: one.commit for role, one in roles.items()} == {"champion": new, "shadow": old}
    streaming.feed(on, streaming.observations(130, first=100))
    following.follow(on.pk)
    assert list(read.following(on.pk)) == ["champion"]
    assert not RollbackProposal.objects.exists()
    assert [event["reason"] for event in trail.recorded("serving.shadow_ended")] == ["compared on 130 labels"]


def test_a_regression_proposes_the_rollback_and_moves_nothing() -> None:
    target_id, old, new = regressed()
    proposal = RollbackProposal.objects.get()
    assert (proposal.state, proposal.to_commit, proposal.release.commit) == ("open", old, new)
    assert float(proposal.evidence["champion"]) < float(proposal.evidence["shadow"])
    assert float(proposal.evidence["high"]) < 0
    assert proposal.target.champion_commit == new
    assert AuditEvent.objects.filter(type="rollback.proposed").count() == 1
    following.follow(target_id)
    assert RollbackProposal.objects.count() == 1
    assert read.proposals(make.bob().person) == [proposal]
    assert read.proposals(make.mallory().person) == []


def test_a_person_carries_the_rollback_out_and_the_old_one_goes_on_with_what_it_learned() -> None:
    target_id, old, _ = regressed()
    learned = weights(read.following(target_id)["shadow"])
    ordered = champions.order_rollback(
        "flow", to=old, actor=make.alice(), reason="the stream says so", now=timezone.now()
    )
    releasing.finish_release(ordered.pk)
    proposal = RollbackProposal.objects.get()
    assert (proposal.state, proposal.closed_by) == ("done", make.user("alice"))
    assert [event["to"] for event in trail.recorded("rollback.proposal_done")] == [old]
    restored = champion_of(target_id)
    assert (weights(restored), restored.commit) == (learned, proposal.target.champion_commit)


def test_a_person_dismisses_the_proposal_with_a_reason_once() -> None:
    regressed()
    proposal, now = RollbackProposal.objects.get(), timezone.now()
    with pytest.raises(NotAllowed):
        proposals.dismiss(proposal.pk, actor=make.mallory(), reason="no", now=now)
    with pytest.raises(Invalid, match="Say why"):
        proposals.dismiss(proposal.pk, actor=make.bob(), reason=" ", now=now)
    proposals.dismiss(proposal.pk, actor=make.bob(), reason="the labels were wrong", now=now)
    with pytest.raises(Conflict, match="dismissed already"):
        proposals.dismiss(proposal.pk, actor=make.alice(), reason="so", now=now)


def test_old_records_go_to_the_archive_and_come_back_with_the_same_digests() -> None:
    on = streaming.target()
    for first in range(0, 600, 200):
        streaming.feed(on, streaming.observations(200, first=first))
    before = list(StreamRecord.objects.filter(number__lte=500).values_list("number", "key", "digest"))
    following.follow(on.pk)
    archive = StreamArchive.objects.get()
    assert (archive.first, archive.last, StreamRecord.objects.count()) == (1, 500, 100)
    data = installation.blob_path(archive.blob).read_bytes()
    assert hashlib.sha256(data).hexdigest() == archive.blob
    rows = [json.loads(line) for line in gzip.decompress(data).decode().splitlines()]
    assert [(row["number"], row["id"], row["digest"]) for row in rows] == before
    assert AuditEvent.objects.filter(type="stream.archived").count() == 1
