"""Language models: who manages them, what becomes of their keys, and what each question leaves behind."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from improvement.broker.configuration import Dialect, ModelConfig
from improvement.engine.digests import digest
from improvement.engine.model_calls import Message, ModelAnswer, ModelRequest, Speaker
from improvement.exceptions import Conflict, Invalid, LedgerError, NotAllowed, NotFound
from improvement.models import Blob, LanguageModel, ModelCall, Run
from improvement.runner import trying_models
from improvement.selectors import language_models as read
from improvement.selectors import model_calls as calls
from improvement.services import language_models, model_calls, model_tests, runs
from improvement.services.actors import SYSTEM, Actor
from improvement.services.model_calls import Asked
from tests import factories as make
from tests import log_triggers, questions, trail
from tests.model_server import KEY, ModelServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_directory", "nothing_enqueued")]
CONFIG = ModelConfig("small", Dialect.COMPATIBLE, "https://models.example.org/v1", "small-1", Decimal(3), Decimal(15))


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A model's server."""
    with ModelServer(lambda prompt: "x = 2") as model:
        yield model


@pytest.fixture
def run(server: ModelServer) -> Run:
    """A run of alice's, beside a model called local."""
    _add(server.config())
    return make.run(actor=make.alice())


def _add(config: ModelConfig = CONFIG, key: str = KEY, actor: Actor | None = None) -> LanguageModel:
    return language_models.add(config, key=key, actor=actor or make.alice(), now=timezone.now())


def _change(config: ModelConfig, key: str = "") -> None:
    language_models.change(config, key=key, actor=make.alice(), now=timezone.now())


def _question(text: str = "Make it 2.", model: str = "local") -> ModelRequest:
    return ModelRequest((Message(Speaker.USER, text),), model, max_tokens=100)


# Managing


def test_a_model_is_usable_with_its_key() -> None:
    row = _add()
    assert read.usable("small") == read.Usable(CONFIG, KEY)
    known = read.Known(CONFIG, by_environment=False, has_key=True, key_end=KEY[-4:], changed_at=row.changed_at)
    assert read.all_models() == [known]


def test_a_key_is_nowhere_but_sealed(data_directory: Path) -> None:
    _add()
    _change(replace(CONFIG, seconds=9), key="sk-another-0123456789abc")
    stored = " ".join(repr(bytes(row.sealed_key)) + repr(row.__dict__) for row in LanguageModel.objects.all())
    said = repr([trail.events(kind) for kind in ("model.added", "model.changed")]) + repr(read.all_models())
    for key in (KEY, "sk-another-0123456789abc"):
        assert key not in stored + said + repr(read.usable("small"))
    assert (data_directory / "keys" / "models.key").stat().st_mode & 0o777 == 0o600


def test_what_administrators_do_is_in_the_trail() -> None:
    _add()
    _change(replace(CONFIG, price_in=Decimal("0.5")))
    language_models.remove("small", actor=make.alice(), now=timezone.now())
    assert [one["key"] for one in trail.recorded("model.added")] == ["a new one"]
    assert [(one["key"], one["price_in"]) for one in trail.recorded("model.changed")] == [("as before", "0.5")]
    assert [one["subject"]["name"] for one in trail.events("model.removed")] == ["small"]
    trail.assert_holds()


def test_a_stored_key_does_not_follow_to_another_address() -> None:
    _add()
    with pytest.raises(Invalid, match="Enter the key again"):
        _change(replace(CONFIG, base_url="https://mallory.example.org/v1"))
    _change(replace(CONFIG, base_url="https://other.example.org/v1"), key="sk-another-0123456789abc")
    assert read.usable("small").key == "sk-another-0123456789abc"
    _change(replace(CONFIG, base_url="https://other.example.org/v1", model="small-2"))
    assert read.usable("small").key == "sk-another-0123456789abc"


def test_a_row_that_was_changed_in_the_database_opens_no_key() -> None:
    _add()
    LanguageModel.objects.update(base_url="https://mallory.example.org/v1")
    with pytest.raises(Invalid, match="cannot be opened"):
        read.usable("small")
    assert KEY not in read.secrets()


def test_a_removed_model_is_forgotten_and_its_name_is_free() -> None:
    _add()
    language_models.remove("small", actor=make.alice(), now=timezone.now())
    with pytest.raises(NotFound):
        read.usable("small")
    assert bytes(LanguageModel.objects.get().sealed_key) == b""
    _add()
    assert [known.config.name for known in read.all_models()] == ["small"]


def test_a_name_is_given_once() -> None:
    _add()
    with pytest.raises(Conflict, match="already a model named small"):
        _add()


