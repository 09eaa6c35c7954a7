"""How often confirmation errs: simulated candidates that do nothing, and ones with a real effect.

    python3 benchmarks/confirmation.py [--trials N] [--effect D] [--seed K]

Every trial is a whole sequential confirmation as the loop runs it. A candidate that does nothing gives the champion's
own scores once more, drawn anew; a real one is better by ``--effect`` standard deviations of the paired difference.
Beside it, on the same draws: one fixed look at eight pairs, and at as many pairs as the sequential test may use.
Prints one JSON value; rates are shares of the trials, seeds are means.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from improvement.engine.sequential import ALPHA, FIRST, LAST, Look, next_look
from improvement.engine.statistics import compare

Draw = Callable[[np.random.Generator, int], np.ndarray]

NOISE: dict[str, Draw] = {
    "normal": lambda generator, n: generator.normal(size=n),
    "skewed": lambda generator, n: generator.exponential(size=n),
    "heavy tails": lambda generator, n: generator.standard_t(3, size=n),
    "two values": lambda generator, n: generator.integers(0, 2, size=n).astype(float),
}
"""What one side of a pair varies by; the spread of a pair's difference is the square root of two times its own."""


def main() -> None:
    """Run the trials and print what they came to."""
    options = _options()
    generator = np.random.default_rng(options.seed)
    rows = {name: _row(draw, generator, options) for name, draw in NOISE.items()}
    worst = max(row["does nothing"]["confirmed"] for row in rows.values())
    least = min(row["real"]["confirmed"] for row in rows.values())
    bound = ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / options.trials)
    figures = {
        "trials": options.trials,
        "error_level": ALPHA,
        "effect_in_deviations": options.effect,
        "most_pairs": LAST.pairs,
        "noise": rows,
        "confirmed_though_it_does_nothing": worst,
        "allowed": round(bound, 4),
        "found_when_real": least,
    }
    print(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the error rates of confirmation.")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--effect", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=20_261_123)
    return parser.parse_args()


def _row(draw: Draw, generator: np.random.Generator, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    spread = float(np.std(draw(np.random.default_rng(1), 200_000))) * math.sqrt(2)
    return {
        "does nothing": _rates(draw, 0.0, generator, options.trials),
        "real": _rates(draw, options.effect * spread, generator, options.trials),
    }


def _rates(draw: Draw, effect: float, generator: np.random.Generator, trials: int) -> dict[str, float]:
    confirmed = spent = at_eight = at_most = 0
    for _ in range(trials):
        differences = draw(generator, LAST.pairs) + effect - draw(generator, LAST.pairs)
        better, pairs = _sequential(differences)
        confirmed, spent = confirmed + better, spent + pairs
        at_eight += _fixed(differences[: FIRST.pairs])
        at_most += _fixed(differences)
    return {
        "confirmed": confirmed / trials,
        "mean_pairs": round(spent / trials, 2),
        "fixed_8_confirmed": at_eight / trials,
        f"fixed_{LAST.pairs}_confirmed": at_most / trials,
    }


def _sequential(differences: np.ndarray) -> tuple[bool, int]:
    look: Look | None = FIRST
    while look:
        taken = look
        comparison = compare(differences[: taken.pairs].tolist(), level=taken.level)
        if comparison.low > 0:
            return True, taken.pairs
        look = next_look(taken, comparison)
    return False, taken.pairs


def _fixed(differences: np.ndarray) -> bool:
    return compare(differences.tolist(), level=1 - 2 * ALPHA).low > 0


if __name__ == "__main__":
    main()
