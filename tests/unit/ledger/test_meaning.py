"""A log can be intact and still show a broken rule: the verifier reads what was recorded, honestly signed or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from improvement.ledger.event_types import EVENT_TYPES
from improvement.ledger.verify import _HANDLERS
from tests.unit.ledger.dishonest import DISHONEST, Tale, close, move_outside, one_approval, rebase, recount
from tests.unit.ledger.dishonest_moves import DISHONEST_MOVES
from tests.unit.ledger.story import Story, commit, digest, person


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """A running loop of alice's with confirmed evidence for C-12, under the team policy."""
    begun = Story(tmp_path).begin()
    begun.evidence()
    return begun


# --- Honest histories


def two_approvals(story: Story) -> None:
    story.open_review(required=2)
    story.release(("bob", story.vote("bob")), ("carol", story.vote("carol")))


def a_changed_mind(story: Story) -> None:
    story.open_review()
    story.vote("bob", "reject")
    story.release(("bob", story.vote("bob")))


def an_abstention(story: Story) -> None:
    story.open_review()
    story.vote("carol", "abstain")
    story.release(("bob", story.vote("bob")))


def a_rollback_under_halt(story: Story) -> None:
    one_approval(story)
    story.tell("halt.started", person("alice"), data={"reason": "Odd scores."})
    story.roll_back()


def a_lifted_halt(story: Story) -> None:
    story.tell("halt.started", person("alice"), data={"reason": "Odd scores."})
    story.tell("halt.resume_requested", person("alice"), data={"reason": "Found it."})
    story.tell("halt.lifted", person("bob"), data={"reason": "Agreed."})
    one_approval(story)


def a_counted_again_vote(story: Story) -> None:
    """The champion moves elsewhere, C-12 is rebased, and bob's vote lies inside what he accepted."""
    story.open_review()
    vote = story.vote("bob")
    move_outside(story)
    rebase(story)
    recounted = recount(story, vote)
    story.release(("bob", recounted), previous="outside", base=commit("outside"), evidence_sha256=digest("again"))


def a_second_revision(story: Story) -> None:
    story.open_review()
    story.vote("bob", "request_changes")
    close(story, "review.changes_requested", reason="Too slow.")
    parts = {"patch_sha256": digest("patch 2"), "evidence_sha256": digest("evidence 2")}
    story.evidence(**parts)
    story.open_review(**parts)
    story.release(("bob", story.vote("bob", **parts)), **parts)


def a_policy_change_and_a_new_review(story: Story) -> None:
    story.open_review()
    story.vote("bob")
    story.policy("team", 2)
    story.open_review(required=2)
    story.release(("bob", story.vote("bob")), ("carol", story.vote("carol")))


def a_vote_on_the_command_line(story: Story) -> None:
    story.open_review()
    data = {"verdict": "approve", "reason": "Read.", "self_countersigned": False, "via": "command line"}
    vote = story.tell("review.voted", person("bob", "command line"), **story.about(), data=data)
    story.release(("bob", vote))


HONEST: list[Tale] = [
    one_approval,
    two_approvals,
    a_changed_mind,
    an_abstention,
    a_rollback_under_halt,
    a_lifted_halt,
    a_counted_again_vote,
    a_second_revision,
    a_policy_change_and_a_new_review,
    a_vote_on_the_command_line,
]


@pytest.mark.parametrize("tale", HONEST)
def test_an_honest_history_passes(story: Story, tale: Tale) -> None:
    tale(story)
    assert story.verdict().problems == ()


def test_a_self_countersignature_passes_under_the_solo_policy(tmp_path: Path) -> None:
    story = Story(tmp_path, preset="solo").begin()
    story.evidence()
    story.open_review()
    story.release(("alice", story.vote("alice", marked=True)))
    assert story.verdict().problems == ()


# --- Dishonest histories, each perfectly signed


TALES = [*DISHONEST, *DISHONEST_MOVES]


@pytest.mark.parametrize(("tale", "found"), TALES, ids=[f"{number}-{found}" for number, (_, found) in enumerate(TALES)])
def test_a_broken_rule_is_found_out_though_the_log_is_intact(story: Story, tale: Tale, found: str) -> None:
    tale(story)
    problems = story.verdict().problems
    assert any(found in problem for problem in problems), problems
    assert not any("ALTERED" in problem or "INCONSISTENT" in problem for problem in problems)


def test_a_release_that_was_begun_before_the_halt_is_a_warning(story: Story) -> None:
    story.open_review()
    vote = story.vote("bob")
    story.intend()
    story.tell("halt.started", person("alice"), data={"reason": "Stop."})
    story.release(("bob", vote))
    verdict = story.verdict()
    assert verdict.problems == ()
    assert verdict.warnings == ("event 10: a release that was begun before the halt was finished under it",)


def test_a_release_that_was_begun_before_the_policy_changed_is_a_warning(story: Story) -> None:
    story.open_review()
    vote, old = story.vote("bob"), story.policy_digest
    story.intend()
    story.policy("team", 2)
    story.release(("bob", vote), policy_sha256=old)
    verdict = story.verdict()
    assert verdict.problems == ()
    assert verdict.warnings == ("event 10: a release that was begun before a change of policy was finished after it",)


@pytest.mark.parametrize("name", sorted(_HANDLERS))
def test_every_type_that_decides_is_registered_and_described(name: str) -> None:
    page = Path(__file__).parents[3] / "docs" / "audit-format.md"
    assert name in EVENT_TYPES
    assert f"`{name}`" in page.read_text(encoding="utf-8")
