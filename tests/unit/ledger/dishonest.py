"""Histories that break a rule though every event is perfectly signed, and what the verifier must say of each."""

from __future__ import annotations

from collections.abc import Callable

from tests.unit.ledger.story import SYSTEM, Json, Story, commit, digest, person

Tale = Callable[[Story], object]


def close(story: Story, how: str, **data: object) -> int:
    return story.tell(how, **story.about(), data=data)


def one_approval(story: Story) -> None:
    story.open_review()
    story.release(("bob", story.vote("bob")))


def move_outside(story: Story) -> None:
    story.take_over("champion.external_ordered", "champion.external")


def rebase(story: Story, **changed: object) -> None:
    moved = {"base": commit("outside"), "evidence_sha256": digest("again"), **changed}
    close(story, "review.stale")
    story.tell("review.rebased", **story.about(**moved), data={"previous_base": commit("start")})
    story.evidence(**moved)
    story.open_review(**moved)


def recount(story: Story, vote: int, **changed: object) -> int:
    parts = story.about(**{"base": commit("outside"), "evidence_sha256": digest("again"), **changed})
    return story.tell("review.vote_recounted", **parts, data={"vote": vote, "user": "user:bob"})


def release_without_review(story: Story) -> None:
    story.release()


def release_without_approval(story: Story) -> None:
    story.open_review()
    story.release()


def too_few_approvals(story: Story) -> None:
    story.open_review(required=2)
    story.release(("bob", story.vote("bob")))


def one_person_counted_twice(story: Story) -> None:
    story.open_review(required=2)
    vote = story.vote("bob")
    story.release(("bob", vote), ("bob", vote))


def a_vote_that_does_not_exist(story: Story) -> None:
    story.open_review()
    story.release(("bob", 2))


def a_vote_that_comes_later(story: Story) -> None:
    story.open_review()
    story.release(("bob", len(story.lines) + 1))
    story.vote("bob")


def a_vote_credited_to_somebody_else(story: Story) -> None:
    story.open_review()
    story.release(("carol", story.vote("bob")))


def a_rejection_counted(story: Story) -> None:
    story.open_review()
    story.release(("bob", story.vote("bob", "reject")))


def an_objection_passed_over(story: Story) -> None:
    story.open_review()
    story.vote("carol", "reject")
    story.release(("bob", story.vote("bob")))


def forged_vote(story: Story, actor: Json) -> int:
    data = {"verdict": "approve", "reason": "ok", "self_countersigned": False, "via": "web"}
    return story.forge("review.voted", actor, **story.about(), data=data)


def a_vote_by_a_token(story: Story) -> None:
    story.open_review()
    vote = forged_vote(story, {"kind": "token", "id": "user:bob"})
    story.release(("bob", vote))


def a_vote_by_the_system(story: Story) -> None:
    story.open_review()
    forged_vote(story, SYSTEM)


def a_vote_by_an_account_without_a_person(story: Story) -> None:
    story.open_review()
    forged_vote(story, {"kind": "human", "id": "worker:3"})


def a_vote_for(**changed: str) -> Tale:
    def tale(story: Story) -> None:
        story.open_review()
        story.release(("bob", story.vote("bob", **changed)))

    return tale


def release_of(**changed: str) -> Tale:
    def tale(story: Story) -> None:
        story.open_review()
        story.release(("bob", story.vote("bob")), **changed)

    return tale


def self_approval_under_team(story: Story) -> None:
    story.open_review()
    story.release(("alice", story.vote("alice")))


def self_countersigned_under_team(story: Story) -> None:
    story.open_review()
    story.release(("alice", story.vote("alice", marked=True)))


def a_team_vote_dressed_as_solo(story: Story) -> None:
    story.open_review()
    story.release(("alice", story.vote("alice", marked=True, preset="solo")), preset="solo")


def approval_by_the_author(story: Story) -> None:
    proposer = {"kind": "token", "id": "token:4", "owner": "user:bob"}
    story.tell("candidate.proposed", proposer, **story.about())
    story.open_review()
    story.release(("bob", story.vote("bob")))


def a_run_that_nobody_created(story: Story) -> None:
    story.open_review(run="R-8")
    story.release(("bob", story.vote("bob", run="R-8")), run="R-8")


def no_run_and_no_author(story: Story) -> None:
    story.open_review(run=None)
    story.release(("bob", story.vote("bob", run=None)), run=None)


