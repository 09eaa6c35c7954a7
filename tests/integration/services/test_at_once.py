"""Two people, two workers, two tasks at the same moment: one consistent outcome, and the late one is told why."""

from __future__ import annotations

import pytest
from django.utils import timezone

from improvement import installation
from improvement.engine.confirmation import cost_of_one
from improvement.exceptions import AlreadyDecided, BadTransition, Conflict, Halted, PolicyUnmet, StaleDecision
from improvement.models import AuditEvent, Candidate, Evaluation, Evidence, Halt, Release, Run, User, Vote
from improvement.runner import confirming, releasing
from improvement.selectors import audit as read_audit
from improvement.selectors import reviews as read_reviews
from improvement.selectors.targets import task_at
from improvement.services import confirmations, evaluations, halt, people, policies, quarantine, releases, runs, trail
from improvement.services.policies import choose_preset
from improvement.states import CandidateState
from tests import factories as make
from tests.at_once import at_once, behind
from tests.small_target import BOUND

pytestmark = pytest.mark.django_db(transaction=True)


def recorded(kind: str) -> int:
    """Return how many events of a type the log has."""
    return AuditEvent.objects.filter(type=kind).count()


def assert_trail_holds() -> None:
    """Verify the whole log as an auditor would."""
    verdict = trail.verify_log(now=timezone.now())
    assert verdict.problems == ()


def test_a_double_click_is_one_vote() -> None:
    candidate = make.reviewed_candidate(make.run())
    alice, digests = make.alice(), make.shown(candidate)

    def click() -> Vote:
        return make.vote(candidate, alice, "abstain", digests=digests)

    first, second = at_once(click, click)
    assert isinstance(first, Vote), first
    assert first == second
    assert (Vote.objects.count(), recorded("review.voted")) == (1, 1)


def test_a_double_click_on_approve_releases_once() -> None:
    candidate = make.reviewed_candidate(make.run())
    alice, digests = make.alice(), make.shown(candidate)

    def click() -> Vote:
        return make.vote(candidate, alice, digests=digests)

    first, second = at_once(click, click)
    assert isinstance(first, Vote), first
    assert first == second
    assert (Vote.objects.count(), Release.objects.filter(kind="release").count(), recorded("review.approved")) == (
        1,
        1,
        1,
    )


def test_two_people_who_disagree_at_once_have_one_outcome_and_the_late_one_is_told_whose() -> None:
    make.bob(), make.carol()
    make.follow("team")
    candidate = make.reviewed_candidate(make.run(actor=make.alice()))
    bob, carol, digests = make.bob(), make.carol(), make.shown(candidate)
    outcomes = at_once(
        lambda: make.vote(candidate, bob, "approve", digests=digests),
        lambda: make.vote(candidate, carol, "reject", reason="too clever", digests=digests),
    )
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Vote)]
    (late,) = [outcome for outcome in outcomes if isinstance(outcome, AlreadyDecided)]
    outcome, who = ("approved", "bob: approve") if winner.verdict == "approve" else ("rejected", "carol: reject")
    assert late.message.startswith(f"C-{candidate.pk} was already {outcome} at ")
    assert late.message.endswith(f" UTC ({who}). Your decision was not counted.")
    assert make.fresh(candidate).state == outcome
    assert recorded("review.voted") == 1


def test_two_approvals_for_one_target_at_once_release_one_candidate_and_keep_the_other_vote() -> None:
    target = make.target()
    first, second = make.reviewed_candidate(make.run(target)), make.reviewed_candidate(make.run(target, seed=2), 3.0)
    alice = make.alice()
    votes = at_once(lambda: make.vote(first, alice), lambda: make.vote(second, alice))
    assert [type(vote) for vote in votes] == [Vote, Vote], votes
    assert sorted(make.values([first, second])) == ["approved", "in_review"]
    assert Release.objects.filter(state="intended").count() == 1


def test_a_vote_and_a_release_that_puts_its_review_aside_do_not_block_each_other() -> None:
    target = make.target()
    first, second = make.reviewed_candidate(make.run(target)), make.reviewed_candidate(make.run(target, seed=2), 3.0)
    make.vote(first, make.alice())
    release = make.intended_release(target)
    repo = make.repository(target.name)
    commit = releasing._release_commit(release, repo)
    releases.record_commit(release.pk, commit=commit, tree=repo.tree_id(commit), now=timezone.now())
    repo.advance(commit, expected=target.champion_commit)
    alice = make.alice()
    finished, voted = behind(
        lambda: people.renew_invitation(make.user("bob", "viewer").pk, actor=alice, now=timezone.now()),
        lambda: releases.finish(release.pk, task=task_at(target.name, commit), now=timezone.now()),
        lambda: make.vote(second, alice, "abstain"),
    )
    assert isinstance(finished, Release), finished
    assert isinstance(voted, Vote | StaleDecision), voted
    assert make.values([first, second]) == ["released", "stale"]
    assert_trail_holds()


