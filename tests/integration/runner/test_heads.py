"""A branch that somebody moved by hand is found, told, and stops runs and releases until it is put back."""

from __future__ import annotations

import shutil

import pytest
from django.test import Client
from django.utils import timezone

from improvement import installation
from improvement.commandline import target_report
from improvement.exceptions import Conflict, NotAllowed
from improvement.models import Target
from improvement.runner import edits, heads, releasing, ticking
from improvement.runner.repositories import repository
from improvement.services import reviews
from improvement.services.actors import SYSTEM
from tests import by_hand, trail
from tests import factories as make
from tests.integration.runner.champions import approved, assert_champion_is, begin
from tests.trail import recorded

pytestmark = pytest.mark.django_db


def stray_head(target: Target) -> str:
    """Return where the branch was last found astray."""
    target.refresh_from_db()
    return target.stray_head


def test_the_tick_tells_of_a_branch_that_was_moved_by_hand_once_and_of_its_return() -> None:
    target = make.target()
    ticking.tick()
    assert (stray_head(target), recorded("target.branch_strayed")) == ("", [])
    forged = by_hand.forge_head(target)
    ticking.tick()
    ticking.tick()
    assert stray_head(target) == forged
    assert recorded("target.branch_strayed") == [{"found": forged, "champion": target.start_commit}]
    repository(target.name).advance(target.start_commit, expected=forged)
    ticking.tick()
    assert stray_head(target) == ""
    assert recorded("target.branch_restored") == [{"found": target.start_commit, "champion": target.start_commit}]
    trail.assert_holds()


def test_a_lost_repository_is_told_and_the_tick_goes_on() -> None:
    lost, other = make.target(), make.target("other")
    forged = by_hand.forge_head(other)
    shutil.rmtree(installation.repository_path(lost.name))
    ticking.tick()
    assert (stray_head(lost), stray_head(other)) == ("missing", forged)


@pytest.mark.parametrize("moved", [False, True])
def test_a_release_that_died_is_no_branch_moved_by_hand(moved: bool) -> None:
    target, _, release = approved()
    commit = begin(release)
    if moved:
        repository(target.name).advance(commit, expected=target.start_commit)
    ticking.tick()
    assert (stray_head(target), recorded("target.branch_strayed")) == ("", [])


def test_no_run_starts_on_a_branch_that_was_moved_by_hand() -> None:
    target = make.target()
    by_hand.forge_head(target)
    heads.look_at(target.name)
    with pytest.raises(Conflict, match=r"was moved by hand to .*`target check small` says how to put it back"):
        make.queued_run(target)
    heads.restore(target.name, actor=make.alice())
    assert make.queued_run(target).state == "queued"


def test_approvals_wait_until_the_branch_is_back() -> None:
    target = make.target()
    candidate = make.reviewed_candidate(make.run(target))
    by_hand.forge_head(target)
    heads.look_at(target.name)
    make.vote(candidate, make.alice())
    assert make.fresh(candidate).state == "in_review"
    assert reviews.settle_approved(now=timezone.now()) == 0
    heads.restore(target.name, actor=make.alice())
    assert reviews.settle_approved(now=timezone.now()) == 1
    release = make.intended_release(target)
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    assert_champion_is(target, release.commit, 2.0)
    trail.assert_holds()


def test_a_release_finds_by_itself_that_the_branch_was_moved() -> None:
    target, candidate, release = approved()
    forged = by_hand.forge_head(target)
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    assert (release.state, release.reason) == ("failed", f"The branch of small was moved by hand to {forged[:9]}.")
    assert (stray_head(target), make.fresh(candidate).state) == (forged, "stale")


def test_whoever_puts_a_branch_back_is_in_the_trail() -> None:
    target = make.target()
    by_hand.forge_head(target)
    heads.restore(target.name, actor=make.bob())
    assert_champion_is(target, target.start_commit, 1.0)
    (restored,) = trail.events("target.branch_restored")
    assert restored["actor"]["name"] == "bob"
    with pytest.raises(Conflict, match="is at its champion already"):
        heads.restore(target.name, actor=make.bob())


@pytest.mark.parametrize("role", ["viewer", "operator", "auditor"])
def test_who_may_not_put_a_branch_back(role: str) -> None:
    target = make.target()
    forged = by_hand.forge_head(target)
    for actor in (make.human(make.user(f"a-{role}", role)), SYSTEM):
        with pytest.raises(NotAllowed):
            heads.restore(target.name, actor=actor)
    assert repository(target.name).head() == forged


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_may_not_put_a_branch_back_does_not_by_pulling_what_was_pushed_there(role: str) -> None:
    target = make.target()
    forged = by_hand.forge_head(target)
    ticking.tick()
    before = trail.size()
    with pytest.raises(NotAllowed):
        edits.pull_candidate(target, source="", branch="main", note="", actor=make.human(make.user(f"a-{role}", role)))
    assert (repository(target.name).head(), stray_head(target)) == (forged, forged)
    assert trail.kinds_since(before) == []


def test_a_branch_that_is_gone_is_told_as_that_and_made_again(client: Client) -> None:
    target = make.target()
    by_hand.delete_branch(target)
    heads.look_at(target.name)
    with pytest.raises(Conflict, match="The branch of small is gone, so no run starts on it"):
        make.queued_run(target)
    client.force_login(make.user("alice"))
    assert "The branch is gone." in client.get("/targets/small/").content.decode()
    target.refresh_from_db()
    assert any("its branch is gone: no run" in line for line in target_report.lines(target))
    heads.restore(target.name, actor=make.bob())
    assert_champion_is(target, target.start_commit, 1.0)
    assert stray_head(target) == ""
    trail.assert_holds()


def test_a_release_whose_branch_is_gone_says_so() -> None:
    target, candidate, release = approved()
    by_hand.delete_branch(target)
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    assert release.state == "failed"
    heads.restore(target.name, actor=make.alice())
    assert (repository(target.name).head(), make.fresh(candidate).state) == (target.start_commit, "stale")
    trail.assert_holds()


def test_the_page_of_the_target_and_readyz_say_so(client: Client, redis_url: str) -> None:
    target = make.target()
    client.force_login(make.user("alice"))
    assert b"The branch was moved by hand" not in client.get("/targets/small/").content
    forged = by_hand.forge_head(target)
    ticking.tick()
    page = client.get("/targets/small/").content.decode()
    assert "The branch was moved by hand" in page
    assert forged[:7] in page
    branches = client.get("/readyz").json()["branches"]
    said = "the branch of 1 target was moved by hand; the target's page says what to do"
    assert branches == {"ok": False, "detail": said}
