"""The audit trail: reading, verifying, exporting."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from improvement.exceptions import Invalid, NotFound
from improvement.ledger.event import sentence
from improvement.permissions import Right, check_may
from improvement.selectors import audit as read
from improvement.selectors.audit import Filters
from improvement.services import audit, trail
from webapp.presenters import audit_lines
from webapp.presenters.audit import AuditFilters, Verification
from webapp.views.downloads import CSV, as_csv, download, download_file
from webapp.views.pages import actor_of, page_number, person_of, show

COLUMNS = ("seq", "time", "type", "actor", "subject", "run", "target", "sentence")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show one page of the trail."""
    return _page(request)


@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Check the whole trail now and show what was found; whoever only follows the address is shown the trail."""
    if request.method == "GET":
        return redirect("audit")
    found = trail.verify_log(now=timezone.now())
    return _page(request, Verification(found.ok, found.size, found.root, tuple(found.problems)))


@require_safe
def key(request: HttpRequest) -> StreamingHttpResponse:
    """Return the public key that verifies this log, as `audit key` prints it."""
    return download([audit.signing_key().vkey + "\n"], "text/plain; charset=utf-8", audit_lines.KEY_FILE)


@require_POST
def export(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """Return the trail, or one run's part of it, as a bundle, JSON lines or CSV; the trail says who took it."""
    check_may(person_of(request), Right.EXPORT_AUDIT)
    run = _run_to_export(request.POST.get("run", "").strip())
    if form == "bundle":
        return _bundle(request, run)
    if form not in _CONTENTS:
        raise NotFound("The trail can be exported as bundle, jsonl or csv.")
    content, kind = _CONTENTS[form]
    trail.record_export(form, run_id=run, actor=actor_of(request), now=timezone.now())
    return download(content(Filters(run_id=run)), kind, audit_lines.export_name(run, form))


def _bundle(request: HttpRequest, run: int | None) -> StreamingHttpResponse:
    name = audit_lines.export_name(run, "tar")
    with tempfile.TemporaryDirectory(prefix="countersign-export-") as folder:
        written = trail.export(Path(folder) / name, run_id=run, actor=actor_of(request), now=timezone.now())
        return download_file(written.path, "application/x-tar", name)


def _page(request: HttpRequest, verification: Verification | None = None) -> HttpResponse:
    asked = {name: request.GET.get(name, "").strip() for name in ("type", "actor", "run", "since", "until", "show")}
    shown = AuditFilters(**asked)
    filters = Filters(
        type=shown.type,
        actor=shown.actor,
        run_id=_run(shown.run),
        since=_midnight(shown.since),
        until=_midnight(shown.until, days=1),
        decisions=not shown.everything,
    )
    if problem := _problem(shown):
        messages.warning(request, problem)
    page = audit_lines.page(person_of(request), filters, shown, number=page_number(request), verification=verification)
    return show(request, "audit/list.html", {"page": page})


def _problem(shown: AuditFilters) -> str:
    """Return what is wrong with the filter as it was typed; that part of it is left out."""
    if shown.run and _run(shown.run) is None:
        return f"“{shown.run[:40]}” is no run: write its number, such as 7 or R-7. All runs are shown."
    days = [day for day in (shown.since, shown.until) if day and _midnight(day) is None]
    return f"“{days[0][:40]}” is no day: write it as 2026-11-23. All days are shown." if days else ""


def _run_to_export(text: str) -> int | None:
    run = _run(text)
    if text and run is None:
        raise Invalid("That is no run's number: name a run as the Runs page does, such as R-7, or none for everything.")
    return run


def _run(text: str) -> int | None:
    """Read a run's number as people type it: 7, R-7 or run 7."""
    digits = text.lower().removeprefix("run").strip().removeprefix("r-")
    return int(digits) if digits.isdecimal() and len(digits) < 16 else None


def _midnight(text: str, *, days: int = 0) -> datetime | None:
    """Return the start of a day, or nothing for a text that is no day or one beyond what a calendar holds."""
    try:
        day = parse_date(text)
        return _start_of(day + timedelta(days=days)) if day else None
    except (ValueError, OverflowError):
        return None


def _start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min)).astimezone(UTC)


def _json_lines(filters: Filters) -> Iterator[bytes]:
    return (read.stored_bytes(event.body) + b"\n" for event in read.matching(filters).iterator(2000))


def _csv(filters: Filters) -> Iterator[str]:
    return as_csv(_rows(filters))


def _rows(filters: Filters) -> Iterator[tuple[object, ...]]:
    yield COLUMNS
    for event in read.matching(filters).iterator(2000):
        told = sentence(read.body(event))
        yield event.seq, event.ts, event.type, event.actor, event.subject, event.run_id or "", event.target, told


_CONTENTS: dict[str, tuple[Callable[[Filters], Iterator[bytes] | Iterator[str]], str]] = {
    "jsonl": (_json_lines, "application/jsonl"),
    "csv": (_csv, CSV),
}
