"""What the commands say about a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from improvement.commandline.text import facts, moment_or_none, score
from improvement.engine.budget import Limit, Use
from improvement.models import Review, Run
from improvement.selectors import loop
from improvement.selectors.runs import seconds_running


def value(run: Run, *, now: datetime, open_reviews: Sequence[str] | None = None) -> dict[str, Any]:
    """Return a run as ``run list --json`` prints it; its open reviews are read unless given."""
    best = f"C-{run.best_candidate_id}" if run.best_candidate_id else None
    return {
        "run": f"R-{run.pk}",
        "state": run.state,
        "why": run.wait_reason,
        "target": run.target.name,
        "strategy": f"{run.strategy}@{run.strategy_version}",
        "parameters": run.parameters,
        "models": [offer["name"] for offer in run.language_models],
        "seed": run.seed,
        "budget": run.budget,
        "evaluations": run.evaluations,
        "confirm_evaluations": run.confirm_evaluations,
        "generations": run.generation,
        "seconds": round(seconds_running(run, now), 3),
        "start": {"commit": run.start_commit, "score": run.start_score},
        "champion": {"commit": run.target.champion_commit, "score": champion_score(run)},
        "best": {"candidate": best, "score": run.best_score},
        "open_reviews": list(open_reviews_of([run]).get(run.pk, []) if open_reviews is None else open_reviews),
        "blocked": run.blocked,
        "failed": run.failed,
        "dropped": run.dropped,
        "started_by": run.starter_name,
        "created_at": moment_or_none(run.created_at),
        "started_at": moment_or_none(run.started_at),
        "ended_at": moment_or_none(run.ended_at),
    }


def details(run: Run, *, now: datetime) -> dict[str, Any]:
    """Return a run as ``value`` does, with what is used of each of its limits."""
    return {**value(run, now=now), "limits": [_limit(use) for use in loop.budget(run).uses(loop.spent(run, now))]}


def lines(run: Run, *, now: datetime) -> list[str]:
    """Return a run as people read it."""
    why = f": {run.wait_reason}" if run.wait_reason else ""
    uses = loop.budget(run).uses(loop.spent(run, now))
    waiting = ", ".join(open_reviews_of([run]).get(run.pk, [])) or "none"
    best = f"  C-{run.best_candidate_id}" if run.best_candidate_id else ""
    return [
        f"R-{run.pk} on {run.target.name}: {run.state}{why}",
        *facts(
            [
                ("  strategy", f"{run.strategy}@{run.strategy_version}, seed {run.seed}"),
                ("  evaluations", f"{run.evaluations} of {run.budget} in {seconds_running(run, now):.0f} s"),
                *[(f"  {use.limit.noun}", use.words) for use in uses if use.limit is not Limit.EVALUATIONS],
                ("  set aside", f"{run.blocked} blocked, {run.failed} failed, {run.dropped} dropped"),
                ("  start", f"{score(run.start_score)}  {run.start_commit[:9]}"),
                ("  champion", f"{score(champion_score(run))}  {run.target.champion_commit[:9]}"),
                ("  best", f"{score(run.best_score)}{best}"),
                ("  open reviews", waiting),
            ]
        ),
    ]


def _limit(use: Use) -> dict[str, Any]:
    return {"name": use.limit.value, "used": round(use.used, 3), "limit": use.most, "share": round(use.share, 4)}


def row(run: Run) -> tuple[str, ...]:
    """Return a run as one row of a table."""
    done = f"{run.evaluations}/{run.budget}"
    return (f"R-{run.pk}", run.state, run.target.name, run.strategy, done, score(run.best_score), run.starter_name)


ROW_HEAD = ("run", "state", "target", "strategy", "evaluations", "best", "started by")


def champion_score(run: Run) -> float | None:
    """Return the champion's score, on this run's own seed where it was measured with that."""
    if run.heard_commit == run.target.champion_commit and run.champion_score is not None:
        return run.champion_score
    return run.target.champion_score


def open_reviews_of(runs: Iterable[Run]) -> dict[int, list[str]]:
    """Return by run id the candidates that wait for people, oldest first, in one query."""
    rows = Review.objects.filter(candidate__run__in=[run.pk for run in runs]).exclude(state=Review.State.CLOSED)
    found: dict[int, list[str]] = {}
    for run_id, candidate in rows.order_by("pk").values_list("candidate__run_id", "candidate_id"):
        found.setdefault(run_id, []).append(f"C-{candidate}")
    return found
