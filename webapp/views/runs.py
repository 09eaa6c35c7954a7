"""Runs: the list, starting one, following it live, and steering it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from improvement.engine.packages import StrategyPackage
from improvement.exceptions import Invalid, StrategyError
from improvement.models import Target
from improvement.permissions import Right, check_may, may
from improvement.selectors import language_models, strategies, targets
from improvement.selectors import runs as read
from improvement.selectors.strategies import Offer
from improvement.services import budgets, runs
from webapp.forms import LimitsForm, NewRunForm
from webapp.presenters import new_run, run_lists, run_page
from webapp.presenters.budgets import view as budgets_view
from webapp.presenters.panels import page as show_panels
from webapp.views.downloads import CSV, as_csv, download
from webapp.views.pages import actor_of, page_number, person_of
from webapp.views.pages import show as show_page


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the list of runs."""
    state, target = request.GET.get("state", ""), request.GET.get("target", "")
    page = run_lists.index(person_of(request), state=state, target=target, number=page_number(request))
    return show_page(request, "runs/list.html", {"page": page})


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Ask what to improve and how, and start a run."""
    person = person_of(request)
    check_may(person, Right.START_RUN)
    known = [one for one in targets.all_targets(person) if may(person, Right.START_RUN, one.pk)]
    if not known:
        return show_page(request, "runs/new.html", {"page": None})
    names = [one.name for one in known]
    if request.method == "GET":
        chosen = _chosen(known, request.GET.get("target", ""))
        offers, models = strategies.offers(chosen), list(language_models.askable())
        initial = _initial(request, chosen, offers, models)
        form = NewRunForm(initial=initial, targets=names, packages=_packages(offers), models=models)
        return show_page(request, "runs/new.html", {"page": new_run.page(known, chosen, form, offers)})
    chosen = _chosen(known, request.POST.get("target", ""))
    offers, models = strategies.offers(chosen), list(language_models.askable())
    form = NewRunForm(request.POST, targets=names, packages=_packages(offers), models=models)
    started = _start(request, form) if form.is_valid() else None
    if started is not None:
        return redirect("run", started)
    return show_page(request, "runs/new.html", {"page": new_run.page(known, chosen, form, offers)}, status=422)


def _chosen(known: Sequence[Target], name: str) -> Target:
    """Return the target of a name, or the first one."""
    return next((one for one in known if one.name == name), known[0])


def _initial(
    request: HttpRequest, chosen: Target, offers: Sequence[Offer], models: Sequence[str]
) -> dict[str, str | list[str]]:
    """Return what stands in the form at first.

    It is the best strategy that fits, unless another that fits is asked for, and the model when there is only one.
    """
    fitting = [offer.package.name for offer in offers if not offer.why_not]
    asked = request.GET.get("strategy", "")
    strategy = asked if asked in fitting else next(iter(fitting), "")
    return {"target": chosen.name, "strategy": strategy, "models": list(models) if len(models) == 1 else []}


def _packages(offers: Sequence[Offer]) -> list[StrategyPackage]:
    return [offer.package for offer in offers]


def _start(request: HttpRequest, form: NewRunForm) -> int | None:
    """Start the run, or put what is wrong beside the form."""
    asked = form.cleaned_data
    try:
        run = runs.start(
            target_name=asked["target"],
            package=asked["package"],
            budget=asked["budget"],
            seed=asked["seed"],
            parameters=asked["settings"],
            models=asked["models"],
            actor=actor_of(request),
            now=timezone.now(),
            limits=form.limits(),
        )
    except (Invalid, StrategyError) as problem:
        form.add_error(None, problem.message)
        return None
    return int(run.pk)


@never_cache
@require_safe
def show(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show one run."""
    person = person_of(request)
    run = read.get(run_id, person)
    page = run_page.page(
        run,
        person,
        tab=request.GET.get("tab", ""),
        sort=request.GET.get("sort", ""),
        state=request.GET.get("state", ""),
        number=page_number(request),
        now=timezone.now(),
    )
    found = show_panels.panels(run, against=request.GET.get("against", ""))
    parts = {"page": page, "panels": found, "budget": page.budget, "limits_form": LimitsForm()}
    return show_page(request, "runs/live.html", parts)


