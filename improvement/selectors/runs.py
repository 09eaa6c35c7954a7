"""Reading runs: lists, one run, its logs and its scores."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet

from improvement.exceptions import NotFound
from improvement.models import Candidate, Evaluation, Review, Run
from improvement.permissions import Person
from improvement.selectors.access import check_may_view, hidden_targets
from improvement.states import LIVE_RUN_STATES, SCORED_STATES


def page(person: Person, *, state: str = "", target: str = "", number: int = 1, size: int = 25) -> Page[Run]:
    """Return one page of the runs a person may see, newest first."""
    rows = _visible(person).order_by("-pk")
    if state:
        rows = rows.filter(state=state)
    if target:
        rows = rows.filter(target__name=target)
    return Paginator(rows, size).get_page(number)


def live(person: Person) -> list[Run]:
    """Return the runs that are not over, newest first."""
    return list(_visible(person).filter(state__in=[state.value for state in LIVE_RUN_STATES]).order_by("-pk"))


def get(run_id: int, person: Person) -> Run:
    """Return a run that a person may see, or raise ``NotFound``."""
    run = Run.objects.select_related("target", "policy", "best_candidate", "started_by").filter(pk=run_id).first()
    if run is None:
        raise NotFound(f"There is no run R-{run_id}.")
    check_may_view(person, run.target_id, f"run R-{run_id}")
    return run


def seconds_running(run: Run, now: datetime) -> float:
    """Return how many seconds a run has been running, without those in which it was parked, paused or halted."""
    present = (now - run.running_since).total_seconds() if run.running_since else 0.0
    return run.running_seconds + present


def open_reviews(run_id: int) -> tuple[int, datetime | None]:
    """Return how many reviews of a run are open, and since when the oldest is."""
    rows = Review.objects.filter(candidate__run_id=run_id, state=Review.State.OPEN).order_by("opened_at")
    oldest = rows.first()
    return rows.count(), oldest.opened_at if oldest else None


def logs(run_id: int, limit: int = 60) -> list[Evaluation]:
    """Return the newest measurements of a run that went wrong or printed something."""
    said = ~Q(outcome="ok") | ~Q(log="")
    rows = Evaluation.objects.filter(said, run_id=run_id, state=Evaluation.State.DONE)
    return list(rows.order_by("-done_at", "-pk")[:limit])


def _visible(person: Person) -> QuerySet[Run]:
    return Run.objects.exclude(target_id__in=hidden_targets(person)).select_related("target", "best_candidate")


def scores(run: Run) -> Iterable[tuple[int | None, int, float | None, str, str]]:
    """Return evaluation, candidate id, score, state and operator of every scored candidate, for download."""
    return (
        Candidate.objects.filter(run=run, state__in=[state.value for state in SCORED_STATES], score__isnull=False)
        .order_by("evaluation_index")
        .values_list("evaluation_index", "pk", "score", "state", "operator")
        .iterator()
    )
