"""Evidence for reading: a difference is shown as the metric moved, whichever direction is better."""

from __future__ import annotations

import pytest

from improvement.engine.evidence import build
from improvement.engine.manifest import Metric
from tests.unit.engine.loop_factories import manifest, material
from webapp.presenters import evidence
from webapp.presenters.evidence import EvidenceView


def _view(better: str) -> EvidenceView:
    return evidence.view(build(material(manifest=manifest(metrics=(Metric("score", better),)))).payload)


@pytest.mark.parametrize(("better", "tone"), [("higher", "up"), ("lower", "down")])
def test_a_difference_has_the_sign_of_the_metric_itself(better: str, tone: str) -> None:
    first = _view(better).lines[0]
    assert (first.value, first.tone) == ("+0.9625", tone)
    assert "interval +0.8667 to +1.0500 against the champion" in first.why
    assert ("lower is better" in first.key) is (better == "lower")


def test_the_bar_shows_what_is_better_on_the_right_whichever_the_direction() -> None:
    rising, falling = (_view(better).lines[0].bar for better in ("higher", "lower"))
    assert rising is not None
    assert falling is not None
    assert (rising.tone, falling.tone) == ("better", "worse")
    assert rising.start > rising.zero
    assert falling.start + falling.width < falling.zero


def test_the_holdout_too() -> None:
    holdouts = {better: _view(better).lines[1].value for better in ("higher", "lower")}
    assert holdouts["higher"] == holdouts["lower"]
