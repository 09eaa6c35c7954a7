"""Saying something of single lines of a change, and resolving it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from improvement.selectors import candidates
from improvement.selectors.comments import Place
from improvement.services import comments
from webapp.views.pages import actor_of, person_of


@require_http_methods(["GET", "POST"])
def comment(request: HttpRequest, candidate_id: int) -> HttpResponse:
    """Comment on the line that the form names; whoever only follows the address is shown the candidate."""
    candidates.get(candidate_id, person_of(request))
    if request.method == "GET":
        return redirect("candidate", candidate_id)
    place = Place.parse(*(request.POST.get(name, "") for name in ("path", "side", "line")))
    made = comments.comment(
        candidate_id,
        place,
        text=request.POST.get("text", ""),
        share=_is_shared(request),
        actor=actor_of(request),
        now=timezone.now(),
    )
    messages.success(request, f"You commented on line {place.line} of {place.path}.")
    return _to_thread(candidate_id, made.thread_id)


@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, candidate_id: int, thread_id: int) -> HttpResponse:
    """Say something more in a thread."""
    candidates.get(candidate_id, person_of(request))
    if request.method == "POST":
        comments.answer(
            candidate_id,
            thread_id,
            text=request.POST.get("text", ""),
            share=_is_shared(request),
            actor=actor_of(request),
            now=timezone.now(),
        )
    return _to_thread(candidate_id, thread_id)


@require_http_methods(["GET", "POST"])
def resolve(request: HttpRequest, candidate_id: int, thread_id: int) -> HttpResponse:
    """Resolve a thread."""
    candidates.get(candidate_id, person_of(request))
    if request.method == "POST":
        comments.resolve(candidate_id, thread_id, actor=actor_of(request), now=timezone.now())
    return _to_thread(candidate_id, thread_id)


def _is_shared(request: HttpRequest) -> bool:
    return request.POST.get("share") == "yes"


def _to_thread(candidate_id: int, thread_id: int) -> HttpResponse:
    return redirect(f"{reverse('candidate', args=[candidate_id])}#thread-{thread_id}")
