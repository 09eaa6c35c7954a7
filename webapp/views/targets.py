"""Targets: the list, one of them, importing, rolling back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from improvement.exceptions import Conflict, Invalid
from improvement.permissions import Right, check_may
from improvement.selectors import targets as read
from improvement.services import champions, proposals, serving, targets
from webapp import uploads
from webapp.forms import ImportTargetForm
from webapp.presenters import target_pages
from webapp.views.pages import actor_of, person_of
from webapp.views.pages import show as show_page


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the list of targets."""
    return show_page(request, "targets/list.html", {"page": target_pages.index(person_of(request))})


@require_safe
def show(request: HttpRequest, name: str) -> HttpResponse:
    """Show one target."""
    person = person_of(request)
    return show_page(request, "targets/show.html", {"page": target_pages.page(read.get(name, person), person)})


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Ask where the files are, and let a worker make a target of them."""
    person = person_of(request)
    check_may(person, Right.IMPORT_TARGET)
    choices = {"roots": target_pages.import_roots(person)}
    if request.method == "GET":
        return _import_page(request, ImportTargetForm(**choices))
    form = ImportTargetForm(request.POST, request.FILES, **choices)
    asked = _ask(request, form) if form.is_valid() else None
    return _import_page(request, form) if asked is None else redirect("target-import", asked)


@require_safe
def imported(request: HttpRequest, import_id: int) -> HttpResponse:
    """Show how an import stands."""
    row = read.get_import(import_id, person_of(request))
    return show_page(request, "targets/import.html", {"page": target_pages.import_page(row)})


@require_POST
def roll_back(request: HttpRequest, name: str) -> HttpResponse:
    """Order that a former champion becomes champion again."""
    read.get(name, person_of(request))
    to, reason = request.POST.get("to", ""), request.POST.get("reason", "")
    champions.order_rollback(name, to=to, actor=actor_of(request), reason=reason, now=timezone.now())
    messages.success(request, f"Rolling back to {to[:7]}; it shows here as soon as the branch has moved.")
    return redirect("target", name)


@require_POST
def dismiss(request: HttpRequest, name: str, proposal_id: int) -> HttpResponse:
    """Decide that the champion stays, although the one before it does better on the stream."""
    read.get(name, person_of(request))
    reason = request.POST.get("reason", "")
    proposals.dismiss(proposal_id, actor=actor_of(request), reason=reason, now=timezone.now())
    messages.success(request, "The champion stays; the reason is in the audit trail.")
    return redirect("target", name)


@require_POST
def skip_records(request: HttpRequest, name: str, serving_id: int) -> HttpResponse:
    """Let who follows a stream go on behind the records that it refuses."""
    read.get(name, person_of(request))
    last, reason = request.POST.get("last", ""), request.POST.get("reason", "")
    if not last.isascii() or not last.isdigit() or len(last) > 18:
        raise Invalid("Say up to which record to skip, as a whole number.")
    serving.skip(serving_id, last=int(last), actor=actor_of(request), reason=reason, now=timezone.now())
    messages.success(request, f"It goes on after record {last}; the reason is in the audit trail.")
    return redirect("target", name)


@require_POST
def end_shadow(request: HttpRequest, name: str, serving_id: int) -> HttpResponse:
    """End the shadow of a champion."""
    read.get(name, person_of(request))
    reason = request.POST.get("reason", "")
    serving.dismiss_shadow(serving_id, actor=actor_of(request), reason=reason, now=timezone.now())
    messages.success(request, "The shadow has ended; the reason is in the audit trail.")
    return redirect("target", name)


def _import_page(request: HttpRequest, form: ImportTargetForm) -> HttpResponse:
    recent = target_pages.recent_imports(person_of(request))
    return show_page(
        request, "targets/new.html", {"form": form, "recent": recent}, status=422 if form.is_bound else 200
    )


def _ask(request: HttpRequest, form: ImportTargetForm) -> int | None:
    """Have the import carried out, or put what is wrong beside the form."""
    asked = form.cleaned_data
    how = {"name": asked["name"], "format": asked["format"], "actor": actor_of(request), "now": timezone.now()}
    try:
        if asked["upload"]:
            row = targets.request_import_of_upload(archive=uploads.keep_archive(asked["upload"]), **how)
        else:
            row = targets.request_import_from_server(path=asked.get("path", ""), **how)
    except (Conflict, Invalid) as problem:
        form.add_error(None, problem.message)
        return None
    return int(row.pk)
