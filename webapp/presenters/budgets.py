"""What a run may spend and what it has spent, limit by limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from improvement.engine.budget import WARN_AT, Limit, Use, amount
from improvement.permissions import Person, Right, may
from improvement.selectors import loop
from improvement.states import LIVE_RUN_STATES, RunState
from webapp.presenters.words import Chip

if TYPE_CHECKING:
    from improvement.models import Run

_OPEN = {state.value for state in LIVE_RUN_STATES} | {RunState.COMPLETED.value}


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One limit: what it counts, how much of it is used in words, and its share in whole per cent."""

    noun: str
    words: str
    percent: int
    is_low: bool


@dataclass(frozen=True, slots=True)
class BudgetView:
    """A run's limits, what counts without one, and whether the viewer may change them."""

    run_id: int
    limits: tuple[LimitLine, ...]
    without: tuple[str, ...]
    may_change: bool

    @property
    def low(self) -> tuple[LimitLine, ...]:
        """The limits that are nearly or wholly spent."""
        return tuple(line for line in self.limits if line.is_low)


def view(run: Run, person: Person, *, now: datetime) -> BudgetView:
    """Return the budget of a run for one person."""
    budget, spent = loop.budget(run), loop.spent(run, now)
    free = [limit for limit in Limit if limit not in budget.limits and spent.of(limit)]
    return BudgetView(
        run_id=run.pk,
        limits=tuple(map(_line, budget.uses(spent))),
        without=tuple(amount(limit, round(spent.of(limit))) for limit in free),
        may_change=run.state in _OPEN and may(person, Right.START_RUN, run.target_id),
    )


def chip(run: Run) -> Chip | None:
    """Return the warning beside a run of a list while a limit of it is nearly spent."""
    is_live = RunState(run.state) in LIVE_RUN_STATES
    return Chip("wait", "triangle-alert", "Budget nearly spent") if is_live and run.warned else None


def _line(use: Use) -> LimitLine:
    return LimitLine(use.limit.noun, use.words, min(100, int(100 * use.share)), is_low=use.share >= WARN_AT)
