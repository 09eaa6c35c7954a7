"""What surrounds a page, by itself: pages that an order rendered cannot be fetched again to keep it fresh."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from webapp.views.pages import local, show


@require_safe
def around(request: HttpRequest) -> HttpResponse:
    """Return the banners and the rail's stop for the page ``next``, where ordering a stop leads back to."""
    return show(request, "parts/around.html", {"here": local(request, request.GET.get("next"), reverse("home"))})
