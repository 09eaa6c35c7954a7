"""Language models: who manages them, what becomes of their keys, and what each question leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from improvement import installation
from improvement.broker.configuration import Dialect, ModelConfig
from improvement.broker.redaction import REMOVED
from improvement.engine.digests import digest
from improvement.engine.model_calls import FinishReason, Message, ModelAnswer, ModelRequest, Speaker
from improvement.exceptions import Conflict, Halted, Invalid, NotAllowed, NotFound, StrategyError
from improvement.models import LanguageModel, ModelCall, Run
from improvement.runner import asking
from improvement.selectors import language_models as read
from improvement.selectors import model_calls as calls
from improvement.services import halt, language_models, model_calls, model_tests
from improvement.services.actors import SYSTEM, Actor
from tests import factories as make
from tests import trail
from tests.model_server import KEY, Fault, ModelServer

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
        lambda: model_tests.test("small", actor=who(), now=now),
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


# Asking


def test_a_question_is_asked_once_and_then_read_from_the_record(server: ModelServer, run: Run) -> None:
    first = asking.ask(run.pk, 0, _question())
    server.answers = lambda prompt: "x = 3"
    assert asking.ask(run.pk, 0, _question()) == first
    assert first == ModelAnswer("x = 2", "local", 3, 3, 3 * 3 + 3 * 15)
    assert [asked.prompt for asked in server.asked] == ["Make it 2."]
    assert asking.ask(run.pk, 1, _question()).text == "x = 3"


def test_another_question_under_the_same_number_is_refused(run: Run) -> None:
    asking.ask(run.pk, 0, _question())
    with pytest.raises(StrategyError, match="differs from the one that is on record"):
        asking.ask(run.pk, 0, _question("Make it 3."))


def test_question_and_answer_are_kept_and_the_trail_names_their_digests(run: Run) -> None:
    answer = asking.ask(run.pk, 0, _question())
    call = ModelCall.objects.get()
    assert (calls.request_of(call), calls.answer_of(call)) == (_question(), answer)
    (event,) = trail.events("model.answered")
    assert event["subject"]["name"] == "local"
    assert event["context"] == {"target": "small", "run": f"R-{run.pk}"}
    assert event["data"] == {
        "sequence": 0,
        "model": "tiny-1",
        "request_sha256": digest(_question().as_json()),
        "answer_sha256": digest(answer.as_json()),
        "tokens_in": 3,
        "tokens_out": 3,
        "cost_microusd": "54",
        "outcome": "3 tokens in, 3 out, ended by stop",
    }
    trail.assert_holds()


def test_secrets_are_neither_sent_nor_kept(server: ModelServer, run: Run, settings: Settings) -> None:
    server.answers = lambda prompt: f"{settings.SECRET_KEY} is what you said."
    answer = asking.ask(run.pk, 0, _question(f"My keys are {settings.SECRET_KEY} and {KEY}."))
    assert server.asked[0].prompt == f"My keys are {REMOVED} and {REMOVED}."
    assert answer.text == f"{REMOVED} is what you said."
    kept = ModelCall.objects.get()
    assert calls.request_of(kept).messages[0].text == f"My keys are {REMOVED} and {REMOVED}."
    assert calls.answer_of(kept) == answer
    again = _question(f"My keys are {settings.SECRET_KEY} and {KEY}.")
    assert asking.ask(run.pk, 0, again) == answer


def test_a_failure_is_an_answer_too_and_replays(server: ModelServer, run: Run) -> None:
    server.faults.append(Fault(400, says="too long"))
    answer = asking.ask(run.pk, 0, _question())
    assert answer.error == "Its server answered 400: it takes no such request. It says: too long"
    assert asking.ask(run.pk, 0, _question()) == answer
    assert len(server.asked) == 1
    assert ModelCall.objects.get().outcome == FinishReason.FAILED.value


def test_a_model_that_is_not_there_is_the_strategys_mistake(run: Run) -> None:
    with pytest.raises(StrategyError, match=r"There is no language model named locl\. Did you mean local\?"):
        asking.ask(run.pk, 0, _question(model="locl"))
    assert not ModelCall.objects.exists()


def test_nothing_is_asked_under_a_stop_but_the_record_answers(server: ModelServer, run: Run) -> None:
    known = asking.ask(run.pk, 0, _question())
    halt.halt(actor=make.alice(), reason="drill", now=timezone.now())
    assert asking.ask(run.pk, 0, _question()) == known
    with pytest.raises(Halted):
        asking.ask(run.pk, 1, _question())
    assert len(server.asked) == 1


def test_a_question_whose_process_was_lost_is_asked_again(server: ModelServer, run: Run) -> None:
    model_calls.reserve(_question(), server.config(), run_id=run.pk, sequence=0, now=timezone.now())
    assert calls.of_run(run.pk) == calls.Spend(calls=1, reserved_microusd=5 * 3 + 100 * 15, reserved_tokens=105)
    asking.ask(run.pk, 0, _question())
    assert calls.of_run(run.pk) == calls.Spend(calls=1, tokens_in=3, tokens_out=3, cost_microusd=54)
    assert ModelCall.objects.get().attempts == 2


def test_an_answer_is_recorded_once(server: ModelServer, run: Run) -> None:
    call = model_calls.reserve(_question(), server.config(), run_id=run.pk, sequence=0, now=timezone.now())
    for_the_record = ModelAnswer("x", "local", 1, 1, 1)
    model_calls.record(call.pk, for_the_record, seconds=0.1, now=timezone.now())
    with pytest.raises(Conflict):
        model_calls.record(call.pk, for_the_record, seconds=0.1, now=timezone.now())
    with pytest.raises(Conflict):
        model_calls.reserve(_question(), server.config(), run_id=run.pk, sequence=0, now=timezone.now())
    assert len(trail.events("model.answered")) == 1


@pytest.mark.django_db(transaction=True)
def test_no_transaction_waits_for_a_model(server: ModelServer, run: Run) -> None:
    mine = connections["default"]
    was_open: list[bool] = []
    server.answers = lambda prompt: str(was_open.append(mine.in_atomic_block))
    asking.ask(run.pk, 0, _question())
    model_tests.test("local", actor=make.alice(), now=timezone.now())
    assert was_open == [False, False]


# Trying


def test_a_test_asks_one_tiny_question(server: ModelServer, run: Run) -> None:
    call = model_tests.test("local", actor=make.alice(), now=timezone.now())
    assert (call.outcome, call.error, call.run) == ("stop", "", None)
    assert [asked.prompt for asked in server.asked] == [model_tests.PROMPT]
    (event,) = trail.events("model.tested")
    assert (event["actor"]["name"], event["data"]["outcome"]) == ("alice", "6 tokens in, 3 out, ended by stop")
    assert calls.latest_tests(["local"]) == {"local": call}
    assert calls.of_run(run.pk) == calls.Spend()


def test_a_test_says_plainly_what_went_wrong(server: ModelServer, run: Run) -> None:
    _change(server.config(), key="sk-wrong-0123456789abcdef")
    call = model_tests.test("local", actor=make.alice(), now=timezone.now())
    assert call.error.startswith("Its server answered 401: it does not take the key.")
    assert "sk-wrong" not in call.error + repr(trail.events("model.tested"))


# Spending


def test_spend_is_told_by_run_and_by_model(server: ModelServer, run: Run) -> None:
    _add(server.config(name="other"))
    second = make.run(run.target, actor=make.alice())
    long_ago = timezone.now()
    for one, sequence, model in ((run, 0, "local"), (run, 1, "other"), (second, 0, "local")):
        asking.ask(one.pk, sequence, _question(model=model))
    each = calls.Spend(1, 3, 3, 54)
    assert calls.by_model(long_ago) == {"local": calls.Spend(2, 6, 6, 108), "other": each}
    person = make.alice().person
    assert person is not None
    told = [(one.run.pk, one.model, one.spend) for one in calls.by_run(person, long_ago, most=10)]
    assert told == [(second.pk, "local", each), (run.pk, "local", each), (run.pk, "other", each)]
    assert calls.by_model(timezone.now()) == {}


def test_a_pace_file_stands_in_the_data_directory(server: ModelServer, run: Run) -> None:
    asking.ask(run.pk, 0, _question())
    assert installation.pace_file("local").is_file()
