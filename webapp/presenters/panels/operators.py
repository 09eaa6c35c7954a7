"""What each operator, or each strategy of several, brought: its share of the proposals, new bests, and what it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from improvement.engine.wording import counted
from improvement.selectors.insights import Tried
from webapp.presenters import words
from webapp.presenters.panels.parts import Cell, Head, Panel, Rows, Table

MOST_ROWS = 8
_HEADS = (Head("Proposals"), Head("Measured"), Head("New best"), Head("Sandbox time"))


@dataclass(frozen=True, slots=True)
class Proposers:
    """What a panel compares: its key, its title, and the word for one of them."""

    key: str
    title: str
    noun: str


OPERATORS = Proposers("operators", "What operators brought", "operator")
STRATEGIES = Proposers("strategies", "How strategies share the run", "strategy")


@dataclass
class _Tally:
    proposals: int = 0
    measured: int = 0
    bests: int = 0


def panel(
    rows: Sequence[Tried],
    seconds: Mapping[str, float],
    *,
    start: float | None,
    sign: float,
    of: Proposers = OPERATORS,
) -> Panel | None:
    """Return what operators brought, or nothing when all candidates come from one."""
    tallies = _tallies(rows, start, sign)
    if len(tallies) < 2:
        return None
    total, bests = len(rows), max(1, sum(one.bests for one in tallies.values()))
    spent = sum(seconds.values()) or 1.0
    table = Table(
        (Head(of.noun.capitalize(), False), *_HEADS),
        tuple(
            (
                Cell(words.origin(name, "strategy")),
                Cell(f"{one.proposals:,}", bar=one.proposals / total),
                Cell(f"{one.measured:,}"),
                Cell(f"{one.bests:,}", bar=one.bests / bests),
                Cell(words.seconds(seconds.get(name, 0.0)), bar=seconds.get(name, 0.0) / spent),
            )
            for name, one in _best_first(tallies)[:MOST_ROWS]
        ),
        _left_out(len(tallies), of),
    )
    return Panel(of.key, of.title, table, note="Bars are shares of the whole run.")


def by_strategy(rows: Sequence[Tried], seconds: Mapping[str, float]) -> tuple[list[Tried], dict[str, float]]:
    """Return candidates and seconds by the strategy that an operator's name begins with, where several share a run."""
    spent: dict[str, float] = {}
    for operator, took in seconds.items():
        spent[_strategy(operator)] = spent.get(_strategy(operator), 0.0) + took
    return [row._replace(operator=_strategy(row.operator)) for row in rows], spent


def _strategy(operator: str) -> str:
    return operator.partition(": ")[0]


def _left_out(proposers: int, of: Proposers) -> str:
    left = proposers - MOST_ROWS
    return f"{counted(left, f'further {of.noun}')} brought less; the download has all of them." if left > 0 else ""


def rows(
    tried: Sequence[Tried],
    seconds: Mapping[str, float],
    *,
    start: float | None,
    sign: float,
    of: Proposers = OPERATORS,
) -> Rows:
    """Return a row for each operator."""
    tallies = _tallies(tried, start, sign)
    if len(tallies) < 2:
        return ()
    told = (
        (name, one.proposals, one.measured, one.bests, seconds.get(name, 0.0)) for name, one in _best_first(tallies)
    )
    return ((of.noun, "proposals", "measured", "new best", "sandbox seconds"), *told)


def _best_first(tallies: Mapping[str, _Tally]) -> list[tuple[str, _Tally]]:
    return sorted(tallies.items(), key=lambda item: (-item[1].bests, -item[1].proposals, item[0]))


def _tallies(rows: Sequence[Tried], start: float | None, sign: float) -> dict[str, _Tally]:
    tallies: dict[str, _Tally] = {}
    best = float("-inf") if start is None else sign * start
    for row in rows:
        tally = tallies.setdefault(row.operator, _Tally())
        tally.proposals += 1
        if row.score is not None:
            tally.measured += 1
            if sign * row.score > best:
                best = sign * row.score
                tally.bests += 1
    return tallies
