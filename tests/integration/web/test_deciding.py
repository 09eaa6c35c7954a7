"""Deciding on a page: what is signed, the second question, and being late."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from improvement.models import Candidate, Review, Run, User, Vote
from improvement.runner.releasing import finish_release
from improvement.services import halt
from improvement.services.champions import order_rollback
from improvement.services.releases import give_up
from improvement.states import CandidateState
from tests import factories as make
from tests.integration.web.conftest import World, uploaded_table

Browsers = Callable[[User | None], Client]


def _form(browser: Client, candidate: Candidate) -> dict[str, str]:
    """Return what the page's own form would send."""
    page = browser.get(f"/candidates/{candidate.pk}/").content.decode()
    return dict(re.findall(r'name="(patch|base|evidence|policy)" value="([0-9a-f]+)"', page))


@pytest.fixture
def alone(db: None) -> World:
    """Alice works alone, under the solo policy, and her run has a candidate in review."""
    run = make.run(actor=make.alice())
    return World(run, make.reviewed_candidate(run), uploaded_table())


def test_the_form_signs_what_the_page_shows(world: World, signed_in: Browsers) -> None:
    shown = make.shown(world.candidate)
    form = _form(signed_in(make.user("bob")), world.candidate)
    assert form == {"patch": shown.patch, "base": shown.base, "evidence": shown.evidence, "policy": shown.policy}


def test_countersigning_goes_back_to_the_candidate_and_says_so(world: World, signed_in: Browsers) -> None:
    bob = signed_in(make.user("bob"))
    answer = bob.post(
        f"/candidates/{world.candidate.pk}/decide/", {**_form(bob, world.candidate), "verdict": "approve"}, follow=True
    )
    assert answer.redirect_chain == [(f"/candidates/{world.candidate.pk}/", 302)]
    assert f"You countersigned C-{world.candidate.pk}." in answer.content.decode()


def _decide(browser: Client, candidate: Candidate, verdict: str, reason: str = "") -> str:
    """Send the page's form and return the page that it leads to."""
    form = {**_form(browser, candidate), "verdict": verdict, "reason": reason}
    return browser.post(f"/candidates/{candidate.pk}/decide/", form, follow=True).content.decode()


def test_a_page_says_when_nobody_would_answer_a_request_for_changes(world: World, signed_in: Browsers) -> None:
    bob, said = signed_in(make.user("bob")), "nobody would answer a request for changes"
    path = f"/candidates/{world.candidate.pk}/"
    assert said not in bob.get(path).content.decode()
    Run.objects.filter(pk=world.run.pk).update(exhausted=True)
    assert said in bob.get(path).content.decode()


def test_what_took_its_place_is_a_link(world: World, signed_in: Browsers) -> None:
    Candidate.objects.filter(pk=world.candidate.pk).update(message="C-77 is better and took its place.")
    page = signed_in(make.user("bob")).get(f"/candidates/{world.candidate.pk}/").content.decode()
    assert '<a href="/candidates/77/">C-77</a> is better' in page


def test_a_page_says_what_follows_a_vote(world: World, signed_in: Browsers) -> None:
    Review.objects.update(needed=2, tier="high")
    number = world.candidate.pk
    first = _decide(signed_in(make.user("bob")), world.candidate, "approve")
    second = _decide(signed_in(make.user("carol")), world.candidate, "approve")
    assert f"You countersigned C-{number}. 1 more approval is needed before it is released (1 of 2 given)." in first
    assert f"You countersigned C-{number}. Nothing more is needed: it is released at once." in second


def test_a_page_says_why_a_full_approval_releases_nothing_yet(world: World, signed_in: Browsers) -> None:
    halt.halt(actor=make.alice(), reason="a drill", now=timezone.now())
    page = _decide(signed_in(make.user("bob")), world.candidate, "approve")
    assert "All approvals are given: it is released when the stop over everything is lifted." in page


def test_a_rejection_says_that_nothing_is_released(world: World, signed_in: Browsers) -> None:
    page = _decide(signed_in(make.user("bob")), world.candidate, "reject", "too clever")
    assert f"You rejected C-{world.candidate.pk}. It is not released." in page