def test_a_vote_that_waits_behind_a_change_of_policy_is_stale() -> None:
    candidate = make.reviewed_candidate(make.run())
    alice, digests = make.alice(), make.shown(candidate)
    (outcome,) = behind(
        lambda: choose_preset("team", actor=alice, reason="we are two", now=timezone.now()),
        lambda: make.vote(candidate, alice, digests=digests),
    )
    assert isinstance(outcome, StaleDecision), outcome
    assert outcome.message == "The policy is no longer the one you were shown. Reload the page and look again."
    assert Vote.objects.count() == 0
    assert_trail_holds()


def test_a_gate_that_waits_behind_a_change_of_policy_opens_the_review_under_the_new_one() -> None:
    candidate = make.confirming_candidate(make.run())
    make.answer_all()
    confirming.conclude(candidate.pk)
    make.answer_all()
    alice = make.alice()
    behind(
        lambda: choose_preset("team", actor=alice, reason="we are two", now=timezone.now()),
        lambda: confirming.conclude(candidate.pk),
    )
    assert make.review_of(candidate).policy == policies.current(now=timezone.now())
    assert_trail_holds()


def approved_release() -> Release:
    """Return the release of a candidate that alice approved."""
    target = make.target()
    make.vote(make.reviewed_candidate(make.run(target)), make.alice())
    return make.intended_release(target)


def begin(release: Release) -> Release:
    """Record the commit that is about to become champion."""
    repo = make.repository(release.target.name)
    commit = releasing._release_commit(release, repo)
    return releases.record_commit(release.pk, commit=commit, tree=repo.tree_id(commit), now=timezone.now())


def test_a_release_that_waits_behind_a_halt_does_not_begin() -> None:
    release, alice = approved_release(), make.alice()
    (outcome,) = behind(
        lambda: halt.halt(actor=alice, reason="smoke", now=timezone.now()),
        lambda: begin(release),
    )
    assert isinstance(outcome, Halted), outcome
    assert recorded("release.intended") == 0
    assert_trail_holds()


def test_a_release_that_waits_behind_a_change_of_policy_does_not_begin() -> None:
    release, alice = approved_release(), make.alice()
    (outcome,) = behind(
        lambda: choose_preset("team", actor=alice, reason="we are two", now=timezone.now()),
        lambda: begin(release),
    )
    assert isinstance(outcome, PolicyUnmet), outcome
    assert recorded("release.intended") == 0


def test_two_people_who_stop_everything_at_once_stop_it_once() -> None:
    alice, bob = make.alice(), make.bob()
    first, second = at_once(
        lambda: halt.halt(actor=alice, reason="smoke", now=timezone.now()),
        lambda: halt.halt(actor=bob, reason="fire", now=timezone.now()),
    )
    assert isinstance(first, Halt), first
    assert first == second
    assert recorded("halt.started") == 1
    assert installation.halt_file().exists()


def test_two_administrators_who_demote_each_other_leave_one() -> None:
    alice, dave = make.alice(), make.human(make.user("dave", "admin"))
    outcomes = at_once(
        lambda: people.change_role(dave.person.id, role="viewer", actor=alice, now=timezone.now()),
        lambda: people.change_role(alice.person.id, role="viewer", actor=dave, now=timezone.now()),
    )
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [Conflict], outcomes
    assert User.objects.filter(role="admin").count() == 1


def test_one_of_two_workers_gets_an_evaluation() -> None:
    make.propose(make.run(), 2.0)
    evaluation = Evaluation.objects.get(candidate__isnull=False)
    orders = at_once(
        *[
            lambda worker=worker: evaluations.claim(evaluation.pk, worker=worker, seconds=60, now=timezone.now())
            for worker in ("worker-1", "worker-2", "worker-3")
        ]
    )
    (order,) = [order for order in orders if order is not None]
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.attempt, order.attempt) == ("leased", 1, 1)


def test_a_confirmation_concluded_twice_at_once_orders_the_holdout_once() -> None:
    candidate = make.confirming_candidate(make.run())
    make.answer_all()
    outcomes = at_once(lambda: confirming.conclude(candidate.pk), lambda: confirming.conclude(candidate.pk))
    assert outcomes == [None, None]
    assert Evaluation.objects.filter(stage="holdout").count() == 4
    assert make.fresh(candidate).run.confirm_evaluations == 16 + 4


def test_a_confirmation_concluded_twice_at_once_has_one_piece_of_evidence() -> None:
    candidate = make.confirming_candidate(make.run())
    make.answer_all()
    confirming.conclude(candidate.pk)
    make.answer_all()
    outcomes = at_once(lambda: confirming.conclude(candidate.pk), lambda: confirming.conclude(candidate.pk))
    assert outcomes == [None, None]
    assert (Evidence.objects.count(), recorded("evidence.recorded"), recorded("review.opened")) == (1, 1, 1)


