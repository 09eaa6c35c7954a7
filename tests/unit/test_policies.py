"""What may be released: tiers, approvals, solo and team, every condition that says no, and no way around them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improvement import policies
from improvement.exceptions import Invalid, PolicyUnmet
from improvement.hosts import HostList
from improvement.policies import Case, CastVote, Change, Digests, Policy, Preset, Tier, WhenWaiting, preset_text

SOLO = policies.parse_policy(preset_text(Preset.SOLO), version=1)
TEAM = policies.parse_policy(preset_text(Preset.TEAM), version=2)
SHOWN = Digests(patch="p" * 64, base="b" * 40, evidence="e" * 64, policy="y" * 64)
ALICE, BOB, CAROL = 1, 2, 3
NAMES = {ALICE: "alice", BOB: "bob", CAROL: "carol", 4: "dave"}


def vote(person: int, verdict: str = "approve", **changes: object) -> CastVote:
    """Return a vote on exactly what is shown."""
    given = CastVote(person, NAMES[person], verdict, SHOWN, "reads well", may_review=True)
    return replace(given, **changes)  # type: ignore[arg-type]


def case(*votes: CastVote, **changes: object) -> Case:
    """Return a case that lacks nothing but approvals; alice started the run."""
    good = Case(
        digests=SHOWN,
        tier=Tier.LOW,
        involved=frozenset({ALICE}),
        votes=votes,
        evidence_better=True,
        sandbox_level=3,
        sandbox_min_level=3,
        halted=False,
        strayed="",
        quarantined=False,
        blocking_findings=(),
        open_comments=0,
    )
    return replace(good, **changes)  # type: ignore[arg-type]


# Tiers


@pytest.mark.parametrize(
    ("kind", "lines", "severities", "tier"),
    [
        ("code", 1, (), Tier.LOW),
        ("code", 20, (), Tier.LOW),
        ("parameters", 20, (), Tier.LOW),
        ("prompt", 20, (), Tier.LOW),
        ("pipeline", 20, (), Tier.LOW),
        ("code", 21, (), Tier.MEDIUM),
        ("code", 1, ("note",), Tier.MEDIUM),
        ("code", 200, (), Tier.MEDIUM),
        ("code", 201, (), Tier.HIGH),
        ("code", 1, ("second_person",), Tier.HIGH),
        ("code", 1, ("note", "second_person"), Tier.HIGH),
        ("strategy", 1, (), Tier.HIGH),
        ("weather", 1, (), Tier.MEDIUM),
        ("", 1, (), Tier.MEDIUM),
    ],
)
def test_the_tier_grows_with_what_could_go_wrong(
    kind: str, lines: int, severities: tuple[str, ...], tier: Tier
) -> None:
    assert policies.tier_of(Change(kind, lines, severities)) is tier


# Approvals by preset and tier


@pytest.mark.parametrize(
    ("policy", "tier", "people", "released"),
    [
        (SOLO, Tier.LOW, (), False),
        (SOLO, Tier.LOW, (ALICE,), True),
        (SOLO, Tier.MEDIUM, (ALICE,), True),
        (SOLO, Tier.HIGH, (ALICE,), True),
        (SOLO, Tier.HIGH, (BOB,), True),
        (TEAM, Tier.LOW, (), False),
        (TEAM, Tier.LOW, (ALICE,), False),
        (TEAM, Tier.LOW, (BOB,), True),
        (TEAM, Tier.MEDIUM, (BOB,), True),
        (TEAM, Tier.MEDIUM, (ALICE,), False),
        (TEAM, Tier.HIGH, (BOB,), False),
        (TEAM, Tier.HIGH, (ALICE, BOB), False),
        (TEAM, Tier.HIGH, (BOB, BOB), False),
        (TEAM, Tier.HIGH, (BOB, CAROL), True),
    ],
)
def test_each_tier_needs_its_number_of_people(
    policy: Policy, tier: Tier, people: tuple[int, ...], released: bool
) -> None:
    assert policies.can_release(case(*map(vote, people), tier=tier), policy) is released


@pytest.mark.parametrize("policy", [SOLO, TEAM])
def test_a_change_that_no_rule_covers_is_not_released(policy: Policy) -> None:
    uncovered = case(vote(BOB), vote(CAROL), tier=None)
    with pytest.raises(PolicyUnmet, match="no rule of the policy covers this change"):
        policies.check_release(uncovered, policy)


# Why one vote does not count


@pytest.mark.parametrize("name", ["patch", "base", "evidence", "policy"])
def test_a_vote_on_another_digest_does_not_count(name: str) -> None:
    stale = vote(BOB, digests=replace(SHOWN, **{name: "0"}))
    assert policies.why_not_counted(stale, case(stale), SOLO) == (
        "it was given for an earlier version of the change, the evidence or the policy"
    )
    assert not policies.can_release(case(stale), SOLO)


@pytest.mark.parametrize(
    ("cast", "policy", "why"),
    [
        (vote(BOB), TEAM, ""),
        (vote(BOB, suspended=True), TEAM, "it is suspended until the new evidence has been read"),
        (vote(BOB, may_review=False), TEAM, "this person may no longer review here"),
        (vote(ALICE), TEAM, "this person started or edited what is under review"),
        (vote(ALICE), SOLO, ""),
        (vote(ALICE, reason=" \n"), SOLO, "approving your own run needs a typed reason"),
        (vote(BOB, reason=""), SOLO, ""),
    ],
)
def test_an_approval_says_why_it_does_not_count(cast: CastVote, policy: Policy, why: str) -> None:
    assert policies.why_not_counted(cast, case(cast), policy) == why
    assert policies.can_release(case(cast), policy) is (why == "")


@pytest.mark.parametrize("verdict", ["abstain", "reject", "request_changes", "APPROVE", ""])
def test_only_an_approval_approves(verdict: str) -> None:
    assert policies.counted_approvals(case(vote(BOB, verdict)), SOLO) == ()


@pytest.mark.parametrize("verdict", ["reject", "request_changes"])
def test_an_objection_holds_a_release_back(verdict: str) -> None:
    disputed = case(vote(BOB), vote(CAROL, verdict))
    with pytest.raises(PolicyUnmet, match="Nobody against: carol"):
        policies.check_release(disputed, SOLO)


# Every other condition


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"evidence_better": False}, "Better than the champion: the evidence does not show an improvement."),
        ({"sandbox_level": 2}, "Sandbox level: measured at level 2, level 3 is needed."),
        ({"blocking_findings": ("It edits f.txt.",)}, "No blocking finding: It edits f.txt.."),
        ({"open_comments": 2}, "No open comment: comments on lines that wait to be resolved: 2."),
        ({"quarantined": True}, "No blocking finding: the score is above what is possible."),
        ({"strayed": "is gone"}, "Branch at the champion: it is gone; put it back first."),
        ({"halted": True}, "Not stopped: everything is stopped."),
    ],
)
def test_one_unmet_condition_is_enough_for_a_no(changes: dict[str, object], refusal: str) -> None:
    with pytest.raises(PolicyUnmet) as refused:
        policies.check_release(case(vote(BOB), vote(CAROL), **changes), TEAM)
    assert refused.value.message == refusal


def test_a_case_that_lacks_nothing_is_released_and_says_so() -> None:
    told = [(one.name, one.met, one.why) for one in policies.requirements(case(vote(BOB)), TEAM)]
    assert told == [
        ("Approvals", True, "1 of 1: bob"),
        ("Nobody against", True, "no open objection"),
        ("No open comment", True, "none"),
        ("Better than the champion", True, "confirmed on fresh seeds"),
        ("Sandbox level", True, "measured at level 3, level 3 is needed"),
        ("No blocking finding", True, "none"),
        ("Branch at the champion", True, "it is there"),
        ("Not stopped", True, "running normally"),
    ]


# The text of a policy


def test_the_presets_state_what_they_are_for() -> None:
    def needed(policy: Policy) -> list[int]:
        return [policy.approvals[tier] for tier in Tier]

    assert (SOLO.preset, SOLO.self_countersign, needed(SOLO)) == (Preset.SOLO, True, [1, 1, 1])
    assert (TEAM.preset, TEAM.self_countersign, needed(TEAM)) == (Preset.TEAM, False, [1, 1, 2])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('preset = "team"', "preset = team", "not valid TOML"),
        ('preset = "team"', 'preset = "anarchy"', "wrong value"),
        ('preset = "team"', "", "lacks 'preset'"),
        ("self_countersign = false", 'self_countersign = "no"', "self_countersign must be true or false"),
        ("self_countersign = false", "self_countersign = 0", "self_countersign must be true or false"),
        ("self_countersign = false", "", "lacks 'self_countersign'"),
        ("self_countersign = false", "self_countersign = true", "only the preset solo"),
        ("max_open_reviews = 3", "max_open_reviews = 0", "max_open_reviews must be a whole number of at least 1"),
        ("max_open_reviews = 3", "max_open_reviews = true", "max_open_reviews must be a whole number of at least 1"),
        ("review_expires_hours = 336", "review_expires_hours = 1.5", "must be a whole number of at least 1"),
        ('when_waiting = "explore"', 'when_waiting = "sleep"', "wrong value"),
        ('when_waiting = "explore"', "", "lacks 'when_waiting'"),
        ("approvals = 2", "approvals = 0", "approvals must be a whole number of at least 1"),
        ("approvals = 2", "approvals = -1", "approvals must be a whole number of at least 1"),
        ("approvals = 2", "", "lacks 'approvals'"),
        ("[tiers.high]", "[tiers.highest]", "lacks 'high'"),
        ("agent_hosts = []", 'agent_hosts = "pypi.org"', "Hosts are given as a list of names"),
        ("agent_hosts = []", 'agent_hosts = ["*"]', "names no host"),
        ("agent_hosts = []", 'agent_hosts = ["10.0.0.1"]', "names no host"),
        ("[tiers.high]\napprovals = 2", "tiers.high = 2", "policy"),
    ],
)
def test_a_policy_that_cannot_be_read_is_refused_whole(old: str, new: str, said: str) -> None:
    text = preset_text(Preset.TEAM)
    assert old in text
    with pytest.raises(Invalid, match=said):
        policies.parse_policy(text.replace(old, new), version=3)


def test_a_preset_says_what_runs_do_while_a_review_is_open() -> None:
    assert (SOLO.when_waiting, TEAM.when_waiting) == ("explore", "explore")
    for preset in Preset:
        parked = policies.parse_policy(policies.preset_text(preset, WhenWaiting.PARK), version=3)
        assert (parked.preset, parked.when_waiting) == (preset, "park")


def test_a_preset_grants_agents_the_hosts_that_it_names_and_else_none() -> None:
    granted = HostList.parse(["pypi.org", "*.example.org:8443"])
    for preset in Preset:
        rules = policies.parse_policy(policies.preset_text(preset, agent_hosts=granted), version=3)
        assert rules.agent_hosts == granted
    older = preset_text(Preset.TEAM).replace("agent_hosts = []\n", "")
    assert policies.parse_policy(older, version=3).agent_hosts == TEAM.agent_hosts == HostList()


# No way around it

DIGESTS = st.builds(
    Digests,
    patch=st.sampled_from([SHOWN.patch, "0"]),
    base=st.sampled_from([SHOWN.base, "0"]),
    evidence=st.sampled_from([SHOWN.evidence, "0"]),
    policy=st.sampled_from([SHOWN.policy, "0"]),
)
VOTES = st.builds(
    CastVote,
    person_id=st.sampled_from(list(NAMES)),
    person_name=st.just("somebody"),
    verdict=st.sampled_from(["approve", "approve", "approve", "reject", "request_changes", "abstain"]),
    digests=st.one_of(st.just(SHOWN), DIGESTS),
    reason=st.sampled_from(["reads well", "", "  "]),
    may_review=st.booleans(),
    suspended=st.booleans(),
)
CASES = st.builds(
    lambda votes, **changes: case(*votes, **changes),
    st.lists(VOTES, max_size=6),
    tier=st.sampled_from([*Tier, None]),
    involved=st.frozensets(st.sampled_from(list(NAMES))),
    evidence_better=st.booleans(),
    sandbox_level=st.integers(0, 3),
    halted=st.booleans(),
    quarantined=st.booleans(),
    blocking_findings=st.sampled_from([(), ("It edits f.txt.",)]),
)


@given(made=CASES, policy=st.sampled_from([SOLO, TEAM]))
def test_nothing_is_released_without_enough_eligible_people(made: Case, policy: Policy) -> None:
    if not policies.can_release(made, policy):
        return
    assert made.tier is not None
    in_time = [one for one in made.votes if one.digests == SHOWN and one.may_review and not one.suspended]
    agreeing = {one.person_id for one in in_time if one.verdict == "approve"}
    if policy is TEAM:
        agreeing -= made.involved
    assert len(agreeing) >= policy.approvals[made.tier]
    assert not [one for one in in_time if one.verdict in {"reject", "request_changes"}]
    assert made.evidence_better
    assert made.sandbox_level >= 3
    assert not made.halted
    assert not made.quarantined
    assert made.blocking_findings == ()


@given(made=CASES, policy=st.sampled_from([SOLO, TEAM]))
def test_asking_and_enforcing_agree(made: Case, policy: Policy) -> None:
    if policies.can_release(made, policy):
        policies.check_release(made, policy)
    else:
        with pytest.raises(PolicyUnmet):
            policies.check_release(made, policy)


@given(extra=VOTES, policy=st.sampled_from([SOLO, TEAM]), tier=st.sampled_from(list(Tier)))
def test_a_vote_by_somebody_involved_helps_nobody_under_team(extra: CastVote, policy: Policy, tier: Tier) -> None:
    own = replace(extra, person_id=ALICE, verdict="approve")
    before, after = case(vote(BOB), tier=tier), case(vote(BOB), own, tier=tier)
    if policy is TEAM:
        assert policies.counted_approvals(after, policy) == policies.counted_approvals(before, policy)
