"""The review queue, the page of one candidate, and deciding."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from improvement.exceptions import AlreadyDecided, Invalid, StaleDecision
from improvement.permissions import Person
from improvement.policies import Digests
from improvement.selectors import candidates
from improvement.selectors import reviews as read
from improvement.selectors.reviews import Shown
from improvement.services import quarantine, reviews
from webapp.presenters import candidate_page, decisions, run_lists
from webapp.presenters.comments import asked_place
from webapp.presenters.errors import ErrorPage
from webapp.presenters.review import VoteLine
from webapp.views import errors
from webapp.views.pages import actor_of, person_of, show

_SAID = {
    "approve": "You countersigned C-{}.",
    "reject": "You rejected C-{}.",
    "request_changes": "You asked for changes to C-{}.",
    "abstain": "You abstained on C-{}.",
}


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Show what waits for people."""
    return show(request, "review/queue.html", {"page": run_lists.queue(person_of(request))})


@require_safe
def candidate(request: HttpRequest, candidate_id: int) -> HttpResponse:
    """Show one candidate, and note that a reviewer is looking at it."""
    person, now = person_of(request), timezone.now()
    found = candidates.get(candidate_id, person)
    reviews.look(candidate_id, actor=actor_of(request), now=now)
    view = request.GET.get("view") or request.COOKIES.get("diff", "")
    asked = asked_place(request.GET.get("line", ""))
    page = candidate_page.page(found, person, tab=request.GET.get("tab", ""), view=view, asked=asked, now=now)
    response = show(request, "review/candidate.html", {"page": page, "view_choices": candidate_page.VIEWS})
    if "view" in request.GET:
        response.set_cookie("diff", page.view, max_age=365 * 86400, samesite="Lax", httponly=True)
    return response


@require_http_methods(["GET", "POST"])
def decide(request: HttpRequest, candidate_id: int) -> HttpResponse:
    """Record a verdict on exactly what was shown; approving one's own run asks once more.

    Whoever only follows the address (a reload, a copied link) is shown the candidate.
    """
    person = person_of(request)
    candidates.get(candidate_id, person)
    if request.method == "GET":
        return redirect("candidate", candidate_id)
    verdict, reason = request.POST.get("verdict", ""), request.POST.get("reason", "")
    if verdict == "approve" and _is_own(candidate_id, person) and not _is_confirmed(request):
        return _confirm(request, candidate_id)
    try:
        reviews.vote(
            candidate_id,
            verdict=verdict,
            digests=_digests(request),
            reason=reason,
            share_reason=request.POST.get("share_reason") == "yes",
            grounds=request.POST.getlist("grounds"),
            actor=actor_of(request),
            now=timezone.now(),
        )
    except (AlreadyDecided, StaleDecision) as late:
        return _too_late(request, candidate_id, person, late)
    messages.success(request, f"{_SAID[verdict].format(candidate_id)} {_what_follows(candidate_id, person)}")
    return redirect("candidate", candidate_id)


@require_http_methods(["GET", "POST"])
def judge(request: HttpRequest, candidate_id: int) -> HttpResponse:
    """Clear or reject a candidate whose score is above the declared bound."""
    candidates.get(candidate_id, person_of(request))
    if request.method == "GET":
        return redirect("candidate", candidate_id)
    act = {"clear": quarantine.clear, "reject": quarantine.reject}.get(request.POST.get("verdict", ""))
    if act is None:
        raise Invalid("Say whether the score is possible: clear the candidate, or reject it.")
    shown = Shown(request.POST.get("patch", ""), request.POST.get("evidence", ""))
    reason = request.POST.get("reason", "")
    act(candidate_id, shown=shown, actor=actor_of(request), reason=reason, now=timezone.now())
    messages.success(request, f"You {request.POST['verdict']}ed C-{candidate_id}.")
    return redirect("candidate", candidate_id)


def _what_follows(candidate_id: int, person: Person) -> str:
    review = read.latest(candidate_id)
    return decisions.what_follows(read.standing(review, person)) if review else ""


def _digests(request: HttpRequest) -> Digests:
    stated = [request.POST.get(name, "") for name in ("patch", "base", "evidence", "policy")]
    if not all(stated):
        raise Invalid("The decision does not say what it signs. Open the candidate's page and decide there.")
    return Digests(*stated)


def _is_own(candidate_id: int, person: Person) -> bool:
    review = read.latest(candidate_id)
    if review is None or review.state != review.State.OPEN:
        return False
    place = read.standing(review, person)
    return place.involved and place.policy.self_countersign


def _is_confirmed(request: HttpRequest) -> bool:
    return request.POST.get("confirmed") == "yes" and bool(request.POST.get("reason", "").strip())


def _confirm(request: HttpRequest, candidate_id: int) -> HttpResponse:
    asked_before = request.POST.get("confirmed") == "yes"
    review = read.latest(candidate_id)
    context: dict[str, object] = {
        "candidate_id": candidate_id,
        "signing": decisions.signing(_digests(request), review.policy.version if review else 0),
        "reason": request.POST.get("reason", ""),
        "reason_error": "Say why; it stays beside your signature." if asked_before else "",
        "share_reason": request.POST.get("share_reason") == "yes",
    }
    return show(request, "review/confirm.html", context, status=422 if asked_before else 200)


def _too_late(
    request: HttpRequest, candidate_id: int, person: Person, late: AlreadyDecided | StaleDecision
) -> HttpResponse:
    """Return the page that says who decided what before this decision arrived."""
    back, text = f"/candidates/{candidate_id}/", f"See C-{candidate_id} as it is now"
    page = ErrorPage(409, late.code, late.message, _votes(candidate_id, person), back, text)
    return errors.respond(request, page)


def _votes(candidate_id: int, person: Person) -> tuple[VoteLine, ...]:
    review = read.latest(candidate_id)
    return tuple(map(decisions.vote_line, read.standing(review, person).votes)) if review else ()
