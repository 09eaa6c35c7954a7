"""The page that follows one run, and what its script asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from improvement.engine.exhibits import moved
from improvement.engine.wording import counted
from improvement.permissions import Person, Right, may
from improvement.selectors import audit, candidates, charts, events, policies, runs, system
from improvement.selectors.audit import Filters
from improvement.selectors.candidates import Row
from improvement.selectors.charts import Chart, Mark
from improvement.states import LIVE_RUN_STATES, CandidateState, RunState
from webapp.presenters import budgets, feed, words
from webapp.presenters.audit_lines import as_feed
from webapp.presenters.charts import Series, first_paint
from webapp.presenters.paging import Pager, columns
from webapp.presenters.policies import policy_view
from webapp.presenters.runs import CandidateLine, CandidatesTable, Figure, LogLine, RunPage

if TYPE_CHECKING:
    from improvement.models import Halt, Run

TABS = (
    ("candidates", "Candidates"),
    ("history", "History"),
    ("logs", "Logs"),
    ("budget", "Budget"),
    ("policy", "Policy"),
)
HEADS = (
    ("Candidate", "number", False),
    ("State", "state", False),
    ("Score", "score", True),
    ("vs champion", "", True),
    ("Holdout", "", True),
    ("Origin", "", False),
    ("Lines", "lines", True),
    ("Time", "seconds", True),
)
PAGE = 25
FEED = 40
HISTORY = 100
MOST_NEW_POINTS = 2000
_PAUSABLE = {RunState.RUNNING.value, RunState.PARKED.value}
_STOPPABLE = {RunState.QUEUED.value, *_PAUSABLE, RunState.PAUSED.value}


def page(run: Run, person: Person, *, tab: str, sort: str, state: str, number: int, now: datetime) -> RunPage:
    """Return the page of a run with one of its tabs."""
    chart = charts.chart(run)
    tab = tab if tab in dict(TABS) else TABS[0][0]
    steers, stop = may(person, Right.STEER_RUN, run.target_id), system.halt()
    return RunPage(
        id=run.pk,
        target=run.target.name,
        isolation=run.target.isolation,
        chip=words.run_chip(run.state, halted=stop is not None),
        wait_reason=_waits_for(run, stop),
        halted=stop is not None,
        strategy=f"{run.strategy} {run.strategy_version}",
        commit=run.target.champion_commit,
        starter=run.starter_name,
        created_at=run.created_at,
        demo=run.demo,
        seed=run.seed,
        parameters=tuple((name, str(value)) for name, value in sorted(run.parameters.items())),
        metric=run.target.metric,
        unit=run.target.unit,
        figures=figures(run, chart, now=now),
        paint=first_paint(_series(chart), summary=_summary(run, chart)),
        feed=tuple(feed.line(event) for event in events.latest(run.pk, FEED)),
        cursor=chart.cursor,
        tab=tab,
        tabs=TABS,
        may_pause=steers and stop is None and run.state in _PAUSABLE,
        may_resume=steers and stop is None and run.state == RunState.PAUSED.value,
        may_stop=steers and run.state in _STOPPABLE,
        budget=budgets.view(run, person, now=now),
        candidates=table(run, sort=sort, state=state, number=number) if tab == "candidates" else None,
        history=as_feed(audit.page(Filters(run_id=run.pk), 1, HISTORY).object_list) if tab == "history" else (),
        logs=_logs(run) if tab == "logs" else (),
        policy=policy_view(run.policy) if tab == "policy" else None,
        policy_now=_other_policy(run) if tab == "policy" else "",
    )


def table(run: Run, *, sort: str, state: str, number: int) -> CandidatesTable:
    """Return one page of a run's candidates."""
    sort = sort if sort in candidates.SORTS else "-number"
    found = candidates.of_run(run.pk, sort=sort, state=state, number=number, size=PAGE)
    return CandidatesTable(
        run_id=run.pk,
        columns=columns(HEADS, sort),
        lines=tuple(_candidate(row) for row in found.object_list),
        pager=Pager("Pages of candidates", found.number, PAGE, found.paginator.count),
        states=tuple((one.value, words.candidate_chip(one).text) for one in CandidateState),
        state=state,
    )


def live(run: Run, *, after: int, now: datetime) -> dict[str, Any]:
    """Return what the page's script needs to be right again after event number ``after`` (0: everything)."""
    chart, stop = charts.chart(run), system.halt()
    missed = events.after(run.pk, after, MOST_NEW_POINTS) if after else []
    reset = after == 0 or len(missed) == MOST_NEW_POINTS or after > chart.cursor
    return {
        "cursor": chart.cursor,
        "reset": reset,
        "points": {"x": chart.x, "y": chart.y, "ids": chart.ids} if reset else _new_points(missed),
        "best": _steps(chart.best),
        "champion": _steps(chart.champion),
        "marks": {
            "signed": _marks(chart.countersigned),
            "waiting": _marks(chart.waiting),
            "rejected": _marks(chart.rejected),
            "taken_back": _marks(chart.taken_back),
        },
        "figures": [asdict(figure) for figure in figures(run, chart, now=now)],
        "chip": asdict(words.run_chip(run.state, halted=stop is not None)),
        "wait_reason": _waits_for(run, stop),
        "halted": stop is not None,
        "commit": words.short(run.target.champion_commit),
        "feed": [feed.as_json(event) for event in (reversed(events.latest(run.pk, FEED)) if reset else missed)],
    }


