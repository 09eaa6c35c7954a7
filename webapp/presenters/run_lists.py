"""Lists of runs: home, the runs page, a target's page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from improvement.engine.wording import counted
from improvement.permissions import Person, Right, may
from improvement.selectors import charts, reviews, runs, system, targets
from improvement.selectors.reviews import Suspect
from improvement.selectors.reviews import Waiting as WaitingRow
from improvement.states import RunState
from webapp.presenters import budgets, stream_page, words
from webapp.presenters.charts import sparkline
from webapp.presenters.home import HomePage, QueuePage, SuspectLine, Waiting
from webapp.presenters.paging import Pager
from webapp.presenters.runs import RunLine, RunsPage

if TYPE_CHECKING:
    from improvement.models import Run

PAGE = 25
_GOING = {RunState.QUEUED.value, RunState.RUNNING.value}


def lines(rows: Iterable[Run]) -> tuple[RunLine, ...]:
    """Return runs as lines of a table."""
    found = list(rows)
    steps, halted = charts.sparklines(found), system.halted()
    return tuple(_line(run, steps[run.pk], halted=halted) for run in found)


def home(person: Person, *, now: datetime) -> HomePage:
    """Return home for one person."""
    waiting = tuple(waiting_line(row) for row in reviews.awaiting(person))
    mine = tuple(row for row in waiting if row.can_vote)
    suspects = tuple(_suspect(row) for row in reviews.suspects(person) if not row.why_not)
    proposed = stream_page.proposals(person)
    live = list(runs.live(person))
    return HomePage(
        greeting=_greeting(now),
        summary=_summary(len(mine) + len(suspects) + len(proposed), live, halted=system.halted()),
        waiting=mine,
        suspects=suspects,
        proposals=proposed,
        runs=lines(live),
        has_targets=bool(targets.all_targets(person)),
        may_start=may(person, Right.START_RUN),
        may_import=may(person, Right.IMPORT_TARGET),
    )


def queue(person: Person) -> QueuePage:
    """Return the review queue of one person."""
    waiting = tuple(waiting_line(row) for row in reviews.awaiting(person))
    return QueuePage(
        mine=tuple(row for row in waiting if row.can_vote),
        others=tuple(row for row in waiting if not row.can_vote),
        suspects=tuple(map(_suspect, reviews.suspects(person))),
    )


def index(person: Person, *, state: str, target: str, number: int) -> RunsPage:
    """Return one page of the list of runs."""
    page = runs.page(person, state=state, target=target, number=number, size=PAGE)
    return RunsPage(
        runs=lines(page.object_list),
        pager=Pager("Pages of runs", page.number, PAGE, page.paginator.count),
        states=tuple((one.value, words.run_chip(one).text) for one in RunState if one is not RunState.DRAFT),
        state=state,
        targets=tuple(one.name for one in targets.all_targets(person)),
        target=target,
        may_start=may(person, Right.START_RUN),
    )


def waiting_line(row: WaitingRow) -> Waiting:
    """Return one open review as a line of the queue."""
    return Waiting(
        id=row.candidate_id,
        title=row.title,
        target=row.target,
        isolation=row.isolation,
        run_id=row.run_id,
        risk=words.tier_chip(row.tier),
        summary=row.summary.rstrip("."),
        approvals=row.approvals,
        needed=row.needed,
        opened_at=row.opened_at,
        chip=words.candidate_chip(row.state),
        can_vote=row.may_vote and not row.has_voted,
        why_not=row.why_not,
    )


def _suspect(row: Suspect) -> SuspectLine:
    candidate = row.candidate
    return SuspectLine(
        id=candidate.pk,
        title=candidate.title,
        target=candidate.target.name,
        isolation=candidate.target.isolation,
        run_id=candidate.run_id,
        chip=words.candidate_chip(candidate.state),
        score=words.number(candidate.score),
        proposed_at=candidate.proposed_at,
        why_not=row.why_not,
    )


def _line(run: Run, steps: list[tuple[int, float]], *, halted: bool) -> RunLine:
    champion = steps[-1][1] if steps else None
    return RunLine(
        id=run.pk,
        target=run.target.name,
        isolation=run.target.isolation,
        chip=words.run_chip(run.state, halted=halted),
        warning=budgets.chip(run),
        strategy=f"{run.strategy} {run.strategy_version}",
        champion=words.number(champion),
        change=words.percent_change(champion, run.start_score),
        tone=words.tone_of(words.improves(champion, run.start_score, run.target.better)),
        evaluations=run.evaluations,
        budget=run.budget,
        spent=words.seconds(run.wall_seconds),
        spark=sparkline(steps) if len(steps) > 1 else "",
        starter=run.starter_name,
        created_at=run.created_at,
        demo=run.demo,
    )


def _greeting(now: datetime) -> str:
    hour = now.hour
    return "Good morning" if 4 <= hour < 12 else "Good afternoon" if hour < 18 else "Good evening"


def _summary(mine: int, live: Sequence[Run], *, halted: bool) -> str:
    waits = f"{counted(mine, 'decision waits', 'decisions wait')} for you" if mine else "Nothing waits for you"
    if halted:
        return f"{waits} \u00b7 everything is stopped"
    going = sum(run.state in _GOING for run in live)
    loops = [f"{counted(going, 'loop')} going"] if going else []
    loops += [f"{counted(len(live) - going, 'loop')} waiting"] if len(live) > going else []
    return " \u00b7 ".join([waits, *loops])
