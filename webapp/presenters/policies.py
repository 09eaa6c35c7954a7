"""The policy as people read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from improvement import policies

if TYPE_CHECKING:
    from improvement.models import PolicyVersion


@dataclass(frozen=True, slots=True)
class PolicyView:
    """The policy a run or a review is judged by."""

    version: int
    preset: str
    approvals: tuple[tuple[str, int], ...]
    self_countersign: bool
    parks: bool
    agent_hosts: tuple[str, ...]
    text: str


def policy_view(version: PolicyVersion) -> PolicyView:
    """Return a stored version of the policy for reading."""
    rules = policies.parse_policy(version.text, version=version.version)
    return PolicyView(
        version=version.version,
        preset=version.preset,
        approvals=tuple((tier.value, needed) for tier, needed in rules.approvals.items()),
        self_countersign=rules.self_countersign,
        parks=rules.when_waiting is policies.WhenWaiting.PARK,
        agent_hosts=rules.agent_hosts.texts,
        text=version.text,
    )
