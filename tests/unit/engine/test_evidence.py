"""Evidence: the verdict, what reviewers are told, and a digest that survives storage."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from improvement.engine.evidence import Evidence, build
from improvement.engine.exhibits import HoldoutVerdict, Pair, Role, Verdict
from improvement.engine.findings import Severity
from improvement.engine.manifest import Metric
from improvement.engine.measurement import Measurement, Outcome
from improvement.exceptions import Invalid
from tests.unit.engine.loop_factories import manifest, material, measured, pairs


def _codes(evidence: Evidence) -> dict[str, Severity]:
    return {finding.code: finding.severity for finding in evidence.findings}


def _held(evidence: Evidence) -> dict[str, bool]:
    return {check.name: check.ok for check in evidence.checks}


def test_build_clear_gain_is_better() -> None:
    evidence = build(material())
    assert evidence.verdict is Verdict.BETTER
    assert evidence.better
    assert (
        evidence.summary == "Better by 0.9625 points (95% interval 0.8667 to 1.05, 8 paired seeds); the holdout agrees."
    )
    assert all(_held(evidence).values())
    assert evidence.findings == ()
    assert evidence.seeds == tuple(range(1000, 1008))
    assert (evidence.cost.evaluations, evidence.cost.seconds, evidence.cost.cpu_seconds) == (22, 11.0, 5.5)
    assert [(row.name, row.role) for row in evidence.metrics] == [("score", Role.PRIMARY), ("cpu seconds", Role.TIME)]


def test_build_noise_is_within_noise() -> None:
    noise = pairs([1.0, 1.3, 0.8, 1.1, 0.9, 1.2, 1.0, 0.7], [1.1, 1.0, 0.9, 1.0, 1.1, 1.0, 0.8, 0.9])
    evidence = build(material(confirm=noise))
    assert evidence.verdict is Verdict.WITHIN_NOISE
    assert not evidence.better


def test_build_lower_is_better_turned_round() -> None:
    lower = manifest(metrics=(Metric("score", "lower"),))
    evidence = build(material(manifest=lower))
    assert evidence.verdict is Verdict.WORSE
    assert evidence.primary is not None
    assert evidence.primary.mean == pytest.approx(-0.9625)
    assert evidence.summary.startswith("Worse by 0.9625 (95% interval 0.8667 to 1.05, 8 paired seeds)")
    assert (evidence.primary.candidate, evidence.primary.champion) == pytest.approx((2.0125, 1.05))


@pytest.mark.parametrize(
    ("score", "verdict"),
    [(2.0, Verdict.EXACT_BETTER), (1.0, Verdict.EXACT_EQUAL), (1.05, Verdict.EXACT_EQUAL), (0.5, Verdict.EXACT_WORSE)],
)
def test_build_deterministic_target_is_exact(score: float, verdict: Verdict) -> None:
    fixed = manifest(metrics=(Metric("score", "higher", epsilon=0.1),))
    evidence = build(material(manifest=fixed, confirm=pairs([score] * 8, [1.0] * 8)))
    assert evidence.verdict is verdict
    assert evidence.primary is not None
    assert evidence.primary.method == "exact"
    assert "blind_to_seeds" not in _codes(evidence)


def test_build_failed_confirmation_blocks() -> None:
    evidence = build(material(confirm=pairs([2.0] * 7 + [None], [1.0] * 8)))
    assert evidence.verdict is Verdict.FAILED
    assert _codes(evidence)["confirm_failed"] is Severity.BLOCK
    assert not _held(evidence)["no failed confirmation"]


def test_build_champion_failures_do_not_count_for_the_candidate() -> None:
    evidence = build(material(confirm=pairs([2.0] * 8, [1.0] * 6 + [None, None])))
    assert evidence.verdict is Verdict.EXACT_BETTER
    assert evidence.primary is not None
    assert evidence.primary.n == 6
    assert _codes(evidence)["champion_failed"] is Severity.NOTE


def test_build_nothing_measured_fails_closed() -> None:
    evidence = build(material(confirm=(), holdout=()))
    assert evidence.verdict is Verdict.FAILED
    assert evidence.sandbox_level == 0
    assert _codes(evidence) == {"sandbox_level": Severity.BLOCK}


def test_build_better_without_asking_the_holdout_is_blocked() -> None:
    evidence = build(material(holdout=()))
    assert evidence.holdout.verdict is HoldoutVerdict.NOT_ASKED
    assert _codes(evidence) == {"holdout_not_asked": Severity.BLOCK}
    assert "the holdout was not asked" in evidence.summary


def test_build_no_holdout_needs_a_second_person() -> None:
    evidence = build(material(manifest=manifest(holdout=None), holdout=()))
    assert evidence.holdout.verdict is HoldoutVerdict.NONE
    assert _codes(evidence) == {"no_holdout": Severity.SECOND_PERSON}
    assert evidence.holdout.uses == 0


def test_build_holdout_gap_reported_and_verdict_unchanged() -> None:
    evidence = build(material(holdout=pairs([2.0, 1.9, 2.3], [2.0, 2.2, 2.1]), holdout_uses=4))
    assert evidence.better
    assert evidence.holdout.verdict is HoldoutVerdict.DISAGREES
    assert not evidence.holdout.not_worse
    assert evidence.holdout.gap == pytest.approx(0.9625 + 0.1 / 3)
    assert evidence.holdout.uses == 5
    assert _codes(evidence) == {"holdout_gap": Severity.SECOND_PERSON}


def test_build_holdout_clearly_worse_blocks() -> None:
    evidence = build(material(holdout=pairs([1.0, 1.1, 1.2], [2.0, 2.1, 2.2])))
    assert _codes(evidence) == {"holdout_gap": Severity.BLOCK}


def test_build_holdout_failure_blocks() -> None:
    evidence = build(material(holdout=pairs([3.0, None, 3.0], [2.0, 2.0, 2.0])))
    assert _codes(evidence) == {"holdout_failed": Severity.BLOCK}
    assert not evidence.holdout.not_worse


def test_build_one_holdout_case_has_no_interval() -> None:
    holdout = build(material(holdout=pairs([3.0], [2.0]))).holdout
    assert (holdout.verdict, holdout.mean, holdout.low) == (HoldoutVerdict.AGREES, 1.0, None)


def test_build_worn_holdout_noted() -> None:
    assert _codes(build(material(holdout_uses=20))) == {"holdout_worn": Severity.NOTE}


def test_build_beyond_bound_blocks() -> None:
    bounded = manifest(metrics=(Metric("score", "higher", bound=2.15),))
    assert _codes(build(material(manifest=bounded)))["above_bound"] is Severity.BLOCK
    assert "above_bound" in _codes(build(material(manifest=bounded, score=9.0, confirm=pairs([2.0] * 8, [1.0] * 8))))


def test_build_answer_fixed_against_seeds_flagged() -> None:
    evidence = build(material(confirm=pairs([2.0] * 8, [1.0, 1.2, 1.0, 1.1, 0.9, 1.2, 1.0, 1.0])))
    assert _codes(evidence) == {"blind_to_seeds": Severity.SECOND_PERSON}


def _altered(**changes: object) -> tuple[Pair, ...]:
    first, *rest = material().confirm
    candidate = measured(2.0, **changes)
    return (replace(first, candidate=candidate), *rest)


def test_build_other_evaluator_blocks() -> None:
    evidence = build(material(confirm=_altered(evaluator_digest="f" * 64)))
    assert _codes(evidence) == {"evaluator_changed": Severity.BLOCK}
    assert not _held(evidence)["evaluator untouched"]


def test_build_weak_sandbox_blocks() -> None:
    evidence = build(material(confirm=_altered(level=1)))
    assert evidence.sandbox_level == 1
    assert _codes(evidence) == {"sandbox_level": Severity.BLOCK}
    assert not _held(evidence)["sandbox level"]


def test_build_cooperative_score_needs_a_second_person() -> None:
    evidence = build(material(confirm=_altered(isolation="cooperative")))
    assert evidence.isolation == "cooperative"
    assert _codes(evidence) == {"cooperative": Severity.SECOND_PERSON}
    assert not _held(evidence)["isolation"]


def test_build_file_out_of_bounds_blocks() -> None:
    evidence = build(material(files={"solution.py": "x = 2\n", "evaluator.py": "x = 3\n"}))
    assert _codes(evidence) == {"out_of_bounds": Severity.BLOCK}
    assert not _held(evidence)["files in bounds"]


def test_build_new_network_import_flagged_with_the_gravest_first() -> None:
    evidence = build(material(files={"solution.py": "import os\nimport socket\n"}, confirm=_altered(level=1)))
    assert [finding.code for finding in evidence.findings] == ["sandbox_level", "new_network", "new_files"]


def _guarded(allowed: float) -> dict[str, object]:
    metrics = (Metric("score", "higher"), Metric("memory", "lower", unit="MB", guard=allowed))

    def with_memory(measurement: Measurement, memory: float) -> Measurement:
        return replace(measurement, metrics={**measurement.metrics, "memory": memory})

    plain = material().confirm
    extra = (4.0, 5.0, 6.0, 5.0, 4.0, 5.0, 6.0, 5.0)
    confirm = tuple(
        replace(pair, candidate=with_memory(pair.candidate, 20.0 + more), champion=with_memory(pair.champion, 20.0))
        for pair, more in zip(plain, extra, strict=True)
    )
    return {"manifest": manifest(metrics=metrics), "confirm": confirm}


@pytest.mark.parametrize(
    ("allowed", "codes"),
    [
        (10.0, {}),
        (5.2, {"guard_uncertain": Severity.SECOND_PERSON}),
        (2.0, {"guard_breached": Severity.BLOCK}),
    ],
)
def test_build_guard_judged_by_its_interval(allowed: float, codes: dict[str, Severity]) -> None:
    evidence = build(material(**_guarded(allowed)))
    assert _codes(evidence) == codes
    assert _held(evidence)["guard memory"] is (codes == {})


def test_build_guard_not_measured_blocks() -> None:
    metrics = (Metric("score", "higher"), Metric("memory", "lower", guard=1.0))
    assert _codes(build(material(manifest=manifest(metrics=metrics)))) == {"guard_missing": Severity.BLOCK}


def test_payload_read_back_through_storage_is_the_same() -> None:
    for evidence in (build(material()), build(material(holdout=())), build(material(**_guarded(5.2)))):
        stored = json.loads(json.dumps(evidence.payload))
        again = Evidence.read(stored)
        assert again == evidence
        assert again.digest == evidence.digest


def test_payload_holds_no_binary_fraction() -> None:
    def floats(value: object) -> list[float]:
        if isinstance(value, float):
            return [value]
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return [one for child in children for one in floats(child)]

    assert floats(build(material()).payload) == []


def test_digest_changes_with_any_number() -> None:
    nudged = material(confirm=_altered(metrics={"score": 2.0000000000000004}))
    assert build(material()).digest == build(material()).digest
    assert build(nudged).digest != build(material()).digest


@pytest.mark.parametrize("damage", [{"format": 2}, {"verdict": "splendid"}, {"metrics": [{}]}, {"cost": None}])
def test_read_damaged_payload_refused(damage: dict[str, object]) -> None:
    with pytest.raises(Invalid, match="evidence"):
        Evidence.read({**build(material()).payload, **damage})


def test_build_only_the_deciding_interval_has_the_level_of_the_look() -> None:
    strict, usual = build(material(confirm_level=0.984)), build(material())
    assert strict.primary is not None
    assert strict.primary.level == 0.984
    assert "98.4% interval" in strict.summary
    assert [row.level for row in strict.metrics[1:]] == [0.95]
    assert strict.holdout == usual.holdout


def test_build_too_few_answers_for_an_exact_test_confirm_nothing() -> None:
    answered = pairs([2.0, 2.1, 1.9, 2.2, 2.0, 2.1, 1.8, 2.0], [1.0, 1.2, 1.0, 1.1, 0.9, 1.2, None, None])
    evidence = build(material(confirm=answered, confirm_level=0.984))
    assert evidence.primary is not None
    assert (evidence.primary.method, evidence.primary.low > 0) == ("t", True)
    assert evidence.verdict is Verdict.WITHIN_NOISE


def _counted(calls: list[float | None], usual: list[float | None]) -> Evidence:
    """Build the evidence of a better candidate that asked the objective so often, against a champion that did so."""

    def with_calls(one: Measurement, count: float | None) -> Measurement:
        return replace(one, metrics={**one.metrics, **({} if count is None else {"calls": count})})

    counts = manifest()
    counts = replace(counts, evaluate=replace(counts.evaluate, counts="calls"))
    given = zip(material().confirm, calls, usual, strict=True)
    confirm = tuple(
        replace(pair, candidate=with_calls(pair.candidate, mine), champion=with_calls(pair.champion, theirs))
        for pair, mine, theirs in given
    )
    return build(material(manifest=counts, confirm=confirm))


@pytest.mark.parametrize("silent", [0.0, None])
def test_build_an_answer_without_asking_the_objective_needs_a_second_person(silent: float | None) -> None:
    evidence = _counted([silent] * 7 + [3.0], [5.0] * 8)
    assert _codes(evidence) == {"no_calls": Severity.SECOND_PERSON}
    assert "On 7 of 8 seeds it never asked the objective (calls is 0 or missing)" in evidence.findings[0].text


@pytest.mark.parametrize(
    ("calls", "usual"), [([1.0] * 8, [5.0] * 8), ([None] * 8, [None] * 8), ([2.0] * 8, [None] * 8)]
)
def test_build_whoever_asks_the_objective_is_not_pointed_at(
    calls: list[float | None], usual: list[float | None]
) -> None:
    assert _codes(_counted(calls, usual)) == {}


@pytest.mark.parametrize(("cause", "code"), [("tampered", "tampered"), ("evaluator_changed", "evaluator_changed")])
def test_build_what_tampering_caused_blocks(cause: str, code: str) -> None:
    confirm = material().confirm
    bad = replace(confirm[0].candidate, outcome=Outcome.FAILED, cause=cause, message="It set min.", metrics={})
    evidence = build(material(confirm=(replace(confirm[0], candidate=bad), *confirm[1:])))
    assert _codes(evidence)[code] is Severity.BLOCK
    assert not evidence.better
