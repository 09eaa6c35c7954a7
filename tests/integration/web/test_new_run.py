"""Starting a run in the browser: what is chosen is what runs, and what is wrong is said beside its field."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from improvement.engine.packages import builtin_names
from improvement.models import Run, User
from tests import factories as make
from tests.integration.web.conftest import World

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


def test_a_setting_of_another_kind_is_said_beside_its_field(world: World, signed_in: Browsers) -> None:
    before = Run.objects.count()

    faulty = {"evolution.islands": "many", "evolution.island_size": "few"}
    answer = signed_in(make.user("alice", "admin")).post("/runs/new/", _form(world) | faulty)

    assert (answer.status_code, Run.objects.count()) == (422, before)
    assert "must be a whole number" in answer.content.decode()
    assert sorted(re.findall(r'<details class="settings"(.*?)>', answer.content.decode())) == sorted(
        " open" if name == "evolution" else "" for name in builtin_names()
    )


def test_a_strategy_that_is_not_there_is_said(world: World, signed_in: Browsers) -> None:
    answer = signed_in(make.user("alice", "admin")).post("/runs/new/", _form(world) | {"strategy": "wishing"})

    assert answer.status_code == 422
    assert "wishing is not one of the available choices" in answer.content.decode()


def _form(world: World) -> dict[str, str]:
    return {"target": world.run.target.name, "strategy": "evolution", "budget": "9"}