def test_the_page_of_a_released_candidate_names_the_champion(
    world: World, signed_in: Browsers, data_directory: object
) -> None:
    bob = signed_in(make.user("bob"))
    waiting = _decide(bob, world.candidate, "approve")
    finish_release(make.intended_release(world.run.target).pk)
    released = bob.get(f"/candidates/{world.candidate.pk}/").content.decode()
    world.run.target.refresh_from_db()
    assert 'data-moving="yes"' in waiting
    assert "it is being released" in waiting
    assert 'data-moving="no"' in released
    assert f"Released: the champion is now {world.run.target.champion_commit[:7]}." in released


def _outcome(browser: Client, candidate: Candidate) -> str:
    """Return what the candidate's page says came of its review."""
    page = browser.get(f"/candidates/{candidate.pk}/").content.decode()
    return re.findall(r"data-outcome><strong>(.*?)</strong>", page)[0]


@pytest.mark.parametrize("state", sorted(set(CandidateState) - {CandidateState.RELEASED, CandidateState.ROLLED_BACK}))
def test_an_approved_candidate_is_being_released_only_while_it_is_approved(
    world: World, signed_in: Browsers, state: CandidateState
) -> None:
    bob = signed_in(make.user("bob"))
    _decide(bob, world.candidate, "approve")
    Candidate.objects.filter(pk=world.candidate.pk).update(state=state)
    outcome = _outcome(bob, world.candidate)
    if state is CandidateState.APPROVED:
        assert outcome == "Approved by the people whom the policy asks for; it is being released."
        return
    again = " It is confirmed and reviewed again." if state in {"stale", "confirming"} else ""
    assert outcome == f"Approved, but it was not released. The champion or the rules changed first.{again}"


def test_an_approval_that_was_given_up_says_why(world: World, signed_in: Browsers) -> None:
    bob = signed_in(make.user("bob"))
    _decide(bob, world.candidate, "approve")
    give_up(make.intended_release(world.run.target).pk, reason="Its files do not fit any more.", now=timezone.now())
    again = "It is confirmed and reviewed again."
    assert (
        _outcome(bob, world.candidate) == f"Approved, but it was not released. Its files do not fit any more. {again}"
    )


def test_a_candidate_whose_files_are_champion_again_after_a_roll_back_is_called_so(
    world: World, signed_in: Browsers, data_directory: object
) -> None:
    bob, target = signed_in(make.user("bob")), world.run.target
    _decide(bob, world.candidate, "approve")
    finish_release(make.intended_release(target).pk)
    target.refresh_from_db()
    first = target.champion_commit
    better = make.reviewed_candidate(make.run(target, actor=make.alice()), 3.0)
    _decide(bob, better, "approve")
    finish_release(make.intended_release(target).pk)
    replaced = f"Released as champion {first[:7]}, which another one has replaced since."
    assert _outcome(bob, world.candidate) == replaced
    order_rollback(target.name, to=first, actor=make.alice(), reason="worse in use", now=timezone.now())
    finish_release(make.intended_release(target).pk)
    target.refresh_from_db()
    assert target.champion_commit != first
    assert _outcome(bob, world.candidate) == f"Released: the champion is now {target.champion_commit[:7]}."
    assert _outcome(bob, better).endswith("which another one has replaced since.")


def test_following_the_address_of_a_decision_shows_the_candidate(world: World, signed_in: Browsers) -> None:
    answer = signed_in(make.user("bob")).get(f"/candidates/{world.candidate.pk}/decide/")
    assert answer.headers["Location"] == f"/candidates/{world.candidate.pk}/"


def test_ones_own_run_is_asked_about_once_more(alone: World, signed_in: Browsers) -> None:
    alice, path = signed_in(make.user("alice")), f"/candidates/{alone.candidate.pk}/decide/"
    form = {**_form(alice, alone.candidate), "verdict": "approve", "reason": "I read it"}
    asked = alice.post(path, form)
    assert asked.status_code == 200
    assert "Countersign your own run?" in asked.content.decode()
    assert not Vote.objects.exists()
    empty = alice.post(path, {**form, "reason": " ", "confirmed": "yes"})
    assert empty.status_code == 422
    assert "Say why" in empty.content.decode()
    assert not Vote.objects.exists()
    assert alice.post(path, {**form, "confirmed": "yes"}).status_code == 302
    assert Vote.objects.get().self_countersigned


