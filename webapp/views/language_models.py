"""Language models: the list with what they cost, and an administrator's adding, changing, trying and removing."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from improvement.exceptions import Conflict, Invalid
from improvement.permissions import Right, check_may
from improvement.selectors import language_models as read
from improvement.services import language_models, model_tests
from webapp.forms import LanguageModelForm
from webapp.presenters import language_models as present
from webapp.views.pages import actor_of, person_of
from webapp.views.pages import show as show_page


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the models and what was spent on them."""
    return show_page(request, "models/list.html", {"page": present.page(person_of(request), now=timezone.now())})


@sensitive_post_parameters("key")
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Ask about a new model, and add it."""
    check_may(person_of(request), Right.MANAGE_MODELS)
    form = LanguageModelForm(request.POST or None)
    if form.is_valid() and _write(request, form, language_models.add):
        messages.success(request, f"{form.config.name} is added. Test it to see whether it answers.")
        return redirect("models")
    return show_page(request, "models/form.html", {"form": form}, status=422 if form.is_bound else 200)


@sensitive_post_parameters("key")
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, model: str) -> HttpResponse:
    """Show what is stated of a model, and change it."""
    check_may(person_of(request), Right.MANAGE_MODELS)
    row = read.added(model)
    form = LanguageModelForm(request.POST or None, known=read.config_of(row))
    if form.is_valid() and _write(request, form, language_models.change):
        messages.success(request, f"{form.config.name} is changed.")
        return redirect("models")
    context: dict[str, object] = {"form": form, "name": row.name, "key_end": row.key_end}
    return show_page(request, "models/form.html", context, status=422 if form.is_bound else 200)


@require_POST
def test(request: HttpRequest, model: str) -> HttpResponse:
    """Have a worker ask a model one tiny question; the page shows what came."""
    model_tests.order(model, actor=actor_of(request), now=timezone.now())
    return redirect("models")


@require_POST
def remove(request: HttpRequest, model: str) -> HttpResponse:
    """Remove a model; what was asked of it stays."""
    language_models.remove(model, actor=actor_of(request), now=timezone.now())
    messages.success(request, f"{model} is removed and its key forgotten. What was asked of it stays in the record.")
    return redirect("models")


def _write(request: HttpRequest, form: LanguageModelForm, write: Callable[..., object]) -> bool:
    """Carry the form out, or put what is wrong above it."""
    try:
        write(form.config, key=form.cleaned_data["key"], actor=actor_of(request), now=timezone.now())
    except (Conflict, Invalid) as problem:
        form.add_error(None, problem.message)
        return False
    return True
