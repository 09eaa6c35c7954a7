"""Random sequences of releases, rollbacks, dismissals and observations: what serves is always what people approved."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from improvement import dispatch
from improvement.exceptions import CountersignError
from improvement.models import AuditEvent, Release, RollbackProposal, Serving, Target
from improvement.runner import releasing
from improvement.selectors import audit as read_audit
from improvement.services import champions, halt, proposals, serving
from improvement.services.serving import Step
from tests import factories as make
from tests import streaming

pytestmark = pytest.mark.django_db
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["edit", "release", "roll back", "feed", "propose", "dismiss", "stop"]), st.integers(0, 5)
    ),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(STEPS)
def test_what_serves_is_what_people_approved(db: None, steps: list[tuple[str, int]]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        with override_settings(COUNTERSIGN_DATA=folder), dispatch.done_by_this_process(), transaction.atomic():
            on = streaming.target()
            for name, pick in steps:
                _carried_out(on, name, pick)
                _check(on)
            transaction.set_rollback(True)
    finally:
        shutil.rmtree(folder)


def _carried_out(on: Target, name: str, pick: int) -> None:
    """Do one thing that people or the loop do; that it is refused is fine."""
    try:
        with transaction.atomic():
            _do(Target.objects.get(pk=on.pk), name, pick)
    except CountersignError:
        return


def _do(on: Target, name: str, pick: int) -> None:
    now = timezone.now()
    if name == "edit":  # somebody's commit that nobody approved
        streaming.commit(on, 0.1 + pick)
    elif name == "release":
        streaming.move_champion(on, 0.1 + pick)
    elif name == "roll back":
        done = list(Release.objects.filter(target=on, state=Release.State.DONE).order_by("pk"))
        former = done[pick % len(done)]
        ordered = champions.order_rollback(on.name, to=former.commit, actor=make.bob(), reason="worse", now=now)
        releasing.finish_release(ordered.pk)
    elif name == "feed":
        streaming.feed(on, streaming.observations(3, first=10 * pick))
    elif name == "propose":
        roles = {one.role: one for one in Serving.objects.filter(stream__target=on)}
        if {"champion", "shadow"} <= roles.keys():
            evidence = {"labels": 40}
            proposals.propose(roles["champion"].pk, roles["shadow"].pk, evidence=evidence, summary="worse", now=now)
    elif name == "dismiss":
        for row in RollbackProposal.objects.filter(state="open"):
            proposals.dismiss(row.pk, actor=make.mallory() if pick == 0 else make.bob(), reason="stays", now=now)
    else:
        halt.halt(actor=make.alice(), reason="drill", now=now)
        halt.resume(actor=make.alice(), reason="done", now=now)
        halt.show_flag()


def _check(on: Target) -> None:
    target = Target.objects.get(pk=on.pk)
    approved = list(
        Release.objects.filter(target=target, state=Release.State.DONE).order_by("pk").values_list("commit", flat=True)
    )
    live = {one.role: one for one in Serving.objects.filter(stream__target=target).exclude(role="ended")}
    assert live["champion"].commit == target.champion_commit == approved[-1]
    assert {one.commit for one in Serving.objects.filter(stream__target=target)} <= set(approved)
    if "shadow" in live:
        assert live["shadow"].commit == approved[-2]
    began = [read_audit.body(event)["data"]["commit"] for event in AuditEvent.objects.filter(type="serving.began")]
    assert began == approved
    for row in RollbackProposal.objects.filter(state="open"):
        assert (row.release.commit, row.to_commit) == (target.champion_commit, approved[-2])


def test_an_answer_for_what_no_longer_serves_counts_nowhere(data_directory: Path, nothing_enqueued: None) -> None:
    on = streaming.target()
    late = serving.claim(Serving.objects.get().pk, now=timezone.now())
    assert late is not None
    streaming.move_champion(on, 0.1)
    streaming.move_champion(on, 0.2)
    assert not serving.record(late, Step({"model": {}, "waiting": {}}, 9), now=timezone.now())
    assert Serving.objects.filter(role="ended", state__isnull=True).count() == 1


def test_a_candidate_serves_only_once_the_votes_released_it(
    data_directory: Path, nothing_enqueued: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, table = make.tree, streaming.MANIFEST.partition("[stream]")[2].format(serving="frozen", bound="")
    monkeypatch.setattr(make, "MANIFEST", f"{make.MANIFEST}\n[stream]{table}")
    monkeypatch.setattr(
        make, "tree", lambda **declared: {**plain(**declared), "serving.py": streaming.SERVING.encode()}
    )
    make.alice(), make.bob(), make.carol()
    make.follow("team")
    run = make.run(actor=make.alice())
    start = Serving.objects.get().commit
    candidate = make.reviewed_candidate(run)
    for reviewer in (make.bob(), make.carol()):
        assert [one.commit for one in Serving.objects.exclude(role="ended")] == [start]
        make.vote(candidate, reviewer)
        if Release.objects.filter(state=Release.State.INTENDED).exists():
            break
    assert [one.commit for one in Serving.objects.exclude(role="ended")] == [start]
    releasing.finish_release(make.intended_release(run.target).pk)
    commit = Release.objects.get(kind=Release.Kind.RELEASE).commit
    assert {one.role: one.commit for one in Serving.objects.all()} == {"champion": commit, "shadow": start}