def test_a_late_decision_is_told_who_decided_what(world: World, signed_in: Browsers) -> None:
    bob, carol = signed_in(make.user("bob")), signed_in(make.user("carol"))
    path = f"/candidates/{world.candidate.pk}/decide/"
    late = {**_form(carol, world.candidate), "verdict": "approve"}
    bob.post(path, {**_form(bob, world.candidate), "verdict": "reject", "reason": "hard-codes <b>26</b>"})
    answer = carol.post(path, late)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert f"C-{world.candidate.pk} was already rejected" in page
    assert "<strong>bob</strong> rejected" in page
    assert "hard-codes &lt;b&gt;26&lt;/b&gt;" in page


def test_a_program_gets_a_problem_document(world: World, signed_in: Browsers) -> None:
    bob = signed_in(make.user("bob"))
    stale = {**_form(bob, world.candidate), "evidence": "0" * 64, "verdict": "approve"}
    answer = bob.post(f"/candidates/{world.candidate.pk}/decide/", stale, headers={"Accept": "application/json"})
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "What you read has changed",
        "status": 409,
        "code": "stale_decision",
        "detail": "The evidence is no longer the one you were shown. Reload the page and look again.",
    }


def test_a_decision_that_names_nothing_is_refused(world: World, signed_in: Browsers) -> None:
    answer = signed_in(make.user("bob")).post(f"/candidates/{world.candidate.pk}/decide/", {"verdict": "approve"})
    assert answer.status_code == 422
    assert not Vote.objects.exists()


def test_a_reason_is_kept_from_the_strategy_when_unticked(world: World, signed_in: Browsers) -> None:
    bob = signed_in(make.user("bob"))
    form = {**_form(bob, world.candidate), "verdict": "reject", "reason": "holdout hint"}
    bob.post(f"/candidates/{world.candidate.pk}/decide/", form)
    assert not Vote.objects.get().share_reason


@pytest.mark.parametrize("tab", ["changes", "evidence", "log", "lineage"])
@pytest.mark.parametrize("view", ["unified", "split"])
def test_every_tab_shows_and_no_seed_is_told(world: World, signed_in: Browsers, tab: str, view: str) -> None:
    answer = signed_in(make.user("bob")).get(f"/candidates/{world.candidate.pk}/?tab={tab}&view={view}")
    page = answer.content.decode()
    assert answer.status_code == 200
    seeds = {str(row.seed) for row in world.candidate.evaluations.filter(stage__in=["confirm", "holdout"])}
    assert seeds
    assert not {seed for seed in seeds if seed in page}


def test_the_trail_and_every_page_say_self_countersigned(alone: World, signed_in: Browsers) -> None:
    alice = signed_in(make.user("alice"))
    form = {**_form(alice, alone.candidate), "verdict": "approve", "reason": "fine", "confirmed": "yes"}
    alice.post(f"/candidates/{alone.candidate.pk}/decide/", form)
    for path in (f"/candidates/{alone.candidate.pk}/", "/audit/", f"/runs/{alone.run.pk}/"):
        assert "self-countersigned" in alice.get(path).content.decode(), path


def test_a_review_that_too_few_people_may_approve_says_so(world: World, signed_in: Browsers) -> None:
    Review.objects.update(needed=3)
    page = signed_in(make.user("bob")).get(f"/candidates/{world.candidate.pk}/").content.decode()

    assert "3 must approve, and 2 people here may; invite another reviewer" in page


def test_what_one_has_voted_on_waits_for_others(world: World, signed_in: Browsers) -> None:
    make.vote(world.candidate, make.bob(), "abstain")

    page = signed_in(make.user("bob")).get("/review/").content.decode()

    assert "No review waits for you" in page
    assert "Waits for others" in page
