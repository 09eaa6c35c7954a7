"""A champion moves once, to exactly what was measured and approved, whatever dies between any two steps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from improvement import installation
from improvement.exceptions import Conflict, Halted
from improvement.models import Candidate, Release
from improvement.runner import releasing
from improvement.runner.repositories import repository
from improvement.selectors import audit as read_audit
from improvement.selectors.targets import task_at
from improvement.services import filesets, halt, people, releases, reviews
from tests import by_hand, trail
from tests import factories as make
from tests.integration.runner.champions import (
    approved,
    approved_by_bob,
    assert_champion_is,
    begin,
    confirmed_again,
)
from tests.trail import recorded

pytestmark = pytest.mark.django_db


def test_a_release_moves_the_champion_to_what_was_measured() -> None:
    target, candidate, release = approved()
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    assert (release.state, make.fresh(candidate).state) == ("done", "released")
    assert_champion_is(target, release.commit, 2.0)
    measured = read_audit.measured_tree(f"C-{candidate.pk}", make.review_of(candidate).evidence.digest)
    assert repository(target.name).tree_id(release.commit) == release.tree == measured
    assert repository(target.name).read_tree(release.commit) == {**make.tree(), "f.py": make.program(2.0).encode()}
    trail.assert_holds()


def test_the_commit_says_who_approved_what_on_which_evidence_under_which_policy() -> None:
    target, candidate, release = approved()
    releasing.finish_release(release.pk)
    review = make.review_of(candidate)
    commit = repository(target.name).history()[0]
    assert {name: commit.trailers[name] for name in ("Candidate", "Approved-by", "Evidence", "Policy")} == {
        "Candidate": [f"C-{candidate.pk}"],
        "Approved-by": ["alice"],
        "Evidence": [review.evidence.digest],
        "Policy": [f"v1 {review.policy.digest}"],
    }
    assert commit.trailers["Checkpoint"][0].startswith("countersign-")


def test_a_release_names_its_approvals_by_their_place_in_the_log() -> None:
    _, candidate, release = approved()
    releasing.finish_release(release.pk)
    vote = make.review_of(candidate).votes.get()
    release.refresh_from_db()
    assert release.approved_by == [{"name": "alice", "id": f"user:{vote.person_id}", "seq": vote.audit_seq}]
    assert release.self_countersigned is True
    (done,) = recorded("release.done")
    assert done["approvals"] == [{"user": f"user:{vote.person_id}", "seq": vote.audit_seq}]


def after_ordering(release: Release) -> None:
    """Die before anything was done."""


def after_checking(release: Release) -> None:
    """Die when the policy was checked."""
    releases.check_still_allowed(release.pk, now=timezone.now())


def after_making_the_commit(release: Release) -> None:
    """Die with a commit object that nothing refers to."""
    releasing._release_commit(release, repository(release.target.name))


def after_recording_the_intent(release: Release) -> None:
    """Die between the intent and the ref."""
    begin(release)


def after_moving_the_ref(release: Release) -> None:
    """Die between the ref and its record."""
    repository(release.target.name).advance(begin(release), expected=release.previous_commit)


STEPS = [
    after_ordering,
    after_checking,
    after_making_the_commit,
    after_recording_the_intent,
    after_moving_the_ref,
]


@pytest.mark.parametrize("die", STEPS)
def test_a_release_that_died_is_finished_once(die: Callable[[Release], None]) -> None:
    target, candidate, release = approved()
    die(release)
    releasing.finish_release(release.pk)
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    assert_champion_is(target, release.commit, 2.0)
    assert len(repository(target.name).history()) == 2
    assert (len(recorded("release.done")), make.fresh(candidate).state) == (1, "released")
    trail.assert_holds()


@pytest.mark.parametrize("die", STEPS[:-1])
def test_a_release_that_died_waits_while_everything_is_stopped(die: Callable[[Release], None]) -> None:
    target, candidate, release = approved()
    die(release)
    halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    releasing.finish_release(release.pk)
    assert_champion_is(target, target.start_commit, 1.0)
    assert make.fresh(candidate).state == "approved"
    halt.resume(actor=make.alice(), reason="no fire", now=timezone.now())
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    assert_champion_is(target, release.commit, 2.0)
    trail.assert_holds()


def test_a_ref_that_moved_before_the_stop_is_recorded_under_it() -> None:
    target, _, release = approved()
    after_moving_the_ref(release)
    halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    assert_champion_is(target, release.commit, 2.0)
    trail.assert_holds("a release that was begun before the halt was finished under it")


@pytest.mark.parametrize("die", STEPS[:-1])
def test_nothing_is_released_under_a_policy_that_changed(die: Callable[[Release], None]) -> None:
    target, candidate, release = approved()
    die(release)
    make.follow("team")
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    assert (release.state, release.reason) == ("failed", "The policy changed to version 2 before this release.")
    assert_champion_is(target, target.start_commit, 1.0)
    assert make.fresh(candidate).state == "stale"
    again = confirmed_again(candidate)
    assert (again.revision, make.review_of(again).policy.preset, again.reviews.count()) == (2, "team", 2)
    trail.assert_holds()


@pytest.mark.parametrize("die", STEPS[:-1])
def test_an_approver_who_was_locked_out_in_between_counts_no_longer(die: Callable[[Release], None]) -> None:
    target, candidate, release = approved_by_bob()
    die(release)
    people.set_active(make.bob().person.id, False, actor=make.alice(), now=timezone.now())
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    assert (release.state, release.reason) == (
        "failed",
        "Approvals: 0 of 1, 1 more needed, not from the person who started the run.",
    )
    assert_champion_is(target, target.start_commit, 1.0)
    assert make.fresh(candidate).state == "stale"
    trail.assert_holds()


def test_approvals_are_those_of_the_moment_when_the_release_began() -> None:
    target, _, release = approved_by_bob()
    after_moving_the_ref(release)
    people.set_active(make.bob().person.id, False, actor=make.alice(), now=timezone.now())
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    assert [one["name"] for one in release.approved_by] == ["bob"]
    assert_champion_is(target, release.commit, 2.0)
    trail.assert_holds()


def test_files_that_are_not_those_that_were_measured_are_never_released() -> None:
    target, candidate, release = approved()
    other = filesets.store({"f.py": make.program(3.0)})
    Candidate.objects.filter(pk=candidate.pk).update(files=other)
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    assert release.state == "failed"
    assert release.reason.startswith(f"The files of C-{candidate.pk} make another tree (")
    assert_champion_is(target, target.start_commit, 1.0)
    assert recorded("release.intended") == []


def test_an_approval_while_a_takeover_is_under_way_counts_only_after_another_confirmation() -> None:
    target = make.target()
    candidate = make.reviewed_candidate(make.run(target))
    ordered = make.ordered_takeover(target, {"NOTES": b"Elsewhere.\n"})
    make.vote(candidate, make.alice())
    assert make.fresh(candidate).state == "in_review", "one move of a champion at a time"
    releasing.finish_release(ordered.pk)
    assert_champion_is(target, ordered.ordered_commit, 1.0)
    again = confirmed_again(candidate)
    assert (again.state, again.revision, again.base_commit) == ("in_review", 2, ordered.ordered_commit)
    reviews.settle_approved(now=timezone.now())
    second = make.intended_release(target)
    releasing.finish_release(second.pk)
    second.refresh_from_db()
    assert_champion_is(target, second.commit, 2.0)
    assert repository(target.name).read_tree(second.commit)["NOTES"] == b"Elsewhere.\n"
    trail.assert_holds()


def test_a_ref_that_somebody_pushed_to_is_not_moved() -> None:
    target, candidate, release = approved()
    repo, pushed = repository(target.name), by_hand.forge_head(target)
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    assert (release.state, make.fresh(candidate).state, repo.head()) == ("failed", "stale", pushed)
    target.refresh_from_db()
    assert target.champion_commit == target.start_commit


# The steps refuse what came before them


def test_a_release_without_a_commit_cannot_be_finished() -> None:
    target, _, release = approved()
    with pytest.raises(Conflict, match="has no commit yet"):
        releases.finish(release.pk, task=task_at(target.name, target.start_commit), now=timezone.now())
    assert_champion_is(target, target.start_commit, 1.0)


def test_a_release_that_was_given_up_is_not_begun_again() -> None:
    _, _, release = approved()
    releases.give_up(release.pk, reason="never mind", now=timezone.now())
    with pytest.raises(Conflict, match="was failed already"):
        begin(release)
    releases.give_up(release.pk, reason="again", now=timezone.now())
    assert len(recorded("release.failed")) == 1
    assert recorded("release.intended") == []


def test_nothing_begins_under_a_stop() -> None:
    _, _, release = approved()
    halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    with pytest.raises(Halted):
        begin(release)
    assert installation.halt_file().exists()


def test_an_approval_that_came_under_a_stop_is_carried_out_after_it() -> None:
    target = make.target()
    candidate = make.reviewed_candidate(make.run(target))
    halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    make.vote(candidate, make.alice())
    assert make.fresh(candidate).state == "in_review"
    assert reviews.settle_approved(now=timezone.now()) == 0
    halt.resume(actor=make.alice(), reason="no fire", now=timezone.now())
    assert reviews.settle_approved(now=timezone.now()) == 1
    releasing.finish_release(make.intended_release(target).pk)
    assert make.fresh(candidate).state == "released"
    trail.assert_holds()