def _other_policy(run: Run) -> str:
    """Return the policy in force when that is not the one the run began under."""
    newest = policies.current()
    return "" if newest is None or newest.pk == run.policy_id else f"{newest.preset} v{newest.version}"


def _waits_for(run: Run, stop: Halt | None) -> str:
    """Return why a run does not go on, empty when it does."""
    if stop is None or RunState(run.state) not in LIVE_RUN_STATES:
        return run.wait_reason
    return f"{stop.ordered_by} stopped everything: \u201c{stop.reason}\u201d"


def figures(run: Run, chart: Chart, *, now: datetime) -> tuple[Figure, ...]:
    """Return the figures above the chart."""
    champion = chart.champion[-1][1] if chart.champion else run.champion_score
    waiting, oldest = runs.open_reviews(run.pk)
    better = words.improves(champion, run.start_score, run.target.better)
    change = words.percent_change(champion, run.start_score)
    seconds = runs.seconds_running(run, now)
    pace = f"{60 * run.evaluations / seconds:.0f} evaluations/min" if run.evaluations and seconds else ""
    return (
        Figure(
            "champion",
            "Approved champion",
            words.number(champion),
            change=change,
            tone=words.tone_of(better),
            detail="over the start" if change else "as at the start",
        ),
        Figure("best", "Best found", words.number(run.best_score), detail=_whose(run)),
        Figure(
            "evaluations", "Evaluations", f"{run.evaluations:,}", f"/ {run.budget:,}",
            detail=f"and {run.confirm_evaluations} for confirming", done=run.evaluations, whole=run.budget,
        ),
        Figure(
            "waiting",
            "Waiting for people",
            str(waiting),
            detail=f"oldest {words.span(now - oldest)}" if oldest else "nothing open",
            link=reverse("queue"),
            link_text="queue",
        ),
        Figure("spent", "Sandbox time", words.seconds(run.wall_seconds), detail=pace),
    )  # fmt: skip


def _whose(run: Run) -> str:
    best = run.best_candidate
    return f"C-{best.pk}, {words.candidate_chip(best.state).text.lower()}" if best else "nothing better yet"


def _candidate(row: Row) -> CandidateLine:
    one, payload = row.candidate, row.evidence or {}
    primary = next((line for line in payload.get("metrics", []) if line["role"] == "primary"), None)
    holdout = (payload.get("holdout") or {}).get("mean")
    better = primary["better"] if primary else "higher"
    return CandidateLine(
        id=one.pk,
        chip=words.candidate_chip(one.state),
        score=words.number(one.score),
        versus=_versus(primary),
        tone=_tone(primary),
        holdout=words.signed(None if holdout is None else moved(float(holdout), better)),
        origin=words.origin(one.operator, one.origin),
        parents=row.parents,
        added=one.added,
        removed=one.removed,
        seconds=words.seconds(row.seconds),
        title=one.title,
        message=one.message,
    )


def _tone(primary: dict[str, Any] | None) -> str:
    if primary is None or float(primary["low"]) <= 0 <= float(primary["high"]):
        return ""
    return "up" if float(primary["low"]) > 0 else "down"


def _versus(primary: dict[str, Any] | None) -> str:
    if primary is None:
        return words.NOTHING
    mean, half = float(primary["mean"]), (float(primary["high"]) - float(primary["low"])) / 2
    change = words.signed(moved(mean, primary["better"]))
    return f"{change} \u00b1 {words.number(half)}" if half else change


def _logs(run: Run) -> tuple[LogLine, ...]:
    return tuple(
        LogLine(row.candidate_id, row.stage, row.outcome, row.message, row.log or row.feedback, row.done_at)
        for row in runs.logs(run.pk)
    )


def _series(chart: Chart) -> Series:
    def places(marks: Sequence[Mark]) -> list[tuple[float, float]]:
        return [(x, y) for x, y, _ in marks]

    points = list(zip(chart.x, chart.y, strict=True))
    return Series(
        points,
        best=chart.best,
        champion=chart.champion,
        signed=places(chart.countersigned),
        waiting=places(chart.waiting),
        rejected=places(chart.rejected),
        taken_back=places(chart.taken_back),
    )


def _summary(run: Run, chart: Chart) -> str:
    scored = counted(run.evaluations, "evaluation")
    if not chart.champion:
        return f"{scored}; no score yet"
    first, last = (words.number(chart.champion[end][1]) for end in (0, -1))
    best = words.number(run.best_score)
    return f"{scored}; the approved champion went from {first} to {last}, the best found is {best}"


def _steps(points: Sequence[tuple[float, float]]) -> dict[str, list[float]]:
    return {"x": [x for x, _ in points], "y": [y for _, y in points]}


def _marks(marks: Sequence[Mark]) -> dict[str, list[float]]:
    return {"x": [x for x, _, _ in marks], "y": [y for _, y, _ in marks], "ids": [number for _, _, number in marks]}


def _new_points(missed: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    found = [event for event in missed if event["kind"] == "candidate.measured" and event.get("y") is not None]
    return {"x": [e["x"] for e in found], "y": [e["y"] for e in found], "ids": [e["id"] for e in found]}
