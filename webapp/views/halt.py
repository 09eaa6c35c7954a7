"""The stop over everything, as a page (the dialog sends the same form)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from improvement.services import halt
from webapp.views.pages import actor_of, local, show


@require_http_methods(["GET", "POST"])
def order(request: HttpRequest) -> HttpResponse:
    """Ask for a reason, and stop everything."""
    onward = local(request, request.POST.get("next") or request.GET.get("next"), reverse("home"))
    if request.method == "GET":
        return show(request, "halt/page.html", {"next": onward})
    halt.halt(actor=actor_of(request), reason=request.POST.get("reason", ""), now=timezone.now())
    return HttpResponseRedirect(onward)


@require_POST
def lift(request: HttpRequest) -> HttpResponse:
    """Resume, or under the team policy ask to."""
    onward = local(request, request.POST.get("next"), reverse("home"))
    stop = halt.resume(actor=actor_of(request), reason=request.POST.get("reason", ""), now=timezone.now())
    if stop.lifted_at is None:
        messages.info(request, "You asked to resume. It happens as soon as a second person agrees.")
    else:
        messages.success(request, "Work goes on.")
    return HttpResponseRedirect(onward if onward != reverse("halt") else reverse("home"))
