"""The budget of a run in the browser: given at the start, shown limit by limit, warned of, and raised with a reason."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from improvement.engine.budget import Limit
from improvement.models import Run, User
from improvement.selectors import loop
from improvement.services import budgets
from tests import factories as make
from tests import questions, trail
from tests.integration.web.conftest import World

Browsers = Callable[[User | None], Client]
LOW = "Budget nearly spent"

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(signed_in: Browsers) -> Client:
    """Give the browser of the administrator."""
    return signed_in(make.user("alice", "admin"))


def text(answer: object) -> str:
    """Return what a page says, without its tags and with single spaces."""
    assert hasattr(answer, "content")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_every_limit_of_the_form_is_a_limit_of_the_run(world: World, alice: Client) -> None:
    asked = {"target": world.run.target.name, "strategy": "evolution", "budget": "9", "seconds": "60"}
    alice.post("/runs/new/", asked | {"cpu_seconds": "50", "tokens": "4000", "usd": "2.5"})
    assert loop.budget(Run.objects.latest("pk")).limits == {
        Limit.EVALUATIONS: 9, Limit.SECONDS: 60, Limit.CPU_SECONDS: 50, Limit.TOKENS: 4000, Limit.MICROUSD: 2_500_000,
    }  # fmt: skip


def test_a_limit_that_cannot_be_is_said_beside_the_form(world: World, alice: Client) -> None:
    asked = {"target": world.run.target.name, "strategy": "evolution", "budget": "9", "usd": "1.23456789"}
    answer = alice.post("/runs/new/", asked)
    assert answer.status_code == 422
    assert "no more than 6 decimal places" in text(answer)


def test_the_tab_shows_what_is_spent_of_each_limit(world: World, alice: Client) -> None:
    Run.objects.filter(pk=world.run.pk).update(cpu_seconds_limit=100, cpu_seconds=83.2)
    questions.asked_models(world.run, microusd=420_000)
    said = text(alice.get(f"/runs/{world.run.pk}/?tab=budget"))
    assert "Evaluations 1 of 1,000 evaluations" in said
    assert "CPU seconds 83 of 100 CPU seconds" in said
    assert "Without limit:" in said
    assert "$0.42" in said


def test_a_warning_stands_on_home_and_on_the_run(world: World, alice: Client) -> None:
    assert LOW not in text(alice.get("/"))
    Run.objects.filter(pk=world.run.pk).update(token_limit=100)
    questions.asked_models(world.run, tokens=90)
    budgets.warn(world.run.pk, now=timezone.now())
    assert LOW in text(alice.get("/"))
    page = text(alice.get(f"/runs/{world.run.pk}/"))
    assert "Budget: 90 of 100 tokens used" in page
    assert "budget nearly spent: 90 of 100 tokens" in page


def test_a_raise_is_recorded_with_its_reason_and_ends_the_warning(world: World, alice: Client) -> None:
    Run.objects.filter(pk=world.run.pk).update(token_limit=100)
    questions.asked_models(world.run, tokens=90)
    budgets.warn(world.run.pk, now=timezone.now())
    answer = alice.post(f"/runs/{world.run.pk}/budget/", {"tokens": "1000", "usd": "1.5", "reason": "nearly there"})
    assert answer["Location"] == f"/runs/{world.run.pk}/"
    (change,) = trail.recorded("run.limits_changed")
    assert (change["limits"], change["reason"]) == ({"tokens": 1000, "microusd": 1_500_000}, "nearly there")
    assert LOW not in text(alice.get("/"))
    history = text(alice.get(f"/runs/{world.run.pk}/?tab=history"))
    assert "alice gave R-" in history
    assert "other limits, 100 tokens to 1,000 tokens, $1.50: nearly there" in history


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"evaluations": "2000"}, "This field is required"),
        ({"reason": "so"}, "No limit would change"),
        ({"tokens": "80", "reason": "so"}, "has used 90 of 80 tokens already"),
        ({"evaluations": "0", "reason": "so"}, "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(
    world: World, alice: Client, asked: dict[str, str], said: str
) -> None:
    Run.objects.filter(pk=world.run.pk).update(token_limit=100)
    questions.asked_models(world.run, tokens=90)
    answer = alice.post(f"/runs/{world.run.pk}/budget/", asked)
    assert answer.status_code == 422
    assert said in text(answer)
    assert trail.recorded("run.limits_changed") == []
    assert loop.spent(Run.objects.get(pk=world.run.pk), timezone.now()).tokens == 90


def test_a_viewer_sees_the_budget_and_no_form(world: World, signed_in: Browsers) -> None:
    answer = signed_in(make.user("mallory", "viewer")).get(f"/runs/{world.run.pk}/?tab=budget")
    assert "1 of 1,000 evaluations" in text(answer)
    assert 'name="reason"' not in answer.content.decode().split('id="details"')[1]
