"""May this move now: the policy's tiers, what each needs, and whether a case meets it. Fails closed."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from enum import StrEnum

from improvement.exceptions import Invalid, PolicyUnmet
from improvement.hosts import HostList


class Preset(StrEnum):
    """The two policies a new installation starts from."""

    SOLO = "solo"
    TEAM = "team"


class Tier(StrEnum):
    """How much a change could hurt."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class WhenWaiting(StrEnum):
    """What a run does while one of its reviews is open: go on exploring, or wait without holding a worker."""

    EXPLORE = "explore"
    PARK = "park"


NO_HOSTS = HostList()
LOW_LINES = 20
HIGH_LINES = 200

_PRESETS: dict[Preset, str] = {
    Preset.SOLO: """\
# One person works alone: approving your own run counts, with a typed reason, and is marked for ever.
preset = "solo"
self_countersign = true
max_open_reviews = 3
review_expires_hours = 336
when_waiting = "{when_waiting}"
agent_hosts = [{agent_hosts}]

[tiers.low]
approvals = 1
[tiers.medium]
approvals = 1
[tiers.high]
approvals = 1
""",
    Preset.TEAM: """\
# Nobody approves what they started; the higher the risk, the more people must agree.
preset = "team"
self_countersign = false
max_open_reviews = 3
review_expires_hours = 336
when_waiting = "{when_waiting}"
agent_hosts = [{agent_hosts}]

[tiers.low]
approvals = 1
[tiers.medium]
approvals = 1
[tiers.high]
approvals = 2
""",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the rules. ``approvals`` maps each tier to the number of people who must agree.

    ``agent_hosts`` are what programs that edit may reach of the network; a policy that names none grants none.
    """

    version: int
    digest: str
    preset: Preset
    self_countersign: bool
    max_open_reviews: int
    review_expires_hours: int
    when_waiting: WhenWaiting
    approvals: dict[Tier, int]
    agent_hosts: HostList


@dataclass(frozen=True, slots=True)
class Change:
    """What decides about the tier of a change: the kind of target, lines added and removed, severities of findings."""

    kind: str
    lines: int
    severities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Digests:
    """What a vote names: patch, base commit, evidence, policy. Change one and the vote no longer counts."""

    patch: str
    base: str
    evidence: str
    policy: str


@dataclass(frozen=True, slots=True)
class CastVote:
    """One person's newest verdict, as the policy sees it."""

    person_id: int
    person_name: str
    verdict: str
    digests: Digests
    reason: str
    may_review: bool
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that decides whether a candidate may be released now."""

    digests: Digests
    tier: Tier | None
    involved: frozenset[int]
    votes: tuple[CastVote, ...]
    evidence_better: bool
    sandbox_level: int
    sandbox_min_level: int
    halted: bool
    strayed: str
    quarantined: bool
    blocking_findings: tuple[str, ...]
    open_comments: int


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing the policy asks for, whether it is met, and why (or what is missing)."""

    name: str
    met: bool
    why: str


def parse_policy(text: str, *, version: int) -> Policy:
    """Return the policy that a TOML text states, or raise ``Invalid`` naming the line or key that is wrong."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"The policy is not valid TOML: {error}.") from error
    try:
        return Policy(
            version=version,
            digest=hashlib.sha256(text.encode()).hexdigest(),
            preset=Preset(data["preset"]),
            self_countersign=_self_countersign(data),
            max_open_reviews=_positive(data, "max_open_reviews"),
            review_expires_hours=_positive(data, "review_expires_hours"),
            when_waiting=WhenWaiting(data["when_waiting"]),
            approvals={tier: _positive(data["tiers"][tier.value], "approvals") for tier in Tier},
            agent_hosts=HostList.parse(data.get("agent_hosts", [])),
        )
    except KeyError as error:
        raise Invalid(
            f"The policy lacks {error}: name preset, self_countersign, when_waiting, limits and all three tiers."
        ) from error
    except (TypeError, ValueError) as error:
        raise Invalid(f"The policy has a wrong value: {error}.") from error


def preset_text(
    preset: Preset, when_waiting: WhenWaiting = WhenWaiting.EXPLORE, agent_hosts: HostList = NO_HOSTS
) -> str:
    """Return the text of a preset, with what its runs do while a review is open, and what agents may reach."""
    hosts = ", ".join(f'"{host}"' for host in agent_hosts.texts)
    return _PRESETS[preset].format(when_waiting=when_waiting.value, agent_hosts=hosts)


def tier_of(change: Change) -> Tier:
    """Return how much a change could hurt; a kind that is not known counts as more, never as less."""
    if change.kind == "strategy" or "second_person" in change.severities or change.lines > HIGH_LINES:
        return Tier.HIGH
    small = change.lines <= LOW_LINES and change.kind in {"parameters", "prompt", "code", "pipeline"}
    return Tier.LOW if small and "note" not in change.severities else Tier.MEDIUM


def why_not_counted(vote: CastVote, case: Case, policy: Policy) -> str:
    """Return why an approval does not count, or an empty text when it does."""
    if vote.digests != case.digests:
        return "it was given for an earlier version of the change, the evidence or the policy"
    if vote.suspended:
        return "it is suspended until the new evidence has been read"
    if not vote.may_review:
        return "this person may no longer review here"
    if vote.person_id in case.involved:
        if not policy.self_countersign:
            return "this person started or edited what is under review"
        if not vote.reason.strip():
            return "approving your own run needs a typed reason"
    return ""


def counted_approvals(case: Case, policy: Policy) -> tuple[CastVote, ...]:
    """Return the approvals that count now, one for each person."""
    approvals = {v.person_id: v for v in case.votes if v.verdict == "approve" and not why_not_counted(v, case, policy)}
    return tuple(approvals.values())


def requirements(case: Case, policy: Policy) -> tuple[Requirement, ...]:
    """Return what the policy asks of this case; all of them must be met for a release."""
    return (
        _approvals_requirement(case, policy),
        _no_rejection(case),
        _no_open_comment(case),
        Requirement(
            "Better than the champion",
            case.evidence_better,
            "confirmed on fresh seeds" if case.evidence_better else "the evidence does not show an improvement",
        ),
        Requirement(
            "Sandbox level",
            case.sandbox_level >= case.sandbox_min_level,
            f"measured at level {case.sandbox_level}, level {case.sandbox_min_level} is needed",
        ),
        Requirement(
            "No blocking finding",
            not case.blocking_findings and not case.quarantined,
            "; ".join(case.blocking_findings)
            or ("the score is above what is possible" if case.quarantined else "none"),
        ),
        Requirement(
            "Branch at the champion",
            not case.strayed,
            f"it {case.strayed}; put it back first" if case.strayed else "it is there",
        ),
        Requirement("Not stopped", not case.halted, "everything is stopped" if case.halted else "running normally"),
    )


def check_release(case: Case, policy: Policy) -> None:
    """Raise ``PolicyUnmet`` naming the first requirement that is not met."""
    for requirement in requirements(case, policy):
        if not requirement.met:
            raise PolicyUnmet(f"{requirement.name}: {requirement.why}.")


def can_release(case: Case, policy: Policy) -> bool:
    """Ask what ``check_release`` enforces."""
    return all(requirement.met for requirement in requirements(case, policy))


def _approvals_requirement(case: Case, policy: Policy) -> Requirement:
    if case.tier is None:
        return Requirement("Approvals", False, "no rule of the policy covers this change")
    needed = policy.approvals[case.tier]
    counted = counted_approvals(case, policy)
    names = ", ".join(vote.person_name for vote in counted)
    missing = needed - len(counted)
    if missing <= 0:
        return Requirement("Approvals", True, f"{len(counted)} of {needed}: {names}")
    rule = "" if policy.self_countersign else ", not from the person who started the run"
    return Requirement("Approvals", False, f"{len(counted)} of {needed}, {missing} more needed{rule}")


def _no_rejection(case: Case) -> Requirement:
    against = [v.person_name for v in case.votes if v.verdict in {"reject", "request_changes"} and not v.suspended]
    return Requirement("Nobody against", not against, ", ".join(against) or "no open objection")


def _no_open_comment(case: Case) -> Requirement:
    why = f"comments on lines that wait to be resolved: {case.open_comments}" if case.open_comments else "none"
    return Requirement("No open comment", not case.open_comments, why)


def _self_countersign(data: dict[str, object]) -> bool:
    allowed = _boolean(data, "self_countersign")
    if allowed and data["preset"] != Preset.SOLO:
        raise ValueError("only the preset solo may have self_countersign = true")
    return allowed


def _boolean(data: dict[str, object], key: str) -> bool:
    value = data[key]
    if not isinstance(value, bool):
        raise TypeError(f"{key} must be true or false")
    return value


def _positive(data: dict[str, object], key: str) -> int:
    value = data[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{key} must be a whole number of at least 1")
    return value
