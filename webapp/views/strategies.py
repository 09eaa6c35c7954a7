"""Strategies."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from improvement.selectors import strategies
from webapp.presenters.target_pages import strategies_page
from webapp.views.pages import person_of, show


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the strategies that a run can use."""
    return show(request, "strategies.html", {"page": strategies_page(strategies.all_strategies(), person_of(request))})
