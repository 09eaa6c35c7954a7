"""Histories in which a champion moves as it must not, and what the verifier must say of each."""

from __future__ import annotations

from tests.unit.ledger.dishonest import Tale, move_outside, one_approval
from tests.unit.ledger.story import SYSTEM, Story, commit, person


def a_champion_set_by_hand(story: Story) -> None:
    subject = {"kind": "target", "id": "circle-packing"}
    story.tell("target.champion_set", person("alice"), subject=subject, data={"commit": commit("by hand")})


def a_target_added_twice(story: Story) -> None:
    subject = {"kind": "target", "id": "circle-packing"}
    story.tell("target.added", person("alice"), subject=subject, data={"champion": commit("by hand")})


def a_takeover_under_halt(story: Story) -> None:
    story.tell("halt.started", person("alice"), data={"reason": "Stop."})
    move_outside(story)


def a_rollback(**changed: object) -> Tale:
    def tale(story: Story) -> None:
        one_approval(story)
        story.roll_back(**changed)  # type: ignore[arg-type]

    return tale


def one_order_for_two_takeovers(story: Story) -> None:
    move_outside(story)
    story.take_over("champion.external", previous=commit("outside"))


def a_takeover_whose_order_ended(story: Story) -> None:
    story.take_over("champion.external_ordered")
    story.fail()
    story.take_over("champion.external")


def a_takeover_of_another_champion_than_ordered(story: Story) -> None:
    story.take_over("champion.external_ordered")
    one_approval(story)
    story.take_over("champion.external", previous=commit("new"))


def a_takeover_by_another_than_ordered(story: Story) -> None:
    story.take_over("champion.external_ordered")
    story.take_over("champion.external", actor=person("mallory"))


def a_rollback_by_another_than_ordered(story: Story) -> None:
    one_approval(story)
    story.roll_back("rollback.ordered")
    story.roll_back("rollback.done", actor=person("mallory"))


def a_rollback_ordered_as_a_takeover(story: Story) -> None:
    one_approval(story)
    story.take_over("champion.external_ordered", previous=commit("new"), commit=commit("start"))
    story.roll_back("rollback.done")


def a_rollback_done_twice(story: Story) -> None:
    one_approval(story)
    story.roll_back()
    story.roll_back("rollback.done", previous=commit("back"))


def a_rollback_that_nobody_ordered(story: Story) -> None:
    one_approval(story)
    story.roll_back("rollback.done")


DISHONEST_MOVES: list[tuple[Tale, str]] = [
    (a_champion_set_by_hand, "only a release or a rollback may move"),
    (a_target_added_twice, "added a second time"),
    (lambda story: story.take_over("champion.external_ordered", actor=SYSTEM), "only a person may do this"),
    (lambda story: story.take_over("champion.external"), "no event says that this takeover was ordered"),
    (a_takeover_under_halt, "a takeover was ordered while everything was halted"),
    (one_order_for_two_takeovers, "no event says that this takeover was ordered"),
    (a_takeover_whose_order_ended, "no event says that this takeover was ordered"),
    (a_takeover_of_another_champion_than_ordered, f"user:alice ordered that {commit('start')} is replaced"),
    (a_takeover_by_another_than_ordered, "user:mallory replaced"),
    (a_rollback_that_nobody_ordered, "no event says that this rollback was ordered"),
    (a_rollback_ordered_as_a_takeover, "no event says that this rollback was ordered"),
    (a_rollback_done_twice, "no event says that this rollback was ordered"),
    (a_rollback_by_another_than_ordered, "user:mallory replaced"),
    (a_rollback(actor=SYSTEM), "only a person may do this"),
    (a_rollback(reason="  "), "needs a reason"),
    (a_rollback(previous=commit("start")), "but the champion of circle-packing was"),
    (a_rollback(to=commit("never")), "which was never its champion"),
    (a_rollback(tree=commit("another tree")), "but the tree is another one"),
]
