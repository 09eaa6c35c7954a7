"""Team: people, roles, invitations and the policy preset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from improvement.exceptions import Conflict, Invalid
from improvement.selectors import people as read_people
from improvement.services import people, policies
from webapp.forms import InvitationForm, NarrowForm
from webapp.presenters import team
from webapp.presenters.team import Invitation
from webapp.views.pages import actor_of, person_of
from webapp.views.pages import show as show_page

_POLICY_CHANGED = (
    "A second person may review now, so the policy is {} v{}: nobody approves what they started, and votes in open "
    'reviews have to be cast again. <a href="{}#policy">See the policy</a>.'
)


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Show the team."""
    return _page(request, InvitationForm())


@never_cache
@require_http_methods(["GET", "POST"])
def invite(request: HttpRequest) -> HttpResponse:
    """Make a person and show their link, this once; whoever only follows the address is shown the team."""
    if request.method == "GET":
        return redirect("team")
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    name, role = form.cleaned_data["name"], form.cleaned_data["role"]
    try:
        with _policy_told(request):
            path = people.invite(name, role=role, actor=actor_of(request), now=timezone.now())
    except (Conflict, Invalid) as problem:
        form.add_error("name", problem.message)
        return _page(request, form, status=problem.http_status)
    return _page(request, InvitationForm(), Invitation(name, request.build_absolute_uri(path)))


@never_cache
@require_http_methods(["GET", "POST"])
def new_link(request: HttpRequest, user_id: int) -> HttpResponse:
    """Show a new one-time link for somebody, this once; whoever only follows the address is shown the team."""
    if request.method == "GET":
        return redirect("team")
    path = people.renew_invitation(user_id, actor=actor_of(request), now=timezone.now())
    name = read_people.by_id(user_id).get_username()
    return _page(request, InvitationForm(), Invitation(name, request.build_absolute_uri(path)))


@require_POST
def change_role(request: HttpRequest, user_id: int) -> HttpResponse:
    """Change somebody's role."""
    with _policy_told(request):
        people.change_role(user_id, role=request.POST.get("role", ""), actor=actor_of(request), now=timezone.now())
    messages.success(request, "The role is changed.")
    return redirect("team")


@require_POST
def narrow(request: HttpRequest) -> HttpResponse:
    """Narrow somebody's role on one target, or lift that."""
    form = NarrowForm(request.POST)
    if not form.is_valid():
        raise Invalid("Choose a person and a target.")
    person, target, role = (form.cleaned_data[name] for name in ("person", "target", "role"))
    people.change_role(person, role=role, target_name=target, actor=actor_of(request), now=timezone.now())
    messages.success(request, f"The role on {target} is changed.")
    return redirect("team")


@require_POST
def lock(request: HttpRequest, user_id: int) -> HttpResponse:
    """Lock somebody out."""
    people.set_active(user_id, False, actor=actor_of(request), now=timezone.now())
    messages.success(request, "Locked out. What they did stays in the trail.")
    return redirect("team")


@require_POST
def unlock(request: HttpRequest, user_id: int) -> HttpResponse:
    """Let somebody in again."""
    with _policy_told(request):
        people.set_active(user_id, True, actor=actor_of(request), now=timezone.now())
    messages.success(request, "They may sign in again.")
    return redirect("team")


@require_POST
def choose_policy(request: HttpRequest) -> HttpResponse:
    """Put a policy preset into force."""
    preset, reason = request.POST.get("preset", ""), request.POST.get("reason", "")
    version = policies.choose_preset(
        preset,
        when_waiting=request.POST.get("when_waiting", "explore"),
        agent_hosts=request.POST.get("agent_hosts", "").replace(",", " ").split(),
        actor=actor_of(request),
        reason=reason,
        now=timezone.now(),
    )
    messages.success(request, f"Policy {version.preset} v{version.version} is in force.")
    return redirect("team")


@contextmanager
def _policy_told(request: HttpRequest) -> Iterator[None]:
    """Say so when what is done inside the block changes the policy."""
    before = policies.current(now=timezone.now())
    yield
    after = policies.current(now=timezone.now())
    if after.version != before.version:
        said = format_html(_POLICY_CHANGED, after.preset, after.version, reverse("team"))
        messages.warning(request, said)


def _page(
    request: HttpRequest, form: InvitationForm, invitation: Invitation | None = None, *, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    page = team.page(person_of(request), policies.current(now=now), invitation=invitation, now=now)
    return show_page(request, "team/page.html", {"page": page, "form": form}, status=status)
