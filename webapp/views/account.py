"""Signing in and out, one-time links, and a person's own settings."""

from __future__ import annotations

import time

from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from improvement.exceptions import CountersignError, Invalid
from improvement.models import User
from improvement.services import people
from webapp import throttle
from webapp.forms import FirstPasswordForm, PasswordForm, SignInForm
from webapp.views.pages import actor_of, alone, local, show, user_of

BACKEND = "django.contrib.auth.backends.ModelBackend"


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with name and password."""
    onward = local(request, request.POST.get("next") or request.GET.get("next"), reverse("home"))
    if request.user.is_authenticated:
        return HttpResponseRedirect(onward)
    form = SignInForm(request.POST or None)
    if form.is_valid():
        user = _authenticated(request, form)
        if user is not None:
            people.record_sign_in(user, how="password", now=timezone.now())
            login(request, user, backend=BACKEND)
            return HttpResponseRedirect(onward)
    return alone(request, "account/sign_in.html", {"form": form, "next": onward}, status=422 if form.errors else 200)


def _authenticated(request: HttpRequest, form: SignInForm) -> User | None:
    name, address = form.cleaned_data["name"], request.META.get("REMOTE_ADDR", "")
    met = throttle.count_try(name, address)
    if met.refused:
        form.add_error(
            None, "There were too many wrong passwords. Wait five minutes, or ask an administrator for a link."
        )
        return None
    if not _waited(met.seconds, address):
        form.add_error(None, "Too many tries from your address wait already. Try again in a few seconds.")
        return None
    user = authenticate(request, username=name, password=form.cleaned_data["password"])
    if isinstance(user, User):
        throttle.forgive_try(name, address)
        return user
    form.add_error(None, "Name and password do not belong together. An administrator can give you a new link.")
    return None


def _waited(seconds: float, address: str) -> bool:
    """Wait where there is a place to; return whether there was one."""
    if not seconds:
        return True
    with throttle.waiting(address) as has_place:
        if has_place:
            time.sleep(seconds)
        return has_place


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out."""
    logout(request)
    return redirect("sign-in")


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in by a one-time link: GET only shows a button, POST uses the link up."""
    now = timezone.now()
    try:
        user = people.check_link(token, now=now) if request.method == "GET" else people.use_link(token, now=now)
    except CountersignError as problem:
        return alone(request, "account/enter.html", {"problem": problem.message}, status=problem.http_status)
    if request.method == "GET":
        return alone(request, "account/enter.html", {"name": user.get_username()})
    login(request, user, backend=BACKEND)
    return redirect("home" if user.has_usable_password() else "set-password")


@never_cache
@sensitive_post_parameters("new", "again")
@require_http_methods(["GET", "POST"])
def set_password(request: HttpRequest) -> HttpResponse:
    """Choose the first password, after an invitation."""
    user = user_of(request)
    if user.has_usable_password():
        return redirect("account")
    form = FirstPasswordForm(request.POST or None)
    if form.is_valid() and _set(request, form, current=None):
        return redirect("home")
    context: dict[str, object] = {"form": form, "name": user.get_username()}
    return alone(request, "account/set_password.html", context, status=422 if form.errors else 200)


@require_safe
def show_settings(request: HttpRequest) -> HttpResponse:
    """Show a person's own settings."""
    return show(request, "account/page.html", {"form": _password_form(user_of(request))()})


@sensitive_post_parameters("current", "new", "again")
@require_http_methods(["GET", "POST"])
def change_password(request: HttpRequest) -> HttpResponse:
    """Change one's own password; whoever only follows the address is shown their settings."""
    if request.method == "GET":
        return redirect("account")
    form = _password_form(user_of(request))(request.POST)
    if form.is_valid() and _set(request, form, current=form.cleaned_data.get("current")):
        messages.success(request, "Your password is set.")
        return redirect("account")
    return show(request, "account/page.html", {"form": form}, status=422)


@require_POST
def keyboard(request: HttpRequest) -> HttpResponse:
    """Switch one's own single-key shortcuts on or off."""
    on = request.POST.get("keys") == "on"
    people.set_keyboard_shortcuts(user_of(request).pk, on)
    messages.success(request, f"Single keys are {'on' if on else 'off'}.")
    return redirect("account")


def _password_form(user: User) -> type[FirstPasswordForm]:
    return PasswordForm if user.has_usable_password() else FirstPasswordForm


def _set(request: HttpRequest, form: FirstPasswordForm, *, current: str | None) -> bool:
    try:
        user = people.set_password(
            form.cleaned_data["new"], current=current, actor=actor_of(request), now=timezone.now()
        )
    except Invalid as problem:
        form.add_error(None, problem.message)
        return False
    update_session_auth_hash(request, user)
    return True
