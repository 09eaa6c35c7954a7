"""How a run learns: the best, the median and the spread of each generation's scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from improvement.selectors.insights import Tried
from webapp.presenters import words
from webapp.presenters.charts import Tick
from webapp.presenters.panels.parts import Cell, Head, Panel, Rows, Table
from webapp.presenters.plots import Axis, Layer, Plot

FEWEST, MOST_POINTS, MOST_ROWS, MOST_TICKS = 3, 150, 25, 10
_HEADS = (
    Head("Generations", False),
    Head("Best"),
    Head("Median"),
    Head("Tenth"),
    Head("Nine tenths"),
    Head("Measured"),
)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Some generations after each other, counted from 1, and their scores."""

    first: int
    last: int
    best: float
    median: float
    low: float
    high: float
    count: int

    @property
    def name(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


def panel(rows: Sequence[Tried], *, metric: str, sign: float) -> Panel | None:
    """Return the learning curves, or nothing while fewer than three generations were measured."""
    scores = _scores(rows)
    if len(scores) < FEWEST:
        return None
    stretches, lines = _stretches(scores, MOST_POINTS, sign), _stretches(scores, MOST_ROWS, sign)
    return Panel("curves", "Learning by generation", _table(lines), _plot(stretches, metric))


def rows(tried: Sequence[Tried], *, sign: float) -> Rows:
    """Return a row for each generation."""
    scores = _scores(tried)
    if len(scores) < FEWEST:
        return ()
    found = _stretches(scores, len(scores), sign)
    told = ((one.first, one.best, one.median, one.low, one.high, one.count) for one in found)
    return (("generation", "best", "median", "tenth", "nine tenths", "measured"), *told)


def _scores(rows: Sequence[Tried]) -> dict[int, list[float]]:
    scores: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        if row.score is not None:
            scores[row.generation].append(row.score)
    return scores


def _stretches(scores: dict[int, list[float]], most: int, sign: float) -> list[_Stretch]:
    """Put generations together until there are at most so many."""
    known = sorted(scores)
    size = -(-len(known) // most)
    return [_stretch(known[at : at + size], scores, sign) for at in range(0, len(known), size)]


def _stretch(generations: Sequence[int], scores: dict[int, list[float]], sign: float) -> _Stretch:
    ordered = sorted(score for generation in generations for score in scores[generation])
    low, high = (ordered[round(share * (len(ordered) - 1))] for share in (0.1, 0.9))
    best = ordered[-1] if sign > 0 else ordered[0]
    return _Stretch(generations[0] + 1, generations[-1] + 1, best, median(ordered), low, high, len(ordered))


def _plot(stretches: Sequence[_Stretch], metric: str) -> Plot:
    x = [float(one.last) for one in stretches]
    band = [*(one.low for one in stretches), *(one.high for one in reversed(stretches))]
    first, last = stretches[0], stretches[-1]
    few = last.last <= MOST_TICKS
    ticks = tuple(Tick(value, f"{value:g}") for value in x) if few else ()
    return Plot(
        Axis("generation", ticks),
        Axis(metric),
        (
            Layer("band", "mark", "eight of ten", [*x, *reversed(x)], band),
            Layer("line", "mark", "median", x, [one.median for one in stretches]),
            Layer("line", "ink", "best", x, [one.best for one in stretches]),
        ),
        f"The median of a generation went from {words.number(first.median)} to {words.number(last.median)}, "
        f"its best from {words.number(first.best)} to {words.number(last.best)}",
    )


def _table(stretches: Sequence[_Stretch]) -> Table:
    rows = tuple(
        (Cell(one.name), *map(_number, (one.best, one.median, one.low, one.high)), Cell(f"{one.count:,}"))
        for one in stretches
    )
    return Table(_HEADS, rows)


def _number(value: float) -> Cell:
    return Cell(words.number(value))