def release_under_halt(story: Story) -> None:
    story.open_review()
    vote = story.vote("bob")
    story.tell("halt.started", person("alice"), data={"reason": "Stop."})
    story.release(("bob", vote))


def a_release_begun_under_halt(story: Story) -> None:
    story.tell("halt.started", person("alice"), data={"reason": "Stop."})
    story.intend()


def a_halt_lifted_by_one(story: Story) -> None:
    story.tell("halt.started", person("alice"), data={"reason": "Stop."})
    story.tell("halt.resume_requested", person("alice"), data={"reason": "Go on."})
    story.tell("halt.lifted", person("alice"), data={"reason": "Go on."})


def a_halt_lifted_by_the_system(story: Story) -> None:
    story.tell("halt.started", person("alice"), data={"reason": "Stop."})
    story.forge("halt.lifted", SYSTEM, subject={"kind": "log", "id": "l"}, data={"reason": "Go on."})


def a_broken_chain(story: Story) -> None:
    story.open_review()
    story.release(("bob", story.vote("bob")), previous="elsewhere")


def a_release_twice(story: Story) -> None:
    story.open_review()
    vote = story.vote("bob")
    story.release(("bob", vote))
    story.release(("bob", vote), new="newer")


def another_tree_than_measured(story: Story) -> None:
    story.open_review()
    story.release(("bob", story.vote("bob")), tree="another tree")


def evidence_that_was_not_recorded(story: Story) -> None:
    invented = {"evidence_sha256": digest("invented")}
    story.open_review(**invented)
    story.release(("bob", story.vote("bob", **invented)), **invented)


def a_policy_no_longer_in_force(story: Story) -> None:
    story.open_review()
    vote = story.vote("bob")
    old = story.policy_digest
    story.policy("team", 2)
    story.release(("bob", vote), policy_sha256=old)


def a_release_begun_under_an_old_policy(story: Story) -> None:
    old = story.policy_digest
    story.policy("team", 2)
    story.intend(policy_sha256=old)


def one_policy_under_two_presets(story: Story) -> None:
    data = {"version": 2, "preset": "solo", "policy_sha256": story.policy_digest}
    story.tell("policy.changed", person("alice"), subject={"kind": "policy", "id": "policy"}, data=data)


def ended(how: str, **data: str) -> Tale:
    def tale(story: Story) -> None:
        story.open_review()
        vote = story.vote("bob")
        close(story, how, **data)
        story.release(("bob", vote))

    return tale


def a_vote_after_the_end(story: Story) -> None:
    story.open_review()
    close(story, "review.expired")
    story.vote("bob")


def a_vote_without_review(story: Story) -> None:
    story.vote("bob")


def a_withdrawn_vote_counted(story: Story) -> None:
    story.open_review()
    vote = story.vote("bob")
    story.tell("review.vote_withdrawn", person("bob"), **story.about())
    story.release(("bob", vote))


def a_replaced_vote_counted(story: Story) -> None:
    story.open_review()
    vote = story.vote("bob")
    story.vote("bob", "abstain")
    story.release(("bob", vote))


def a_vote_withdrawn_by_nobody(story: Story) -> None:
    story.open_review()
    story.tell("review.vote_withdrawn", person("bob"), **story.about())


def an_old_vote_after_a_rebase(story: Story) -> None:
    story.open_review()
    vote = story.vote("bob")
    move_outside(story)
    rebase(story)
    story.release(("bob", vote), previous="outside", base=commit("outside"), evidence_sha256=digest("again"))


def a_recount_for_another_patch(story: Story) -> None:
    story.open_review()
    vote = story.vote("bob")
    move_outside(story)
    rebase(story, patch_sha256=digest("another"))
    recount(story, vote, patch_sha256=digest("another"))


def a_recount_without_a_rebase(story: Story) -> None:
    story.open_review()
    recount(story, story.vote("bob"), base=commit("start"), evidence_sha256=digest("evidence"))


def a_recount_of_a_replaced_vote(story: Story) -> None:
    story.open_review()
    vote = story.vote("bob")
    story.vote("bob", "reject")
    move_outside(story)
    rebase(story)
    recount(story, vote)


def a_recount_of_nothing(story: Story) -> None:
    story.open_review()
    recount(story, 3, base=commit("start"), evidence_sha256=digest("evidence"))


def a_review_that_asks_nobody(story: Story) -> None:
    story.forge("review.opened", **story.about(), data={"required": 0, "tier": "low"})
    story.release()


