"""The best of many tries flatters itself: what is said of it, and when."""

from __future__ import annotations

import json

import pytest

from improvement.engine.evidence import Evidence, build
from improvement.engine.exhibits import Selection
from improvement.engine.findings import Severity
from improvement.engine.manifest import Metric
from tests.unit.engine.loop_factories import manifest, material, pairs
from webapp.presenters import evidence as shown


def codes(evidence: Evidence) -> dict[str, Severity]:
    return {finding.code: finding.severity for finding in evidence.findings}


def test_evidence_says_how_the_candidate_was_chosen() -> None:
    evidence = build(material(score=2.5, tries=412, confirmations=3))
    chosen = evidence.selection
    assert (chosen.measured, chosen.fresh, chosen.tries, chosen.confirmations) == (2.5, 2.0125, 412, 3)
    assert evidence.primary is not None
    assert chosen.p_value == pytest.approx(3 * (evidence.primary.p_value or 0))
    assert Evidence.read(json.loads(json.dumps(evidence.payload))) == evidence


def test_one_of_many_confirmations_passes_by_chance() -> None:
    assert codes(build(material(confirmations=2))) == {}
    assert codes(build(material(confirmations=40))) == {"many_confirmations": Severity.NOTE}


@pytest.mark.parametrize(("better", "score"), [("higher", 3.5), ("lower", -3.5)])
def test_a_score_that_was_mostly_luck_is_told(better: str, score: float) -> None:
    sign = 1 if better == "higher" else -1
    confirm = pairs([sign * one for one in (2.0, 2.1, 1.9, 2.2, 2.0, 2.1, 1.8, 2.0)], [sign * 1.0] * 8)
    lucky = material(manifest=manifest(metrics=(Metric("score", better),)), score=score, confirm=confirm, holdout=())
    honest = material(manifest=lucky.manifest, score=sign * 2.1, confirm=confirm, holdout=())
    assert "chosen_for_luck" in codes(build(lucky))
    assert "chosen_for_luck" not in codes(build(honest))


def test_an_exact_target_has_no_luck() -> None:
    exact = build(material(score=9.0, confirm=pairs([2.0] * 8, [1.0] * 8), confirmations=40))
    assert codes(exact) == {}
    assert exact.selection == Selection(9.0, 2.0, 1, 40, None)
    assert not [line for line in shown.view(exact.payload).lines if line.key.startswith("Chosen")]


def test_people_see_what_became_of_the_score() -> None:
    lines = shown.view(build(material(score=2.5, tries=412, confirmations=3)).payload).lines
    (line,) = [one for one in lines if one.key.startswith("Chosen")]
    assert (line.key, line.value) == ("Chosen from 412 tries", "\u22120.4875")
    assert "it scored 2.5000 when it was chosen, 2.0125 on fresh seeds; p = " in line.why
    assert "counted over 3 confirmations of its run" in line.why
