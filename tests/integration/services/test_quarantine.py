"""A score above what is possible waits for a person, who clears it (confirmed, high risk) or rejects it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from improvement.engine.measurement import Measurement
from improvement.exceptions import BadTransition, Invalid, NotAllowed, NotFound
from improvement.models import Candidate, Run
from improvement.runner import confirming, releasing
from improvement.selectors import loop
from improvement.selectors import reviews as read
from improvement.services import quarantine
from improvement.services.actors import SYSTEM, Actor
from improvement.services.evaluations import Order
from tests import factories as make
from tests import trail
from tests.integration.commands.console import refusal, said
from tests.small_target import BOUND

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_enqueued", "data_directory")]

TOO_GOOD = BOUND + 1.0


def too_good(order: Order) -> Measurement:
    """Answer that the candidate is better than can be true, and the champion as it is."""
    honest = make.measured(order)
    return make.ok(TOO_GOOD, evaluator_digest=honest.evaluator_digest) if honest.metrics["score"] > 1.5 else honest


def put_aside(run: Run | None = None) -> Candidate:
    """Return a candidate that measured better than can be true."""
    (candidate,) = make.measured_candidates(run or make.run(), TOO_GOOD)
    assert candidate.state == "quarantined"
    return candidate


def clear(candidate: Candidate, actor: Actor | None = None, reason: str = "a new record") -> Candidate:
    """Clear a candidate, as alice unless somebody else is named."""
    return quarantine.clear(
        candidate.pk,
        shown=read.put_aside(make.fresh(candidate)),
        actor=actor or make.alice(),
        reason=reason,
        now=timezone.now(),
    )


def test_a_cleared_candidate_is_confirmed_and_reviewed_as_high_risk() -> None:
    candidate = put_aside()
    assert clear(candidate).state == "nominated"
    assert loop.cleared_candidates() == [candidate.pk]
    confirming.confirm_cleared(candidate.pk)
    confirming.confirm_cleared(candidate.pk)
    settled = make.settle(candidate)
    assert (settled.state, make.review_of(settled).tier) == ("in_review", "high")
    (cleared,) = trail.events("candidate.cleared")
    assert (cleared["actor"]["name"], cleared["data"]["reason"]) == ("alice", "a new record")
    make.vote(settled, make.alice())
    releasing.finish_release(make.intended_release(settled.target).pk)
    assert make.fresh(candidate).state == "released"
    trail.assert_holds()


def test_what_was_put_aside_while_it_was_confirmed_is_confirmed_on_other_seeds() -> None:
    candidate = make.confirming_candidate(make.run(), 2.0)
    assert make.settle(candidate, too_good).state == "quarantined"
    first = set(candidate.evaluations.filter(stage="confirm").values_list("seed", flat=True))
    clear(candidate)
    confirming.confirm_cleared(candidate.pk)
    again = make.fresh(candidate)
    assert (again.state, again.revision) == ("confirming", 2)
    second = set(candidate.evaluations.filter(stage="confirm", revision=2).values_list("seed", flat=True))
    assert first.isdisjoint(second)
    assert make.settle(again, too_good).state == "in_review"
    trail.assert_holds()


def test_a_cleared_candidate_waits_while_its_run_confirms_another() -> None:
    run = make.run()
    candidate = put_aside(run)
    other = make.confirming_candidate(run, 3.0)
    clear(candidate)
    confirming.confirm_cleared(candidate.pk)
    assert make.fresh(candidate).state == "nominated"
    make.settle(other)
    confirming.confirm_cleared(candidate.pk)
    assert make.fresh(candidate).state == "confirming"


def test_confirming_a_cleared_candidate_keeps_to_the_allowance_of_its_run() -> None:
    run = make.run()
    candidate = put_aside(run)
    Run.objects.filter(pk=run.pk).update(confirm_evaluations=run.confirm_allowance)
    clear(candidate)
    confirming.confirm_cleared(candidate.pk)
    assert make.fresh(candidate).state == "withdrawn"
    assert "spent what it may use for confirming" in trail.recorded("candidate.withdrawn")[0]["reason"]


def test_a_rejected_one_is_over_and_the_strategy_learns_no_more() -> None:
    candidate = put_aside()
    rejected = quarantine.reject(
        candidate.pk, shown=read.put_aside(candidate), actor=make.alice(), reason="it overflows", now=timezone.now()
    )
    assert (rejected.state, rejected.message, rejected.told) == ("rejected", "it overflows", True)
    (told,) = trail.events("review.rejected")
    assert (told["actor"]["name"], told["data"]["reason"]) == ("alice", "it overflows")
    with pytest.raises(BadTransition, match="is rejected, not quarantined"):
        clear(candidate)
    trail.assert_holds()


@pytest.mark.parametrize("decide", [quarantine.clear, quarantine.reject])
def test_who_may_decide_under_team(decide: object) -> None:
    alice, bob = make.alice(), make.bob()
    make.follow("team")
    candidate = put_aside(make.run(actor=alice))
    shown = read.put_aside(candidate)
    for actor in (alice, make.mallory(), SYSTEM):
        with pytest.raises(NotAllowed):
            decide(candidate.pk, shown=shown, actor=actor, reason="so", now=timezone.now())  # type: ignore[operator]
    decided = decide(candidate.pk, shown=shown, actor=bob, reason="so", now=timezone.now())  # type: ignore[operator]
    assert decided.state != "quarantined"


def test_a_reason_is_needed_and_a_candidate() -> None:
    candidate = put_aside()
    with pytest.raises(Invalid, match="Say why"):
        clear(candidate, reason=" ")
    with pytest.raises(NotFound):
        quarantine.clear(999, shown=read.Shown("", ""), actor=make.alice(), reason="so", now=timezone.now())
    assert make.fresh(candidate).state == "quarantined"


def test_the_page_asks_whoever_may_decide_and_takes_the_answer(client: Client) -> None:
    make.mallory()
    candidate = put_aside()
    page, decision = f"/candidates/{candidate.pk}/", f"/candidates/{candidate.pk}/quarantine/"
    client.force_login(make.user("mallory"))
    assert "You cannot decide here: your role does not include reviewing" in client.get(page).content.decode()
    client.force_login(make.user("alice"))
    assert "Clear it" in client.get(page).content.decode()
    shown = {"verdict": "clear", "patch": candidate.patch_digest, "evidence": ""}
    assert f'name="patch" value="{candidate.patch_digest}"' in client.get(page).content.decode()
    assert client.post(decision, shown).status_code == 422
    assert client.post(decision, {**shown, "patch": "", "reason": "a new record"}).status_code == 409
    assert client.post(decision, {**shown, "reason": "a new record"}).status_code == 302
    assert make.fresh(candidate).state == "nominated"
    assert "Is this score possible?" not in client.get(page).content.decode()


@pytest.mark.parametrize("action", ["clear", "reject"])
@pytest.mark.parametrize("named", ["--patch", "--evidence"])
def test_the_commands_refuse_another_change_than_the_one_that_was_read(action: str, named: str) -> None:
    candidate = put_aside()
    decide = ("review", action, f"C-{candidate.pk}", "--as", "alice", "--reason", "so")
    assert refusal(*decide, named, "0" * 64)["code"] == "stale_decision"
    assert make.fresh(candidate).state == "quarantined"
    assert said(*decide, "--patch", candidate.patch_digest[:12])["state"] != "quarantined"


def test_the_commands_take_the_newest_evidence() -> None:
    candidate = make.confirming_candidate(make.run(), 2.0)
    make.settle(candidate, too_good)
    decide = ("review", "reject", f"C-{candidate.pk}", "--as", "alice", "--reason", "so")
    assert said(*decide, "--evidence", candidate.evidence.get().digest[:12])["state"] == "rejected"


def test_the_commands_list_clear_and_reject() -> None:
    run = make.run()
    first, second = put_aside(run), make.measured_candidates(run, TOO_GOOD + 1)[0]
    assert said("review", "list")["quarantined"] == [f"C-{first.pk}", f"C-{second.pk}"]
    rejected = said("review", "reject", f"C-{first.pk}", "--as", "alice", "--reason", "it overflows")
    assert rejected == {"candidate": f"C-{first.pk}", "state": "rejected", "message": "it overflows"}
    assert [one.pk for one in read.quarantined(make.alice().person)] == [second.pk]  # type: ignore[arg-type]
    assert refusal("review", "clear", f"C-{first.pk}", "--as", "alice", "--reason", "so")["code"] == "bad_transition"
