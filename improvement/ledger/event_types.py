"""Every type of audit event: the sentence people read about it, and what an event of that type must state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

VERDICTS: Mapping[str, str] = {
    "approve": "approved",
    "reject": "rejected",
    "request_changes": "asked for changes to",
    "abstain": "abstained on",
}
"""What a person may say in a review, and the word for it in a sentence."""

VOTED_BY_WAY_OF = ("web", "command line")


@dataclass(frozen=True)
class EventType:
    """One type of event.

    ``sentence`` is a template; its fields are ``actor``, ``subject``, and keys of ``data``, ``context`` or ``subject``.
    ``subject``, ``context`` and ``data`` name the keys that must be stated besides; ``people_only`` refuses every actor
    but a person; ``by_loop`` says that the loop records it of its own work, so that nobody decided anything.
    """

    sentence: str
    subject: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    people_only: bool = False
    by_loop: bool = False

    @property
    def fields(self) -> frozenset[str]:
        """The fields that the sentence tells."""
        return frozenset(field for _, field, _, _ in Formatter().parse(self.sentence) if field)


def _bound(sentence: str, *data: str, people_only: bool = False, by_loop: bool = False) -> EventType:
    """Return a type whose events name exactly what they are about: patch, base, evidence and policy."""
    return EventType(
        sentence,
        subject=("patch_sha256", "base"),
        context=("target", "evidence_sha256", "policy_version", "policy_sha256", "preset"),
        data=data,
        people_only=people_only,
        by_loop=by_loop,
    )


EVENT_TYPES: Mapping[str, EventType] = {
    # The log itself
    "log.started": EventType("The audit log {subject} began"),
    "checkpoint.published": EventType(
        "{actor} published a checkpoint over {size} events", data=("root",), by_loop=True
    ),
    "export.created": EventType("{actor} exported the audit log up to event {size}"),
    "backup.made": EventType("{actor} made a backup"),
    "restore.done": EventType("{actor} restored the installation from a backup of {made_at}"),
    # Targets and their champions
    "target.added": EventType("{actor} added the target {subject} with champion {champion:.9}"),
    "target.champion_set": EventType("{actor} set the first champion of {subject} to {commit:.9}"),
    "target.branch_strayed": EventType(
        "The branch of {subject} was moved by hand: it was found at {found:.9}, not at its champion {champion:.9}"
    ),
    "target.branch_restored": EventType("The branch of {subject} is at its champion {champion:.9} again"),
    "champion.external_ordered": EventType(
        "{actor} ordered that {commit:.9}, made elsewhere, becomes champion of {subject}: {reason}",
        data=("previous", "tree"),
        people_only=True,
    ),
    "champion.external": EventType(
        "{actor} took over {commit:.9}, made elsewhere, as champion of {subject}: {reason}",
        data=("previous",),
        people_only=True,
    ),
    # Runs
    "run.created": EventType("{actor} created {subject} on {target} with {strategy}", context=("policy_sha256",)),
    "run.queued": EventType("{subject} waits for a free worker", by_loop=True),
    "run.started": EventType("{subject} started"),
    "run.paused": EventType("{actor} paused {subject}"),
    "run.resumed": EventType("{actor} resumed {subject}"),
    "run.budget_low": EventType("{subject} has used {used}", data=("limit",), by_loop=True),
    "run.limits_changed": EventType(
        "{actor} gave {subject} other limits, {changes}: {reason}", data=("limits",), people_only=True
    ),
    "run.parked": EventType("{subject} waits for its open reviews", by_loop=True),
    "run.completed": EventType("{subject} completed: {reason}"),
    "run.stopped": EventType("{actor} stopped {subject}: {reason}"),
    "run.failed": EventType("{subject} failed: {reason}"),
    # Candidates
    "candidate.proposed": EventType("{actor} proposed {subject}", subject=("patch_sha256", "base"), by_loop=True),
    "generation.proposed": EventType(
        "{subject} proposed {count} candidates in generation {generation}", data=("candidates",), by_loop=True
    ),
    "generation.evaluated": EventType(
        "{subject} evaluated {count} candidates of generation {generation}", data=("candidates",), by_loop=True
    ),
    "candidate.evaluated": EventType("{subject} was evaluated: {outcome}", by_loop=True),
    "candidate.blocked": EventType("{subject} was blocked: {reason}", by_loop=True),
    "candidate.quarantined": EventType("{subject} was put aside, its score is above what is possible: {reason}"),
    "candidate.cleared": EventType("{actor} cleared {subject} of suspicion: {reason}", people_only=True),
    "candidate.nominated": EventType("{subject} was nominated with score {score}", by_loop=True),
    "candidate.confirming": EventType("{subject} is being confirmed on fresh seeds", by_loop=True),
    "candidate.confirmed": EventType("{subject} was confirmed on fresh seeds", by_loop=True),
    "candidate.unconfirmed": EventType("{subject} was not confirmed: {reason}", by_loop=True),
    "candidate.confirm_failed": EventType("The confirmation of {subject} failed: {reason}", by_loop=True),
    "candidate.rolled_back": EventType("{subject} is champion no longer: it was rolled back"),
    "candidate.withdrawn": EventType("{actor} withdrew {subject}: {reason}"),
    "evidence.recorded": EventType(
        "The evidence for {subject} was recorded",
        subject=("patch_sha256", "base"),
        context=("evidence_sha256",),
        by_loop=True,
    ),
    # Reviews and votes
    "review.opened": _bound("{subject} was sent to review ({tier} risk, approvals needed: {required})", by_loop=True),
    "review.claimed": EventType("{actor} took the review of {subject}", by_loop=True),
    "review.voted": _bound("{actor} {verdict} {subject}: {reason}", "self_countersigned", "via", people_only=True),
    "review.vote_recounted": _bound(
        "The vote of {user} on {subject} counts again after a rebase", "vote", by_loop=True
    ),
    "review.vote_withdrawn": EventType("{actor} took back their vote on {subject}", people_only=True),
    "review.commented": EventType(
        "{actor} commented on line {line} of {path} in {subject}: {text}",
        subject=("patch_sha256", "base"),
        data=("side", "shared"),
        people_only=True,
    ),
    "review.comment_resolved": EventType(
        "{actor} resolved what was said of line {line} of {path} in {subject}",
        subject=("patch_sha256", "base"),
        data=("side",),
        people_only=True,
    ),
    "review.approved": EventType("{subject} has the approvals that it needs"),
    "review.rejected": EventType("{subject} was rejected: {reason}"),
    "review.changes_requested": EventType("Changes to {subject} were asked for: {reason}"),
    "review.expired": EventType("The review of {subject} passed its deadline"),
    "review.superseded": EventType("{subject} was superseded by {by}", by_loop=True),
    "review.withdrawn": EventType("The review of {subject} was withdrawn: {reason}"),
    "review.stale": EventType("The champion moved, so {subject} has to be confirmed again", by_loop=True),
    "review.rebased": EventType(
        "{subject} was placed on the champion {base:.9}", data=("previous_base",), by_loop=True
    ),
    # Releases
    "release.intended": _bound("{subject} is about to become champion {commit:.9} of {target}", "previous"),
    "release.done": _bound("{subject} became champion {commit:.9} of {target}", "tree", "previous", "approvals"),
    "release.failed": EventType("{subject} could not be released: {reason}"),
    "rollback.ordered": EventType(
        "{actor} ordered to roll {subject} back to {to:.9}: {reason}", data=("previous",), people_only=True
    ),
    "rollback.done": EventType(
        "{actor} rolled {subject} back to {to:.9}: {reason}", data=("commit", "tree", "previous"), people_only=True
    ),
    # Language models. Of an address the trail holds the digest: more people read the trail than may know the address
    "model.added": EventType(
        "{actor} added the language model {subject} ({dialect}, {model})", data=("address_sha256",)
    ),
    "model.changed": EventType(
        "{actor} changed the language model {subject} ({dialect}, {model})", data=("address_sha256", "key")
    ),
    "model.removed": EventType("{actor} removed the language model {subject}"),
    "model.tested": EventType("{actor} tested the language model {subject}: {outcome}"),
    "model.answered": EventType(
        "The language model {subject} answered a question of {run}: {outcome}",
        data=("request_sha256", "answer_sha256", "tokens_in", "tokens_out", "cost_microusd", "model"),
        by_loop=True,
    ),
    "model.lost": EventType(
        "A question to the language model {subject} was cut off, and counts as what was set aside for it: {cost}",
        data=("request_sha256", "tokens_in", "cost_microusd", "model"),
        by_loop=True,
    ),
    "rollback.proposed": EventType(
        "To roll {subject} back to {to:.9} was proposed: {reason}", data=("previous", "evidence_sha256"), by_loop=True
    ),
    "rollback.dismissed": EventType(
        "{actor} dismissed the proposed rollback of {subject} to {to:.9}: {reason}",
        data=("evidence_sha256",),
        people_only=True,
    ),
    "rollback.proposal_done": EventType(
        "The proposed rollback of {subject} to {to:.9} was carried out", data=("evidence_sha256",), by_loop=True
    ),
    "rollback.proposal_overtaken": EventType(
        "The proposed rollback of {subject} to {to:.9} was overtaken: another commit became champion",
        data=("evidence_sha256",),
        by_loop=True,
    ),
    # Streams
    "serving.began": EventType(
        "Champion {commit:.9} of {subject} follows the stream after record {after_record}", by_loop=True
    ),
    "serving.refused": EventType(
        "A step of {commit:.9} of {subject} was refused after record {after_record}: {reason}", by_loop=True
    ),
    "serving.skipped": EventType(
        "{actor} let {commit:.9} of {subject} skip the records {first} to {last}, which it refused: {reason}",
        people_only=True,
    ),
    "serving.shadow_ended": EventType("The shadow {commit:.9} of {subject} ended: {reason}"),
    "stream.fed": EventType(
        "{actor} fed the stream of {subject}: {accepted} observations were new, up to record {last}",
        data=("duplicates", "unmatched", "digest", "source"),
        by_loop=True,
    ),
    "stream.entries_left_out": EventType(
        "Entries for the stream of {subject} were left out ({entries}), the first of them, {first}: {reason}",
        data=("last",),
        by_loop=True,
    ),
    "stream.archived": EventType(
        "Records {first} to {last} of the stream of {subject} went to the archive",
        data=("blob_sha256", "digest"),
        by_loop=True,
    ),
    "program.ended": EventType(
        "The program {program} edited a working copy for {subject}: {outcome}",
        data=("command_sha256", "transcript_sha256"),
        by_loop=True,
    ),
    # Rules, people and the stop over everything
    "policy.changed": EventType(
        "{actor} put version {version} of the policy ({preset}) in force", data=("policy_sha256",)
    ),
    "user.invited": EventType("{actor} invited {subject} as {role}"),
    "user.link_made": EventType("{actor} made a sign-in link for {subject}"),
    "user.password_set": EventType("{actor} set a password"),
    "user.password_changed": EventType("{actor} changed the password"),
    "user.password_ended": EventType("The password of {subject} ended: a link that replaces it was used"),
    "user.joined": EventType("{subject} joined"),
    "user.role_changed": EventType("{actor} made {subject} {role}"),
    "user.signed_in": EventType("{actor} signed in"),
    "token.created": EventType("{actor} made the token {name} for {subject}: {scopes}", people_only=True),
    "token.revoked": EventType("{actor} revoked the token {name} of {subject}", people_only=True),
    "halt.started": EventType("{actor} stopped everything: {reason}"),
    "halt.resume_requested": EventType("{actor} asked to resume: {reason}", people_only=True),
    "halt.lifted": EventType("{actor} lifted the halt: {reason}", people_only=True),
    "sandbox.level_changed": EventType("The sandbox level went from {before} to {after}"),
}