def a_run_created_twice(story: Story) -> None:
    parts = {"subject": {"kind": "run", "id": "R-7"}, "context": {"target": "circle-packing"}, "data": {}}
    story.forge("run.created", person("mallory"), **parts)


DISHONEST: list[tuple[Tale, str]] = [
    (release_without_review, "RELEASED WITHOUT APPROVAL: no review of C-12 was opened"),
    (release_without_approval, "RELEASED WITHOUT APPROVAL: 0 of 1"),
    (too_few_approvals, "RELEASED WITHOUT APPROVAL: 1 of 2"),
    (one_person_counted_twice, "RELEASED WITHOUT APPROVAL: 1 of 2"),
    (a_vote_that_does_not_exist, "that is no vote before it"),
    (a_vote_that_comes_later, "that is no vote before it"),
    (a_vote_credited_to_somebody_else, "but it is by user:bob"),
    (a_rejection_counted, "the verdict was reject"),
    (an_objection_passed_over, "although user:carol objected"),
    (a_vote_by_a_token, "only a person may do this"),
    (a_vote_by_the_system, "only a person may do this"),
    (a_vote_by_an_account_without_a_person, "only a person may do this"),
    (a_vote_for(patch_sha256=digest("another")), "for another patch"),
    (a_vote_for(base=commit("another")), "for another base commit"),
    (a_vote_for(evidence_sha256=digest("another")), "for another evidence"),
    (a_vote_for(policy_sha256=digest("another")), "for another policy"),
    (a_vote_for(run="R-8"), "for another run"),
    (a_vote_for(target="another"), "for another target"),
    (a_vote_for(id="C-13"), "no review of C-13 was opened"),
    (release_of(patch_sha256=digest("another")), "no such evidence"),
    (release_of(base=commit("another")), "what was approved stands on"),
    (release_of(evidence_sha256=digest("another")), "no such evidence"),
    (release_of(policy_sha256=digest("another")), "a policy that was no longer in force"),
    (release_of(run="R-8"), "for another run"),
    (self_approval_under_team, "who started or proposed it"),
    (self_countersigned_under_team, "who started or proposed it"),
    (a_team_vote_dressed_as_solo, "who started or proposed it"),
    (approval_by_the_author, "who started or proposed it"),
    (a_run_that_nobody_created, "no event says who created that run"),
    (no_run_and_no_author, "no event says who proposed C-12"),
    (release_under_halt, "released while everything was halted"),
    (a_release_begun_under_halt, "begun while everything was halted"),
    (a_halt_lifted_by_one, "lifted by a second person"),
    (a_halt_lifted_by_the_system, "only a person may do this"),
    (a_broken_chain, "but the champion of circle-packing was"),
    (a_release_twice, "but the champion of circle-packing was"),
    (another_tree_than_measured, "not the tree that was measured"),
    (evidence_that_was_not_recorded, "no such evidence"),
    (a_policy_no_longer_in_force, "a policy that was no longer in force"),
    (a_release_begun_under_an_old_policy, "a policy that was no longer in force"),
    (one_policy_under_two_presets, "is recorded as 'team' and as 'solo'"),
    (ended("review.rejected", reason="No."), "ended with review.rejected"),
    (ended("review.expired"), "ended with review.expired"),
    (ended("review.superseded", by="C-13"), "ended with review.superseded"),
    (ended("review.withdrawn", reason="No."), "ended with review.withdrawn"),
    (ended("review.changes_requested", reason="No."), "ended with review.changes_requested"),
    (ended("review.stale"), "ended with review.stale"),
    (ended("candidate.withdrawn", reason="No."), "ended with candidate.withdrawn"),
    (a_vote_after_the_end, "was no longer open (review.expired)"),
    (a_vote_without_review, "no review of C-12 was opened"),
    (a_withdrawn_vote_counted, "replaced or withdrawn"),
    (a_replaced_vote_counted, "replaced or withdrawn"),
    (a_vote_withdrawn_by_nobody, "that was not cast"),
    (an_old_vote_after_a_rebase, "for another base commit"),
    (a_recount_for_another_patch, "for another patch"),
    (a_recount_without_a_rebase, "nothing was rebased"),
    (a_recount_of_a_replaced_vote, "replaced or withdrawn"),
    (a_recount_of_nothing, "never cast"),
    (a_review_that_asks_nobody, "at least one"),
    (a_run_created_twice, "created a second time"),
]
