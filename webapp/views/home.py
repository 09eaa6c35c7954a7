"""Home."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from webapp.presenters import run_lists
from webapp.views.pages import person_of, show


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what needs the person, and what is running."""
    return show(request, "home.html", {"page": run_lists.home(person_of(request), now=timezone.localtime())})
