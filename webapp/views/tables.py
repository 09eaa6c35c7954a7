"""A target from a table: uploading a file, looking at its columns, and choosing what to predict."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from improvement.exceptions import Invalid, TargetError
from improvement.models import UploadedTable
from improvement.permissions import Right, check_may
from improvement.selectors import tables as read
from improvement.services import tables
from webapp import uploads
from webapp.data_forms import DataTargetForm, TableFileForm
from webapp.presenters import table_page, target_pages
from webapp.views.pages import actor_of, person_of
from webapp.views.pages import show as show_page


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Ask for a file with a table, and let a worker read its columns."""
    person = person_of(request)
    check_may(person, Right.IMPORT_TARGET)
    form = TableFileForm(request.POST, request.FILES) if request.method == "POST" else TableFileForm()
    kept = _keep(request, form) if form.is_valid() else None
    if kept is not None:
        return redirect("table", kept)
    page = {"form": form, "recent": target_pages.recent_imports(person)}
    return show_page(request, "targets/new_table.html", page, status=422 if form.is_bound else 200)


@never_cache
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, table_id: int) -> HttpResponse:
    """Show a table's columns, and have a target made that predicts one of them."""
    person = person_of(request)
    check_may(person, Right.IMPORT_TARGET)
    table = read.get(table_id, person)
    columns = read.columns(table)
    last = read.last_asked(table)
    if request.method == "GET":
        form = DataTargetForm(initial=table_page.initial(columns, last), columns=columns)
        return show_page(request, "targets/table.html", {"page": table_page.page(table, columns, form, last)})
    form = DataTargetForm(request.POST, columns=columns)
    if form.is_valid():
        return redirect("target-import", _ask(request, table, form))
    page = table_page.page(table, columns, form, None)
    return show_page(request, "targets/table.html", {"page": page}, status=422)


def _keep(request: HttpRequest, form: TableFileForm) -> int | None:
    """Keep the file and have it read, or put what is wrong beside the form."""
    upload = form.cleaned_data["upload"]
    try:
        source = uploads.keep_table(upload)
    except (Invalid, TargetError) as problem:
        form.add_error("upload", problem.message)
        return None
    table = tables.hand_over(file_name=upload.name[:100], source=source, actor=actor_of(request), now=timezone.now())
    return int(table.pk)


def _ask(request: HttpRequest, table: UploadedTable, form: DataTargetForm) -> int:
    name = form.cleaned_data["name"]
    made = tables.request_target(table.pk, form.asked(), name=name, actor=actor_of(request), now=timezone.now())
    return int(made.pk)
