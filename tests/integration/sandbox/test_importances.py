"""Parameters are weighed in the sandbox: what decides the score has nearly all of the weight."""

from __future__ import annotations

import random

import pytest

from improvement.engine.space import Parameter
from improvement.sandbox.importances import weigh

SPACE = (
    Parameter("rate", "float", 0.001, 1.0, log=True),
    Parameter("depth", "int", 1, 9),
    Parameter("order", "choice", choices=("left", "right")),
    Parameter("open", "bool"),
    Parameter("rare", "float", 0.0, 1.0),
    Parameter("fixed", "float", 0.0, 1.0),
)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_decides_the_score_has_the_weight(sign: float) -> None:
    chance = random.Random(5)
    trials = []
    for number in range(120):
        values = {
            "rate": 10 ** chance.uniform(-3, 0),
            "depth": chance.randint(1, 12),  # beyond what is declared
            "order": chance.choice(["left", "right"]),
            "open": chance.random() < 0.5,
            "fixed": 0.5,
        }
        if number % 2:
            values["rare"] = chance.random()
        trials.append((values, sign * (10.0 * float(values["depth"]) + (values["order"] == "left"))))

    shares = weigh(SPACE, trials, sign=sign)

    assert next(iter(shares)) == "depth"
    assert shares["depth"] > 0.5
    assert set(shares) == {"rate", "depth", "order", "open"}
    assert sum(shares.values()) == pytest.approx(1.0)


def test_without_anything_that_varies_there_are_no_shares() -> None:
    assert weigh(SPACE, [({"rate": 0.1}, 1.0)] * 20, sign=1.0) == {}