def test_a_stale_candidate_confirmed_again_twice_at_once_is_rebased_once() -> None:
    target = make.target()
    candidate = make.reviewed_candidate(make.run(target))
    make.move_champion_elsewhere(target, {"NOTES": b"Elsewhere.\n"})
    outcomes = at_once(lambda: confirming.confirm_again(candidate.pk), lambda: confirming.confirm_again(candidate.pk))
    assert outcomes == [None, None]
    assert (make.fresh(candidate).revision, recorded("review.rebased")) == (2, 1)
    assert Candidate.objects.count() == 1


def test_a_stale_candidate_confirmed_again_twice_at_once_needs_the_allowance_for_one() -> None:
    candidate = stale_with_allowance_for_one()
    outcomes = at_once(lambda: confirming.confirm_again(candidate.pk), lambda: confirming.confirm_again(candidate.pk))
    assert outcomes == [None, None]
    assert (make.fresh(candidate).state, make.review_of(candidate).state) == ("confirming", "suspended")


def test_who_read_the_allowance_too_late_withdraws_nothing_that_went_on() -> None:
    candidate = stale_with_allowance_for_one()
    confirming.confirm_again(candidate.pk)
    with pytest.raises(Conflict, match="went on before it was withdrawn"):
        confirmations.withdraw(
            candidate.pk, expected=CandidateState.STALE, revision=1, reason="it is spent", now=timezone.now()
        )
    assert (make.fresh(candidate).state, make.review_of(candidate).state) == ("confirming", "suspended")


def stale_with_allowance_for_one() -> Candidate:
    """Return a stale candidate whose run may spend one more confirmation."""
    target = make.target()
    candidate = make.reviewed_candidate(make.run(target))
    make.move_champion_elsewhere(target, {"NOTES": b"Elsewhere.\n"})
    spent = candidate.run.confirm_allowance - cost_of_one(make.manifest())
    Run.objects.filter(pk=candidate.run_id).update(confirm_evaluations=spent)
    return make.fresh(candidate)


def test_a_run_is_advanced_by_one_worker() -> None:
    run = make.run()
    claims = at_once(*[lambda holder=holder: runs.claim(run.pk, holder=holder, now=timezone.now()) for holder in "abc"])
    assert len([claim for claim in claims if claim is not None]) == 1


def test_a_candidate_is_nominated_once() -> None:
    (candidate,) = make.measured_candidates(make.run(), 2.0)
    outcomes = at_once(*[lambda: confirming.begin(make.fresh(candidate), why="best")] * 2)
    assert sorted(str(type(outcome).__name__) for outcome in outcomes) == ["BadTransition", "NoneType"], outcomes
    assert isinstance(next(filter(None, outcomes)), BadTransition)
    assert Evaluation.objects.filter(stage="confirm").count() == 16


def test_two_cleared_candidates_of_one_run_are_confirmed_one_after_the_other() -> None:
    run = make.run()
    cleared = [make.measured_candidates(run, BOUND + more)[0] for more in (1.0, 2.0)]
    for candidate in cleared:
        quarantine.clear(
            candidate.pk,
            shown=read_reviews.put_aside(candidate),
            actor=make.alice(),
            reason="a new record",
            now=timezone.now(),
        )
    at_once(*[lambda candidate=candidate: confirming.confirm_cleared(candidate.pk) for candidate in cleared])
    assert sorted(make.values(cleared)) == ["confirming", "nominated"]


def test_a_cleared_candidate_and_a_nomination_of_one_run_are_confirmed_one_after_the_other() -> None:
    run = make.run()
    suspect, other = make.measured_candidates(run, BOUND + 1.0, 3.0)
    outcomes = behind(
        lambda: quarantine.clear(
            suspect.pk,
            shown=read_reviews.put_aside(suspect),
            actor=make.alice(),
            reason="a new record",
            now=timezone.now(),
        ),
        lambda: confirming.begin(other, why="best"),
    )
    assert "its run confirms another candidate" in str(outcomes)
    assert make.values([suspect, other]) == ["nominated", "measured"]


def test_the_log_is_gapless_after_all_this() -> None:
    make.alice(), make.bob()
    alice = make.alice()
    at_once(
        *[
            lambda name=name: people.invite(name, role="viewer", actor=alice, now=timezone.now())
            for name in ("dora", "emil", "fritz", "gerda")
        ]
    )
    assert list(AuditEvent.objects.values_list("seq", flat=True)) == list(range(AuditEvent.objects.count()))
    assert read_audit.check_quickly() == AuditEvent.objects.count()
    assert_trail_holds()
