"""Error responses: one sentence that says what is wrong and what to do, never a traceback."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from improvement.exceptions import CountersignError
from webapp.presenters.errors import ErrorPage
from webapp.views.pages import came_from

PROBLEM = "application/problem+json"
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "60"}}


def respond(request: HttpRequest, error: ErrorPage) -> HttpResponse:
    """Return an error as a page, or as problem+json (RFC 9457) when the client asks for JSON."""
    if wants_json(request):
        body = {"type": "about:blank", "title": error.title, "status": error.status, "code": error.code}
        answer = {**body, "detail": error.message}
        return JsonResponse(answer, status=error.status, content_type=PROBLEM, headers=_HEADERS.get(error.status))
    html = render_to_string("errors/page.html", {"error": error}, request)
    return HttpResponse(html, status=error.status)


def wants_json(request: HttpRequest) -> bool:
    """Return whether the client prefers JSON to a page; a program that asks the API always does."""
    if request.path.startswith("/api/"):
        return True
    return request.get_preferred_type(["text/html", "application/json", PROBLEM]) in {"application/json", PROBLEM}


def of_domain(request: HttpRequest, error: CountersignError) -> HttpResponse:
    """Return the response for an error of the domain."""
    back = came_from(request)
    page = ErrorPage(error.http_status, error.code, error.message, back=back, back_text="Go back" if back else "")
    return respond(request, page)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for a request that Django refuses."""
    return unreadable(request)


def unreadable(request: HttpRequest) -> HttpResponse:
    """Return the page for a request that cannot be read."""
    return respond(
        request, ErrorPage(400, "bad_request", "Something in the request is malformed. Reload the page and try again.")
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for a refused request."""
    return respond(
        request,
        ErrorPage(403, "not_allowed", "You may not do this. An administrator can change your role on the Team page."),
    )


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the page for a form whose token is missing or old."""
    message = "This form is too old, or cookies are off in this browser. Go back, reload the page and send it again."
    return respond(request, ErrorPage(403, "csrf", message, back=came_from(request), back_text="Go back"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for an address that leads nowhere."""
    return respond(request, ErrorPage(404, "not_found", f"No page has the address {request.path}."))


def broken(request: HttpRequest) -> HttpResponse:
    """Return the page for a defect; it touches neither the database nor the session."""
    message = "Nothing was half done: each change is one transaction. The log of the web process says what happened."
    if wants_json(request):
        return respond(request, ErrorPage(500, "broken", message))
    return HttpResponse(render_to_string("500.html"), status=500)
