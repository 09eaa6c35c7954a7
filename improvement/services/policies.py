"""The policy in force: its versions, and the change from one preset to the other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from improvement import permissions, policies
from improvement.exceptions import Conflict, Invalid
from improvement.hosts import HostList
from improvement.models import PolicyVersion, Review
from improvement.permissions import Right
from improvement.policies import Policy, Preset, Tier, WhenWaiting
from improvement.selectors import people
from improvement.services import audit, reasons
from improvement.services.actors import SYSTEM, Actor, require_person


def current(*, now: datetime) -> PolicyVersion:
    """Return the version in force, making the first one (``solo``) when there is none."""
    newest = PolicyVersion.objects.order_by("-version").first()
    return newest or _append(Preset.SOLO, policies.preset_text(Preset.SOLO), actor=SYSTEM, now=now)


def parsed(version: PolicyVersion) -> Policy:
    """Return the rules that a stored version states."""
    return policies.parse_policy(version.text, version=version.version)


@audit.turn()
def choose_preset(
    preset: str,
    *,
    actor: Actor,
    reason: str,
    now: datetime,
    when_waiting: str = WhenWaiting.EXPLORE.value,
    agent_hosts: Sequence[str] = (),
) -> PolicyVersion:
    """Put a preset into force because a person chose it; open reviews are judged by it from now on.

    ``when_waiting`` ("explore" or "park") says what runs started from now on do while one of their reviews is open;
    ``agent_hosts`` are all hosts that programs which edit may reach from now on.
    """
    person = require_person(actor, "choose a policy")
    permissions.check_may(person, Right.CHANGE_POLICY)
    if preset not in {p.value for p in Preset}:
        raise Invalid(f"There is no policy preset {preset!r}: choose solo or team.")
    if when_waiting not in {w.value for w in WhenWaiting}:
        raise Invalid(f"While a review is open a run can explore or park, not {when_waiting!r}.")
    why = reasons.checked(reason, needed="Say why the policy changes; the reason goes into the audit trail.")
    chosen = Preset(preset)
    if chosen is Preset.SOLO and people.reviewers() >= 2:
        raise Conflict(
            "More than one person may review here, so the policy stays team: nobody alone decides that one is enough."
        )
    text = policies.preset_text(chosen, WhenWaiting(when_waiting), HostList.parse(list(agent_hosts)))
    return _append(chosen, text, actor=actor, reason=why, now=now)


def follow_people(*, now: datetime) -> PolicyVersion:
    """Move from ``solo`` to ``team`` once a second person may review; must be called inside a transaction."""
    version = current(now=now)
    if version.preset == Preset.SOLO.value and people.reviewers() >= 2:
        rules = parsed(version)
        text = policies.preset_text(Preset.TEAM, rules.when_waiting, rules.agent_hosts)
        return _append(Preset.TEAM, text, actor=SYSTEM, reason="a second person may review now", now=now)
    return version


def _append(preset: Preset, text: str, *, actor: Actor, now: datetime, reason: str = "") -> PolicyVersion:
    with audit.turn():
        newest = PolicyVersion.objects.select_for_update(of=("self",)).order_by("-version").first()
        version = PolicyVersion.objects.create(
            version=newest.version + 1 if newest else 1,
            preset=preset.value,
            text=text,
            digest=hashlib.sha256(text.encode()).hexdigest(),
            created_at=now,
            created_by=actor.name,
        )
        audit.append(
            "policy.changed",
            actor=actor,
            subject={"kind": "policy", "id": f"v{version.version}"},
            data={
                "version": version.version,
                "preset": preset.value,
                "policy_sha256": version.digest,
                "text": text,
                "reason": reason,
            },
            now=now,
        )
        _judge_open_reviews_by(version, now=now)
        return version


def _judge_open_reviews_by(version: PolicyVersion, *, now: datetime) -> None:
    """Reopen what is open under the new rules: earlier votes name the old policy and count no longer."""
    rules = parsed(version)
    for review in (
        Review.objects.select_for_update(of=("self",))
        .filter(state=Review.State.OPEN)
        .select_related("candidate__run", "candidate__target", "evidence")
    ):
        review.policy = version
        review.needed = rules.approvals[Tier(review.tier)]
        review.save(update_fields=["policy", "needed"])
        review.votes.update(suspended=True)
        audit.append(
            "review.opened",
            actor=SYSTEM,
            subject=audit.candidate_subject(review.candidate),
            context=audit.review_context(review, version),
            data={"tier": review.tier, "required": review.needed, "because": "the policy changed"},
            run=review.candidate.run,
            target=review.candidate.target.name,
            now=now,
        )