@pytest.mark.parametrize("who", [make.bob, make.mallory])
def test_only_administrators_manage_models(who: object) -> None:
    assert callable(who)
    _add()
    now = timezone.now()
    for attempt in (
        lambda: language_models.add(replace(CONFIG, name="b"), key="", actor=who(), now=now),
        lambda: language_models.change(CONFIG, key="", actor=who(), now=now),
        lambda: language_models.remove("small", actor=who(), now=now),
        lambda: model_tests.order("small", actor=who(), now=now),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    with pytest.raises(NotAllowed):
        _add(replace(CONFIG, name="c"), actor=SYSTEM)


def test_the_environment_states_models_that_nobody_changes_here(settings: Settings) -> None:
    settings.MODEL_KEYS = {"XAI_API_KEY": "xai-0123456789abcdefghijklmn"}
    with pytest.raises(Conflict, match="already a model named xai"):
        _add(replace(CONFIG, name="xai"))
    with pytest.raises(Conflict, match="stated by the environment"):
        _change(replace(CONFIG, name="xai"))
    assert read.usable("xai").key == "xai-0123456789abcdefghijklmn"
    assert "xai-0123456789abcdefghijklmn" in read.secrets()


def test_a_model_that_the_environment_names_too_gives_way(settings: Settings) -> None:
    _add(replace(CONFIG, name="xai"))
    settings.MODEL_KEYS = {"XAI_API_KEY": "xai-0123456789abcdefghijklmn"}
    shown = [(one.config.dialect, one.by_environment, one.is_shadowed) for one in read.all_models()]
    assert shown == [(Dialect.XAI, True, False), (Dialect.COMPATIBLE, False, True)]
    assert read.usable("xai").config.dialect is Dialect.XAI


def test_a_file_that_cannot_be_read_is_named(settings: Settings) -> None:
    settings.COUNTERSIGN_MODELS = "/nowhere/models.toml"
    with pytest.raises(Invalid, match=r"/nowhere/models.toml, which COUNTERSIGN_MODELS names, cannot be read"):
        read.all_models()


# What can be asked


def test_what_cannot_be_asked_is_left_out(settings: Settings) -> None:
    """A key that cannot be opened keeps only its own model from being used; a file that is wrong keeps all."""
    _add()
    _add(replace(CONFIG, name="moved"))
    LanguageModel.objects.filter(name="moved").update(base_url="https://mallory.example.org/v1")
    assert list(read.askable()) == ["small"]
    settings.COUNTERSIGN_MODELS = "/nowhere/models.toml"
    assert read.askable() == {}


# The record


def _asked(run: Run, place: int = 0) -> Asked:
    return Asked(run.pk, 3, place, _question().digest)


def _reserve(run: Run, server: ModelServer, place: int = 0) -> ModelCall:
    asked = _asked(run, place)
    return model_calls.reserve(_question(), server.config(), asked=asked, now=timezone.now())


ANSWER = ModelAnswer("x = 2", "local", 3, 3, 54)


def test_question_and_answer_are_kept_and_the_trail_names_their_digests(server: ModelServer, run: Run) -> None:
    model_calls.record(_reserve(run, server).pk, ANSWER, seconds=0.1, now=timezone.now())
    call = ModelCall.objects.get()
    assert (calls.request_of(call), calls.answer_of(call)) == (_question(), ANSWER)
    (event,) = trail.events("model.answered")
    assert event["subject"]["name"] == "local"
    assert event["context"] == {"target": "small", "run": f"R-{run.pk}"}
    assert event["data"] == {
        "model": "tiny-1",
        "request_sha256": digest(_question().as_json()),
        "answer_sha256": digest(ANSWER.as_json()),
        "tokens_in": 3,
        "tokens_out": 3,
        "cost_microusd": "54",
        "outcome": "3 tokens in, 3 out, ended by stop",
    }
    trail.assert_holds()


def test_a_question_that_was_lost_counts_at_the_most_and_may_be_put_again(server: ModelServer, run: Run) -> None:
    call = _reserve(run, server)
    aside = calls.Spend(calls=1, reserved_microusd=5 * 3 + 100 * 15, reserved_tokens=105)
    assert calls.of_run(run.pk) == aside
    with pytest.raises(Conflict, match="on its way already"):
        _reserve(run, server)
    model_calls.give_up(run.pk, now=timezone.now())
    lost = calls.Spend(calls=1, tokens_in=105, cost_microusd=5 * 3 + 100 * 15)
    assert calls.of_run(run.pk) == lost
    with pytest.raises(Conflict, match="given up"):
        model_calls.record(call.pk, ANSWER, seconds=0.1, now=timezone.now())
    again = _reserve(run, server)
    assert again.attempt == 2
    model_calls.record(again.pk, ANSWER, seconds=0.1, now=timezone.now())
    assert calls.of_run(run.pk) == calls.Spend(calls=2, tokens_in=108, tokens_out=3, cost_microusd=1515 + 54)
    (event,) = trail.events("model.lost")
    assert event["data"]["cost"] == "105 tokens, $0.001515"
    trail.assert_holds()


def test_only_what_nobody_waits_for_is_given_up(server: ModelServer, run: Run) -> None:
    other = make.run(run.target, actor=make.alice())
    for one in (run, other):
        _reserve(one, server)
    test = model_tests.begin("local", actor=make.alice(), now=timezone.now())
    assert runs.claim(run.pk, holder="worker", now=timezone.now()) is not None
    model_calls.give_up_lost(now=timezone.now())
    waiting = ModelCall.objects.filter(answered_at__isnull=True)
    assert set(waiting.values_list("run_id", flat=True)) == {run.pk, None}
    model_calls.give_up_lost(now=timezone.now() + model_calls.LONGEST_TEST)
    test.refresh_from_db()
    assert (waiting.count(), test.outcome) == (0, ModelCall.LOST)


def test_an_answer_is_recorded_once(server: ModelServer, run: Run) -> None:
    call = _reserve(run, server)
    model_calls.record(call.pk, ANSWER, seconds=0.1, now=timezone.now())
    with pytest.raises(Conflict):
        model_calls.record(call.pk, ANSWER, seconds=0.1, now=timezone.now())
    with pytest.raises(Conflict):
        _reserve(run, server)
    assert len(trail.events("model.answered")) == 1


def test_a_text_that_was_changed_in_the_database_is_not_believed(server: ModelServer, run: Run) -> None:
    call = _reserve(run, server)
    for content in (zlib.compress(b"something else"), b"no zlib at all"):
        with log_triggers.away():
            Blob.objects.update(content=content)
        with pytest.raises(LedgerError, match=f"The stored text {call.request_id[:12]} is damaged"):
            calls.request_of(call)


# Trying


@pytest.mark.django_db(transaction=True)
def test_no_transaction_waits_for_a_model(server: ModelServer, run: Run) -> None:
    mine = connections["default"]
    was_open: list[bool] = []
    server.answers = lambda prompt: str(was_open.append(mine.in_atomic_block))
    trying_models.test("local", actor=make.alice())
    assert was_open == [False]


def test_a_test_asks_one_tiny_question(server: ModelServer, run: Run) -> None:
    call = trying_models.test("local", actor=make.alice())
    assert (call.outcome, call.error, call.run) == ("stop", "", None)
    assert [asked.prompt for asked in server.asked] == [model_tests.PROMPT]
    (event,) = trail.events("model.tested")
    assert (event["actor"]["name"], event["data"]["outcome"]) == ("alice", "6 tokens in, 3 out, ended by stop")
    assert calls.latest_tests(["local"]) == {"local": call}
    assert calls.of_run(run.pk) == calls.Spend()


def test_a_test_that_was_carried_out_is_not_carried_out_again(server: ModelServer, run: Run) -> None:
    alice = make.alice()
    call = model_tests.order("local", actor=alice, now=timezone.now())
    assert alice.person_id is not None
    for _ in range(2):
        trying_models.carry_out(call.pk, person_id=alice.person_id)
    assert len(server.asked) == 1


def test_a_test_says_plainly_what_went_wrong(server: ModelServer, run: Run) -> None:
    _change(server.config(), key="sk-wrong-0123456789abcdef")
    call = trying_models.test("local", actor=make.alice())
    assert call.error.startswith("Its server answered 401: it does not take the key.")
    assert "sk-wrong" not in call.error + repr(trail.events("model.tested"))


# Spending


def test_spend_is_told_by_run_and_by_model(server: ModelServer, run: Run) -> None:
    _add(server.config(name="other"))
    second = make.run(run.target, actor=make.alice())
    long_ago = timezone.now()
    for one, place, model in ((run, 0, "local"), (run, 1, "other"), (second, 0, "local")):
        questions.answered_question(one, server.config(name=model), place=place)
    each = calls.Spend(1, 3, 1, 24)
    assert calls.by_model(long_ago) == {"local": calls.Spend(2, 6, 2, 48), "other": each}
    person = make.alice().person
    assert person is not None
    told = [(one.run.pk, one.model, one.spend) for one in calls.by_run(person, long_ago, most=10)]
    assert told == [(second.pk, "local", each), (run.pk, "local", each), (run.pk, "other", each)]
    assert calls.by_model(timezone.now()) == {}
