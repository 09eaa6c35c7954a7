"""Which measured candidate, if any, deserves confirmation now.

Confirming costs evaluations and, when it succeeds, people's attention. So one candidate at a
time is nominated, only at a generation boundary, only above everything already known to be
good, and paced so that there is always enough left to confirm the last and best one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from improvement.engine.budget import Budget, Spent
from improvement.engine.manifest import Metric

PATIENCE = 3  # generations between nominations when the gain is small
LARGE = 0.02  # a gain of this share of the score is worth confirming at once
MAX_OPEN_REVIEWS = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """A candidate that was measured and not nominated before: its number in the run and its score."""

    number: int
    score: float


@dataclass(frozen=True, slots=True)
class Situation:
    """What a nomination depends on, at a generation boundary.

    Scores are raw ``measure`` scores (champion, best confirmed, best open review; None where there is none).
    ``generation`` counts finished generations, ``nominated_at`` is the count at the last nomination (None: never).
    ``needed`` is what one confirmation costs in evaluations, ``ending`` says that nothing more will be measured.
    """

    champion: float
    best_confirmed: float | None
    best_open_review: float | None
    generation: int
    nominated_at: int | None
    confirming: bool
    open_reviews: int
    budget: Budget
    spent: Spent
    needed: int
    ending: bool
    max_open_reviews: int = MAX_OPEN_REVIEWS
    patience: int = PATIENCE


@dataclass(frozen=True, slots=True)
class Nomination:
    """The answer: a candidate's number, or None and why not, as half a sentence."""

    number: int | None
    why: str


def bar(metric: Metric, champion: float, best_confirmed: float | None, best_open_review: float | None) -> float:
    """Return the raw score that a candidate must beat to be nominated."""
    known = [score for score in (champion, best_confirmed, best_open_review) if score is not None]
    return metric.sign * (max(metric.sign * score for score in known) + metric.epsilon)


def beats(metric: Metric, score: float, other: float) -> bool:
    """Say whether a score is strictly better than another."""
    return metric.sign * score > metric.sign * other


def is_beyond_bound(metric: Metric, score: float) -> bool:
    """Say whether a score is too good to be true, so that only a person may free it."""
    return metric.bound is not None and metric.sign * (score - metric.bound) > metric.epsilon


def choose(metric: Metric, measured: Sequence[Measured], to_beat: float) -> int | None:
    """Pick the best credible candidate above the bar, the earliest among equals."""
    credible = [one for one in measured if beats(metric, one.score, to_beat) and not is_beyond_bound(metric, one.score)]
    return min(credible, key=lambda one: (-metric.sign * one.score, one.number)).number if credible else None


def nominate(metric: Metric, measured: Sequence[Measured], now: Situation) -> Nomination:
    """Decide at a generation boundary whether a candidate is confirmed now, and which."""
    to_beat = bar(metric, now.champion, now.best_confirmed, now.best_open_review)
    number = choose(metric, measured, to_beat)
    if number is None:
        return Nomination(None, "nothing beats what is already known")
    obstacle = _obstacle(now)
    if obstacle:
        return Nomination(None, obstacle)
    score = next(one.score for one in measured if one.number == number)
    if now.ending or _patient(now):
        return Nomination(number, "the run is ending" if now.ending else f"{now.patience} generations have passed")
    if abs(score - to_beat) >= LARGE * max(abs(to_beat), metric.epsilon):
        return Nomination(number, "the gain is large")
    return Nomination(None, f"the gain is small and fewer than {now.patience} generations have passed")


def _obstacle(now: Situation) -> str:
    """Why nothing may be nominated now, or the empty text."""
    if now.confirming:
        return "another candidate is being confirmed"
    if now.open_reviews >= now.max_open_reviews:
        return f"{now.open_reviews} reviews are open already"
    left = now.budget.allowance_left(now.spent)
    if left < now.needed:
        return "the allowance for confirming is used up"
    if not now.ending and left < 2 * now.needed:
        return "the rest of the allowance is kept for the end of the run"
    if not now.ending and not _in_pace(now):
        return "the allowance for confirming is ahead of the run"
    return ""


def _in_pace(now: Situation) -> bool:
    """The share of the allowance used (without the last confirmation's) may not run ahead of the run itself."""
    free = now.budget.allowance - now.needed
    return now.spent.confirming <= free * now.budget.progress(now.spent)


def _patient(now: Situation) -> bool:
    return now.generation - (now.nominated_at or 0) >= now.patience