@never_cache
@require_safe
def candidates(request: HttpRequest, run_id: int) -> HttpResponse:
    """Return one page of a run's candidates as a part of its page."""
    run = read.get(run_id, person_of(request))
    sort, state = request.GET.get("sort", ""), request.GET.get("state", "")
    table = run_page.table(run, sort=sort, state=state, number=page_number(request))
    return render(request, "runs/candidates.html", {"table": table})


@never_cache
@require_safe
def live(request: HttpRequest, run_id: int) -> JsonResponse:
    """Return what is new since an event, or everything after 0."""
    run = read.get(run_id, person_of(request))
    text = request.GET.get("after", "0")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise Invalid("`after` is the number of an event, counted from 0.")
    return JsonResponse(run_page.live(run, after=int(text), now=timezone.now()))


@require_safe
def scores(request: HttpRequest, run_id: int) -> StreamingHttpResponse:
    """Return every score of a run as CSV."""
    run = read.get(run_id, person_of(request))
    rows = chain([("evaluation", "candidate", run.target.metric, "state", "operator")], read.scores(run))
    return download(as_csv(rows), CSV, f"run-{run_id}-scores.csv")


@never_cache
@require_safe
def panels(request: HttpRequest, run_id: int) -> HttpResponse:
    """Return what stands below a run's chart, as a part of its page."""
    run = read.get(run_id, person_of(request))
    found = show_panels.panels(run, against=request.GET.get("against", ""))
    return render(request, "runs/panels.html", {"run_id": run.pk, "panels": found})


@require_safe
def panel_rows(request: HttpRequest, run_id: int, key: str) -> StreamingHttpResponse:
    """Return everything that one panel is made of as CSV."""
    run = read.get(run_id, person_of(request))
    rows = show_panels.rows(run, key, against=request.GET.get("against", ""))
    return download(as_csv(rows), CSV, f"run-{run_id}-{key}.csv")


@require_POST
def pause(request: HttpRequest, run_id: int) -> HttpResponse:
    """Pause a run."""
    runs.pause(run_id, actor=actor_of(request), now=timezone.now())
    messages.success(request, "Paused. What is being measured is finished; nothing new is asked for.")
    return redirect("run", run_id)


@require_POST
def resume(request: HttpRequest, run_id: int) -> HttpResponse:
    """Let a paused run go on."""
    runs.resume(run_id, actor=actor_of(request), now=timezone.now())
    return redirect("run", run_id)


@require_http_methods(["GET", "POST"])
def stop(request: HttpRequest, run_id: int) -> HttpResponse:
    """Ask for a reason, and stop a run for good."""
    read.get(run_id, person_of(request))
    if request.method == "GET":
        return show_page(request, "runs/stop.html", {"run_id": run_id})
    runs.stop(run_id, actor=actor_of(request), reason=request.POST.get("reason", ""), now=timezone.now())
    messages.success(request, "Stopped.")
    return redirect("run", run_id)


@never_cache
@require_http_methods(["GET", "POST"])
def budget(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show what a run may spend, and give it other limits."""
    person = person_of(request)
    run = read.get(run_id, person)
    form = LimitsForm(request.POST or None)
    if form.is_valid() and _give_limits(request, run_id, form):
        messages.success(request, "The run has other limits now.")
        return redirect("run", run_id)
    page = {"budget": budgets_view(run, person, now=timezone.now()), "limits_form": form}
    return show_page(request, "runs/budget.html", page, status=422 if form.is_bound else 200)


def _give_limits(request: HttpRequest, run_id: int, form: LimitsForm) -> bool:
    """Change the limits, or put what is wrong beside the form."""
    reason = form.cleaned_data["reason"]
    try:
        budgets.change(run_id, limits=form.given(), actor=actor_of(request), reason=reason, now=timezone.now())
    except Invalid as problem:
        form.add_error(None, problem.message)
        return False
    return True
