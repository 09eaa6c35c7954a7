"""Random histories over the real services: whatever people, workers and crashes do, the invariants hold at every step.

A step either happens or is refused with one of the domain's own errors; any other exception fails the test.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from improvement import permissions
from improvement.engine.measurement import Measurement
from improvement.exceptions import CountersignError, LateAttempt
from improvement.models import Candidate, Evaluation, PolicyVersion, Release, Run, User
from improvement.permissions import Right
from improvement.runner import confirming, heads, releasing
from improvement.runner.repositories import repository
from improvement.selectors import loop
from improvement.selectors import reviews as read_reviews
from improvement.services import champions, evaluations, halt, people, policies, quarantine, releases, reviews, runs
from improvement.services.actors import Actor, human
from improvement.services.evaluations import Order
from tests import by_hand, trail
from tests import factories as make
from tests.integration.services import oracle
from tests.integration.services.answers import all_the_same, exact
from tests.small_target import BOUND

pytestmark = pytest.mark.django_db

PEOPLE = {"alice": "admin", "bob": "reviewer", "carol": "reviewer", "mallory": "viewer"}
ANYBODY = st.sampled_from(list(PEOPLE))
PICK = st.integers(0, 5)
REASONS = st.sampled_from(["reads well", "reads well", ""])
CRASHES = st.sampled_from(["at once", "after the check", "after the intent", "after the ref"])
MEANWHILE = st.sampled_from(["", "", "halt", "solo", "team", "lock out", "viewer"])
OTHERS = st.sampled_from(["bob", "carol", "mallory"])
VERDICTS = st.sampled_from(["approve", "approve", "approve", "reject", "request_changes", "abstain"])
CHANGES = st.sampled_from(["solo", "team", "lock out", "let in", "viewer", "reviewer", "reviewer", "operator"])
MOSTLY = st.sampled_from([True, True, True, False])
REVIEWED = ("in_review", "stale", "approved", "rejected")
WRONG = st.sampled_from(["", "", "", "patch", "base", "evidence", "policy"])


class Histories(RuleBasedStateMachine):
    """One installation with one target, four people, and whatever happens to them."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.mkdtemp(prefix="countersign-history-")
        self.settings = override_settings(COUNTERSIGN_DATA=Path(self.directory))
        self.settings.enable()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.values = iter(range(2, 10_000))
        self.forged = ""

    @initialize(preset=st.sampled_from(["solo", "team"]))
    def begin(self, preset: str) -> None:
        """Begin with four people, a target, and a run of alice's with one candidate in review."""
        for name, role in PEOPLE.items():
            make.user(name, role if preset == "team" or name == "alice" else "viewer")
        make.follow(preset)
        self.target = make.target()
        make.measured_candidates(make.run(self.target), float(next(self.values)))
        self.nominate_one(0, settled=True)

    def teardown(self) -> None:
        """Verify the whole trail, and forget everything."""
        try:
            trail_holds = trail.verdict()
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)
            self.settings.disable()
            shutil.rmtree(self.directory)
        assert trail_holds.problems == ()

    # Who and what

    def actor(self, name: str) -> Actor:
        """Return somebody as they are now."""
        return human(User.objects.get(username=name))

    def candidates(self, *states: str) -> list[Candidate]:
        """Return the candidates in one of these states."""
        return list(Candidate.objects.filter(state__in=states).select_related("run__target", "target").order_by("pk"))

    def attempt(self, step: Any, *args: Any, **kwargs: Any) -> Any:
        """Do something that the rules may refuse; a refusal changes nothing."""
        before = trail.size()
        try:
            return step(*args, **kwargs)
        except CountersignError:
            assert trail.size() == before
            return None

    # The loop

    @precondition(lambda self: not oracle.halted() and len(self.candidates("measured")) < 3)
    @rule(name=ANYBODY, better=st.booleans(), lost=st.sampled_from([0, 0, 1, 3]))
    def explore(self, name: str, better: bool, lost: int) -> None:
        run = self.started_by(name)
        if run is None:
            assert self.target.stray_head or not permissions.may(self.actor(name).person, Right.START_RUN)
            return
        (candidate,) = make.propose(run, float(next(self.values)) * (1 if better else -1))
        for _ in range(lost):
            self.lose(candidate.evaluations.get())
        make.answer_all(exact)
        make.close_generation(run)
        assert make.fresh(candidate).state == ("failed" if lost == 3 else "measured")

    def started_by(self, name: str) -> Run | None:
        """Return somebody's running run, a new one when there is none, or nothing when they may not start any."""
        running = Run.objects.filter(state="running", starter_name=name, evaluations__lt=20).first()
        if running is not None:
            return running
        self.target.refresh_from_db()
        strayed = self.target.stray_head != ""
        waiting = self.attempt(make.queued_run, self.target, actor=self.actor(name), budget=20)
        assert not (strayed and waiting)
        return waiting and runs.record_start(waiting.pk, score=1.0, now=timezone.now())

    def lose(self, evaluation: Evaluation) -> None:
        """Let a worker die with an evaluation; its answer, should it come after all, is refused."""
        order = make.claim(evaluation)
        assert evaluations.claim(evaluation.pk, worker="other", seconds=60, now=timezone.now()) is None
        evaluations.take_over_lost(now=timezone.now() + timedelta(seconds=200))
        with pytest.raises(LateAttempt):
            evaluations.record(order, exact(order), metric=make.manifest().primary, now=timezone.now())

    @precondition(lambda self: self.candidates("measured"))
    @rule(pick=PICK, settled=MOSTLY)
    def nominate(self, pick: int, settled: bool) -> None:
        self.nominate_one(pick, settled=settled)

    def nominate_one(self, pick: int, *, settled: bool) -> None:
        """Nominate a measured candidate, and confirm it unless that is left for later."""
        measured = self.candidates("measured")
        candidate = measured[pick % len(measured)]
        if candidate.run_id is not None and loop.is_confirming(candidate.run_id):
            return
        confirming.begin(candidate, why="best")
        if settled:
            self.confirm_all(exact)

    @precondition(lambda self: self.candidates("confirming") and not oracle.halted())
    @rule(gain=MOSTLY)
    def confirm(self, gain: bool) -> None:
        self.confirm_all(exact if gain else all_the_same)

    def confirm_all(self, answers: Callable[[Order], Measurement]) -> None:
        """Measure and conclude everything that is being confirmed; a repeated conclusion changes nothing."""
        for candidate in self.candidates("confirming"):
            while not oracle.halted() and make.answer_all(answers):
                confirming.conclude(candidate.pk)
                confirming.conclude(candidate.pk)

    @precondition(lambda self: not oracle.halted() and len(self.candidates("quarantined")) < 2)
    @rule(name=ANYBODY)
    def explore_the_impossible(self, name: str) -> None:
        run = self.started_by(name)
        if run is not None:
            (candidate,) = make.propose(run, BOUND + float(next(self.values)))
            make.answer_all(exact)
            make.close_generation(run)
            assert make.fresh(candidate).state == "quarantined"

    @precondition(lambda self: self.candidates("quarantined"))
    @rule(name=ANYBODY, act=st.sampled_from([quarantine.clear, quarantine.reject]))
    def judge(self, name: str, act: Any) -> None:
        candidate, actor = self.candidates("quarantined")[0], self.actor(name)
        under_team = PolicyVersion.objects.latest("version").preset == "team"
        own = under_team and candidate.run.started_by_id == actor.person_id
        judged = self.attempt(
            act, candidate.pk, shown=read_reviews.put_aside(candidate), actor=actor, reason="so", now=timezone.now()
        )
        assert (judged is None) is (own or not permissions.may(actor.person, Right.REVIEW))

    @precondition(lambda self: loop.cleared_candidates())
    @rule(settled=MOSTLY)
    def confirm_cleared(self, settled: bool) -> None:
        confirming.confirm_cleared(loop.cleared_candidates()[0])
        if settled:
            self.confirm_all(exact)

    @precondition(lambda self: self.candidates("stale"))
    @rule(pick=PICK, settled=MOSTLY)
    def confirm_again(self, pick: int, settled: bool) -> None:
        stale = self.candidates("stale")
        candidate = stale[pick % len(stale)]
        confirming.confirm_again(candidate.pk)
        confirming.confirm_again(candidate.pk)
        if settled:
            self.confirm_all(exact)

    @precondition(lambda self: Run.objects.filter(state="running").count() > 1)
    @rule(name=ANYBODY)
    def stop_run(self, name: str) -> None:
        newest = Run.objects.filter(state="running").latest("pk")
        self.attempt(runs.stop, newest.pk, actor=self.actor(name), now=timezone.now())

    # People

    @precondition(lambda self: self.candidates("in_review"))
    @rule(pick=PICK, names=st.lists(ANYBODY, min_size=1, max_size=4))
    def approve(self, pick: int, names: list[str]) -> None:
        reviewed = self.candidates("in_review")
        for name in names:
            self.vote_on(reviewed[pick % len(reviewed)], name, "approve", "reads well", wrong="")

    @precondition(lambda self: self.candidates(*REVIEWED))
    @rule(pick=PICK, name=ANYBODY, verdict=VERDICTS, reason=REASONS, wrong=WRONG)
    def vote(self, pick: int, name: str, verdict: str, reason: str, wrong: str) -> None:
        reviewed = [one for one in self.candidates(*REVIEWED) if one.reviews.exists()]
        if reviewed:
            self.vote_on(reviewed[pick % len(reviewed)], name, verdict, reason, wrong)

    def vote_on(self, candidate: Candidate, name: str, verdict: str, reason: str, wrong: str) -> None:
        """Vote as a page or a forged request would; what may not be cast is not."""
        shown, actor = make.shown(candidate), self.actor(name)
        digests = replace(shown, **{wrong: "0" * 40}) if wrong else shown
        cast = self.attempt(make.vote, candidate, actor, verdict, reason=reason, digests=digests)
        if wrong or not permissions.may(actor.person, Right.REVIEW):
            assert cast is None

    @rule(change=CHANGES, name=OTHERS)
    def administer(self, change: str, name: str) -> None:
        self.administer_one(change, name)

    def administer_one(self, change: str, name: str) -> None:
        """Change the policy or somebody's place in it, as alice may and that person may not."""
        alice, somebody, now = self.actor("alice"), User.objects.get(username=name), timezone.now()
        if change in {"solo", "team"}:
            self.attempt(policies.choose_preset, change, actor=alice, reason="so", now=now)
        elif change in {"lock out", "let in"}:
            people.set_active(somebody.pk, change == "let in", actor=alice, now=now)
        else:
            people.change_role(somebody.pk, role=change, actor=alice, now=now)
        assert self.attempt(policies.choose_preset, "solo", actor=self.actor(name), reason="so", now=now) is None

    @rule(name=ANYBODY)
    def stop_everything(self, name: str) -> None:
        self.attempt(halt.halt, actor=self.actor(name), reason="smoke", now=timezone.now())

    @precondition(lambda self: oracle.halted())
    @rule(name=st.sampled_from(["alice", "dave", "bob"]))
    def resume_everything(self, name: str) -> None:
        make.user("dave", "admin")
        self.attempt(halt.resume, actor=self.actor(name), reason="no fire", now=timezone.now())

    @precondition(lambda self: self.candidates("in_review"))
    @rule()
    def look(self) -> None:
        reviews.look(self.candidates("in_review")[0].pk, actor=self.actor("bob"), now=timezone.now())

    # The champion

    @precondition(lambda self: Release.objects.filter(state="intended").exists())
    @rule(crash=CRASHES, meanwhile=MEANWHILE, name=OTHERS, again=MOSTLY)
    def finish_release(self, crash: str, meanwhile: str, name: str, again: bool) -> None:
        release = Release.objects.select_related("candidate__target", "candidate__run").get(state="intended")
        if crash != "at once":
            self.attempt(self.die_in, release, crash)
        self.happens(meanwhile, name)
        if again:
            self.finish(release)

    def happens(self, meanwhile: str, name: str) -> None:
        """Let something happen between two attempts at a release."""
        if meanwhile == "halt":
            halt.halt(actor=self.actor("alice"), reason="smoke", now=timezone.now())
        elif meanwhile:
            self.administer_one(meanwhile, name)

    def finish(self, release: Release) -> None:
        """Finish a release, and check that the champion moved exactly when it may."""
        release.refresh_from_db()
        before = repository(self.target.name).head()
        forged = "the branch was forged" if before == self.forged else ""
        why_not = forged or ("" if before == release.commit else oracle.why_not_carried_out(release))
        releasing.finish_release(release.pk)
        releasing.finish_release(release.pk)
        release.refresh_from_db()
        assert (release.approved_by != []) <= (release.kind == "release")
        if why_not:
            assert (repository(self.target.name).head(), release.state == "done") == (before, False), why_not
        else:
            assert (repository(self.target.name).head(), release.state) == (release.commit, "done")
        if release.state == "done" and release.kind == "release":
            assert repository(self.target.name).tree_id(release.commit) == oracle.tree_measured(release)

    def die_in(self, release: Release, crash: str) -> None:
        """Carry a release out up to where the process dies."""
        repo = repository(self.target.name)
        if repo.head() == release.commit:
            return
        if crash == "after the check":
            releases.check_still_allowed(release.pk, now=timezone.now())
            return
        commit = releasing._begin(release, repo)
        if crash == "after the ref" and not self.forged:
            repo.advance(commit, expected=release.previous_commit)

    @precondition(lambda self: Release.objects.filter(state="done").count() > 1)
    @rule(name=ANYBODY, pick=PICK)
    def roll_back(self, name: str, pick: int) -> None:
        former = list(Release.objects.filter(state="done").order_by("pk").values_list("commit", flat=True))
        self.attempt(
            champions.order_rollback,
            self.target.name,
            to=former[pick % len(former)],
            actor=self.actor(name),
            reason="it was slower",
            now=timezone.now(),
        )

    @precondition(lambda self: not Release.objects.filter(state="intended").exists())
    @rule(seldom=st.integers(0, 3), program=st.booleans())
    def order_takeover(self, seldom: int, program: bool) -> None:
        if seldom:
            return
        value = float(next(self.values)) / 2
        path, data = ("f.py", make.program(value)) if program else ("NOTES", f"{value}\n")
        ordered = self.attempt(make.ordered_takeover, self.target, {path: data.encode()}, actor=self.actor("alice"))
        assert (ordered is None) is (oracle.halted() or self.forged != "")

    @precondition(lambda self: not Release.objects.filter(state="intended").exclude(commit="").exists())
    @rule(seldom=st.integers(0, 3), found=st.booleans())
    def forge_head(self, seldom: int, found: bool) -> None:
        if not seldom:
            self.forged = by_hand.forge_head(self.target)
        if found:
            assert heads.look_at(self.target.name).stray_head == self.forged

    @precondition(lambda self: self.forged)
    @rule(name=ANYBODY)
    def put_head_back(self, name: str) -> None:
        actor = self.actor(name)
        if not permissions.may(actor.person, Right.ROLL_BACK):
            return
        heads.look_at(self.target.name)
        restored = self.attempt(heads.restore, self.target.name, actor=actor)
        assert (restored is None) is Release.objects.filter(state="intended").exists()
        self.forged = "" if restored else self.forged

    # The heartbeat

    @rule()
    def settle(self) -> None:
        reviews.settle_approved(now=timezone.now())

    @precondition(lambda self: self.candidates("in_review", "stale"))
    @rule(days=st.sampled_from([0, 0, 0, 15]))
    def expire(self, days: int) -> None:
        closed = reviews.expire_due(now=timezone.now() + timedelta(days=days))
        assert days or closed == 0

    @invariant()
    def everything_holds(self) -> None:
        if hasattr(self, "target"):
            oracle.assert_everything_holds(self.target, forged=self.forged)


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("nothing_enqueued")
def test_every_history_keeps_the_invariants() -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=12,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
