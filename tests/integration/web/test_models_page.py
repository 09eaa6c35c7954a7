"""The Models page: keys go in and never come out, a test says plainly what came, and what was spent is shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from improvement import tasks
from improvement.broker.configuration import Dialect
from improvement.models import LanguageModel, ModelCall, User
from improvement.selectors import language_models as read
from improvement.services import language_models, model_calls
from tests import factories as make
from tests import questions
from tests.integration.web.conftest import AWAY, World
from tests.model_server import KEY, Fault, ModelServer

pytestmark = pytest.mark.django_db
Browsers = Callable[[User | None], Client]
TYPED = {
    "name": "local",
    "dialect": "anthropic",
    "model": "tiny-1",
    "key": KEY,
    "price_in": "3",
    "price_out": "15",
    "max_tokens": "1000",
    "seconds": "5",
    "requests_per_minute": "600",
    "private": "on",
}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A model's server."""
    with ModelServer(lambda prompt: "ready") as model:
        yield model


@pytest.fixture
def alice(signed_in: Browsers) -> Client:
    """An administrator's browser."""
    return signed_in(make.user("alice"))


def _typed(server: ModelServer, **changes: str) -> dict[str, str]:
    return {**TYPED, "address": server.url(Dialect.ANTHROPIC), **changes}


def _test(alice: Client) -> None:
    """Test the model, with a worker that does it at once."""
    alice.post("/models/local/test/")
    tasks.test_model(ModelCall.objects.latest("pk").pk, make.user("alice").pk)


def _text(browser: Client, path: str = "/models/") -> str:
    """Return what a page says, without markup."""
    html = browser.get(path).content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_a_model_is_added_tested_changed_and_removed(alice: Client, server: ModelServer) -> None:
    assert alice.post("/models/new/", _typed(server)).status_code == 302
    assert f"local tiny-1 Anthropic {server.url(Dialect.ANTHROPIC)} key …ghij" in _text(alice)
    assert "Not tested" in _text(alice)

    _test(alice)
    told = _text(alice)
    assert re.search(r"Answers in [\d.]+ s, for \$0\.000033", told)
    assert "$0.000033 today · $0.000033 in 30 days" in told

    alice.post("/models/local/edit/", _typed(server, key="", price_in="4"))
    told = _text(alice)
    assert "$4 in, $15 out" in told
    assert "Not tested" in told
    assert read.usable("local").key == KEY

    alice.post("/models/local/remove/")
    told = _text(alice)
    assert "local is removed and its key forgotten." in told
    assert "No model yet" in told


def test_no_page_shows_a_key(alice: Client, server: ModelServer) -> None:
    refused = alice.post("/models/new/", _typed(server, price_in="much")).content.decode()
    alice.post("/models/new/", _typed(server))
    shown = [refused, *(alice.get(path).content.decode() for path in ("/models/", "/models/local/edit/", "/audit/"))]
    shown.append(alice.post("/models/local/edit/", _typed(server, key=KEY, seconds="0")).content.decode())
    assert [page for page in shown if KEY in page] == []


def test_a_test_that_fails_says_why(alice: Client, server: ModelServer) -> None:
    alice.post("/models/new/", _typed(server))
    server.faults.append(Fault(400, says="your credit is used up"))
    _test(alice)
    said = "Its server answered 400: it takes no such request. It says: your credit is used up"
    assert f"Does not answer {said}" in _text(alice)


def test_no_request_waits_for_a_test_and_the_page_asks_until_it_is_over(alice: Client, server: ModelServer) -> None:
    alice.post("/models/new/", _typed(server))
    assert 'hx-trigger="every 1s"' not in alice.get("/models/").content.decode()
    alice.post("/models/local/test/")
    assert server.asked == []
    assert "Being tested" in _text(alice)
    assert 'hx-trigger="every 1s"' in alice.get("/models/").content.decode()
    model_calls.give_up_lost(now=timezone.now() + model_calls.LONGEST_TEST)
    assert "Does not answer It was cut off before its answer." in _text(alice)


def test_a_changed_address_needs_the_key_again(alice: Client, server: ModelServer) -> None:
    alice.post("/models/new/", _typed(server))
    answer = alice.post("/models/local/edit/", _typed(server, key="", address="https://mallory.example.org/v1"))
    assert answer.status_code == 422
    assert "Enter the key again" in answer.content.decode()
    assert LanguageModel.objects.get().base_url == server.url(Dialect.ANTHROPIC)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"private": ""}, "is not encrypted"),
        ({"address": "", "dialect": "compatible"}, "say where it is"),
        ({"name": "Two Words"}, "cannot name a model"),
        ({"key": "two words"}, "This is no key"),
        ({"seconds": "9999"}, "seconds is a whole number from 1 to 3600"),
    ],
)
def test_what_makes_no_sense_is_said_beside_the_form(
    alice: Client, server: ModelServer, changes: dict[str, str], said: str
) -> None:
    answer = alice.post("/models/new/", _typed(server, **changes))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not LanguageModel.objects.exists()


def test_a_wrong_file_is_named_on_the_page(alice: Client, settings: Settings) -> None:
    settings.COUNTERSIGN_MODELS = "/nowhere/models.toml"
    answer = alice.get("/models/")
    assert answer.status_code == 422
    assert "/nowhere/models.toml, which COUNTERSIGN_MODELS names, cannot be read." in answer.content.decode()


def test_addresses_of_this_network_are_for_those_who_set_them(world: World, signed_in: Browsers) -> None:
    assert AWAY.base_url in _text(signed_in(make.user("alice")))
    bob = _text(signed_in(make.user("bob", "reviewer")))
    assert AWAY.base_url not in bob
    assert "an address of this machine or network" in bob
    assert "Test" not in bob


def test_what_runs_spent_is_shown(world: World, alice: Client, server: ModelServer) -> None:
    language_models.add(server.config(), key=KEY, actor=make.alice(), now=timezone.now())
    for place in range(2):
        questions.answered_question(world.run, server.config(), place=place)
    assert f"R-{world.run.pk} small local 2 6 2 $0.000048" in _text(alice)
