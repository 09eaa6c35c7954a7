"""Starting a run in the browser: what is chosen is what runs, and what is wrong is said beside its field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from improvement.models import Run, Target, User
from improvement.services import language_models
from tests import factories as make
from tests import questions
from tests.integration.web.conftest import World
from tests.model_server import KEY, ModelServer

Browsers = Callable[[User | None], Client]

pytestmark = pytest.mark.django_db


def test_settings_of_the_chosen_strategy_are_kept(world: World, signed_in: Browsers) -> None:
    asked = {"evolution.islands": "5", "evolution.idioms": "false", "parameters.sampler": "cmaes"}

    answer = signed_in(make.user("alice", "admin")).post("/runs/new/", _form(world) | asked)

    run = Run.objects.latest("pk")
    assert answer["Location"] == f"/runs/{run.pk}/"
    assert run.parameters["islands"] == 5
    assert run.parameters["idioms"] is False
    assert run.parameters["island_size"] == 12
    assert "sampler" not in run.parameters


def test_strategies_that_share_a_run_are_started_with_the_settings_of_each(world: World, signed_in: Browsers) -> None:
    alice = signed_in(make.user("alice", "admin"))
    asked = {"also": ["parameters", "evolution"], "evolution.islands": "5", "parameters.sampler": "cmaes"}

    answer = alice.post("/runs/new/", _form(world) | asked)

    run = Run.objects.latest("pk")
    assert (answer["Location"], run.strategy) == (f"/runs/{run.pk}/", "evolution+parameters")
    kept = {name: run.parameters[name] for name in ("evolution.islands", "parameters.sampler", "evolution.patience")}
    assert kept == {"evolution.islands": 5, "parameters.sampler": "cmaes", "evolution.patience": 12}
    assert 'name="also" value="parameters"' in alice.get("/runs/new/?target=small").content.decode()


def test_a_setting_of_one_that_shares_the_run_is_checked_too(world: World, signed_in: Browsers) -> None:
    faulty = {"also": ["parameters"], "parameters.startup": "few"}
    answer = signed_in(make.user("alice", "admin")).post("/runs/new/", _form(world) | faulty)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "must be a whole number" in page
    assert 'name="also" value="parameters" checked' in page


def test_a_setting_of_another_kind_is_said_beside_its_field(world: World, signed_in: Browsers) -> None:
    before = Run.objects.count()

    faulty = {"evolution.islands": "many", "evolution.island_size": "few"}
    answer = signed_in(make.user("alice", "admin")).post("/runs/new/", _form(world) | faulty)

    assert (answer.status_code, Run.objects.count()) == (422, before)
    assert "must be a whole number" in answer.content.decode()


def test_what_fits_is_offered_best_first_and_what_does_not_is_said_why(world: World, signed_in: Browsers) -> None:
    language_models.remove("gone", actor=make.alice(), now=timezone.now())
    page = signed_in(make.user("alice", "admin")).get("/runs/new/?target=small").content.decode()

    offered = re.findall(r'name="strategy" value="([^"]*)" required( checked)?', page)
    assert offered[0] == ("evolution", " checked")
    assert not {"policy", "llm"} & {name for name, _ in offered}
    assert "<dd>needs numbers with a point in an evolve block; this target has none</dd>" in page
    assert "<dd>needs a language model; none that can be asked is set up; the Models page says why</dd>" in page


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (0.5, "0.50 s to measure the start: 300 evaluations take about 2.5 min of sandbox time."),
        (None, "How long an evaluation takes is not known yet."),
    ],
)
def test_what_an_evaluation_takes_is_said_as_far_as_it_is_known(
    world: World, signed_in: Browsers, seconds: float | None, says: str
) -> None:
    Target.objects.filter(pk=make.target("fresh").pk).update(start_seconds=seconds)

    page = signed_in(make.user("alice", "admin")).get("/runs/new/?target=fresh").content.decode()

    assert says in page


def test_what_was_measured_with_a_strategy_comes_before_what_others_took(world: World, signed_in: Browsers) -> None:
    page = signed_in(make.user("alice", "admin")).get("/runs/new/?target=small").content.decode()

    assert "0.25 s an evaluation in its earlier runs here: 300 evaluations take about 75 s of sandbox time." in page
    assert page.count("an evaluation in earlier runs here") == page.count('name="strategy"') - 1


def test_a_strategy_that_does_not_fit_is_refused(world: World, signed_in: Browsers) -> None:
    before = Run.objects.count()

    answer = signed_in(make.user("alice", "admin")).post("/runs/new/", _form(world) | {"strategy": "policy"})

    assert (answer.status_code, Run.objects.count()) == (422, before)
    said = "does not fit small: it needs numbers with a point in an evolve block; this target has none."
    assert said in answer.content.decode()


def test_the_page_costs_the_same_with_one_target_and_with_three(world: World, signed_in: Browsers) -> None:
    alice = signed_in(make.user("alice", "admin"))
    counts = []
    for name in ("second", "third"):
        alice.get("/runs/new/?target=small")
        with CaptureQueriesContext(connection) as captured:
            alice.get("/runs/new/?target=small")
        counts.append(len(captured))
        make.measured_candidates(make.run(make.target(name)), 1.5)
        make.measured_candidates(world.run, 1.5 + len(counts))
    assert counts[0] == counts[1]


def test_a_strategy_that_is_not_there_is_said(world: World, signed_in: Browsers) -> None:
    answer = signed_in(make.user("alice", "admin")).post("/runs/new/", _form(world) | {"strategy": "wishing"})

    assert answer.status_code == 422
    assert "wishing is not one of the available choices" in answer.content.decode()


@pytest.fixture
def server(world: World) -> Iterator[ModelServer]:
    """A server with the only two models there are, of which one was asked before."""
    language_models.remove("gone", actor=make.alice(), now=timezone.now())
    with ModelServer() as model:
        for name in ("local", "other"):
            language_models.add(model.config(name=name), key=KEY, actor=make.alice(), now=timezone.now())
        questions.answered_question(world.run, model.config())
        yield model


def test_models_are_offered_with_what_they_cost_and_those_that_are_chosen_are_asked(
    world: World, signed_in: Browsers, server: ModelServer
) -> None:
    alice = signed_in(make.user("alice", "admin"))
    page = alice.get("/runs/new/?target=small").content.decode()
    assert re.findall(r'name="models" value="([^"]*)"( checked)?', page) == [("local", ""), ("other", "")]
    assert "$0.000024 a question on average so far: 300 questions cost about $0.0072." in page
    assert "$0.027 a question with 4,000 tokens in and 1,000 out: 300 questions cost about $8.10." in page

    alice.post("/runs/new/", _form(world) | {"strategy": "llm", "models": ["other"]})
    run = Run.objects.latest("pk")
    assert [offer["name"] for offer in run.language_models] == ["other"]


def test_the_only_model_is_chosen_beforehand_and_none_chosen_is_said(
    world: World, signed_in: Browsers, server: ModelServer
) -> None:
    alice = signed_in(make.user("alice", "admin"))
    answer = alice.post("/runs/new/", _form(world) | {"strategy": "llm"})
    assert answer.status_code == 422
    assert "This strategy asks language models. Choose some: there are local, other." in answer.content.decode()
    language_models.remove("other", actor=make.alice(), now=timezone.now())
    page = alice.get("/runs/new/?target=small").content.decode()
    assert re.findall(r'name="models" value="([^"]*)"( checked)?', page) == [("local", " checked")]


def test_a_strategy_that_asks_no_models_starts_whatever_is_ticked(
    world: World, signed_in: Browsers, server: ModelServer
) -> None:
    signed_in(make.user("alice", "admin")).post("/runs/new/", _form(world) | {"models": ["local"]})
    assert Run.objects.latest("pk").language_models == []


def _form(world: World) -> dict[str, Any]:
    return {"target": world.run.target.name, "strategy": "evolution", "budget": "9"}
