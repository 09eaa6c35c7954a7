"""A served run whose strategy asks language models: recorded, paid once, resumed, and cut off by a stop."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from pytest_django import Settings

from improvement import installation
from improvement.broker.redaction import REMOVED
from improvement.engine.budget import Limit
from improvement.engine.model_calls import Message, ModelRequest, Speaker
from improvement.engine.packages import find_builtin
from improvement.exceptions import Conflict, Halted, Invalid, StrategyError
from improvement.models import Candidate, LanguageModel, ModelCall, Run, RunEvent, Target
from improvement.runner import advancing, consulting, conversations
from improvement.runner.consulting import ServedModels
from improvement.runner.foreground import run_foreground
from improvement.runner.importing import add_target
from improvement.selectors import language_models as read
from improvement.selectors import model_calls
from improvement.services import budgets, language_models, runs
from tests import factories as make
from tests import questions, trail
from tests.integration.commands.console import write_task
from tests.integration.scripted_model import nearer
from tests.model_server import KEY, Fault, ModelServer
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A model that knows where the best number is."""
    with ModelServer(nearer) as model:
        yield model


@pytest.fixture
def target(tmp_path: Path, data_directory: Path, server: ModelServer) -> Target:
    """A target, beside a model called local."""
    language_models.add(server.config(), key=KEY, actor=make.alice(), now=timezone.now())
    return add_target(write_task(tmp_path / "parabola"), name=None, format="auto", actor=make.alice())


def start(target: Target, *, budget: int = 8, models: str = "local", **more: Any) -> Run:
    return runs.start(
        target_name=target.name,
        package=find_builtin("llm"),
        budget=budget,
        seed=5,
        models=models,
        actor=make.alice(),
        now=timezone.now(),
        **more,
    )


def found(run: Run) -> list[tuple[int, str, float | None]]:
    """Return what has to repeat: number, patch and score of each candidate."""
    rows = Candidate.objects.filter(run=run).order_by("number")
    return list(rows.values_list("number", "patch_digest", "score"))


def question(text: str = "Make it 2.", model: str = "local") -> ModelRequest:
    return ModelRequest((Message(Speaker.USER, text),), model, max_tokens=100)


@pytest.fixture
def begun(target: Target) -> Iterator[tuple[Run, ServedModels]]:
    """A run that this worker holds, and its models."""
    run = start(target)
    runs.record_start(run.pk, score=-6.25, now=timezone.now())
    held = runs.claim(run.pk, holder="worker", now=timezone.now())
    assert held is not None
    with conversations.ended_after(run.pk):
        yield held, ServedModels(held, conversations.with_strategy(held), worker="worker")


# A whole run


def test_what_models_answered_is_measured_counted_and_in_the_trail(target: Target, server: ModelServer) -> None:
    run = run_foreground(start(target).pk, workers=1)
    assert run.state in {"completed", "parked"}, run.wait_reason
    assert run.best_score is not None
    assert run.best_score > -6.25
    calls = ModelCall.objects.filter(run=run)
    assert calls.count() == len(server.asked) == len(trail.recorded("model.answered"))
    spent = model_calls.of_run(run.pk)
    assert spent.cost_microusd == 3 * spent.tokens_in + 15 * spent.tokens_out > 0
    assert trail.recorded("run.created")[-1]["models"] == ["local"]
    rests = Candidate.objects.filter(run=run, model_call__isnull=False)
    assert rests.count() == Candidate.objects.filter(run=run).count() > 0
    assert RunEvent.objects.filter(run=run, payload__text__startswith="models answered 4 of 4 questions: ").exists()
    trail.assert_holds()


def test_a_candidates_page_tells_the_model_and_shows_what_was_asked_and_answered(
    target: Target, server: ModelServer, client: Client
) -> None:
    run = run_foreground(start(target, budget=4).pk, workers=1)
    candidate = Candidate.objects.filter(run=run)[0]
    client.force_login(make.user("alice"))
    page = client.get(f"/candidates/{candidate.pk}/").content.decode()
    assert 'on an answer of local (tiny-1): <a href="?tab=log">' in page
    log = client.get(f"/candidates/{candidate.pk}/?tab=log").content.decode()
    assert "&lt;&lt;&lt;&lt;&lt;&lt;&lt; SEARCH" in log
    assert "Answered by local (tiny-1)" in log
    assert re.search(r"[\d,]+ tokens in, [\d,]+ out, \$0\.\d+", log)
    assert escape(server.asked[0].prompt.splitlines()[0]) in log


def test_the_same_seed_and_answers_give_the_same_candidates(target: Target) -> None:
    first, second = (run_foreground(start(target).pk, workers=workers) for workers in (1, 2))
    assert found(first) == found(second)


def test_a_worker_that_dies_in_a_round_has_nothing_asked_or_paid_twice(target: Target, server: ModelServer) -> None:
    whole = run_foreground(start(target).pk, workers=1)
    asked, run = len(server.asked), start(target)
    settled: list[int] = []
    original = consulting._Consultation.settle

    class Lost(BaseException):
        """The worker is gone."""

    def settle_and_die(self: consulting._Consultation, index: int, *rest: Any) -> None:
        original(self, index, *rest)
        settled.append(index)
        if len(settled) == 2:
            raise Lost

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(consulting._Consultation, "settle", settle_and_die)
        with pytest.raises(Lost):
            run_foreground(run.pk, workers=1)
        conversations.forget(run.pk)
        run = run_foreground(run.pk, workers=1)
    assert found(run) == found(whole)
    calls = ModelCall.objects.filter(run=run)
    answered = calls.filter(answer__isnull=False)
    assert answered.count() == answered.values("journal_index", "place").distinct().count() == asked
    lost = calls.filter(outcome=ModelCall.LOST)
    assert calls.count() == asked + lost.count()
    assert len(server.asked) <= 2 * asked + lost.count()
    trail.assert_holds()


def test_a_strategy_that_is_rebuilt_hears_the_journal(target: Target, server: ModelServer) -> None:
    run = run_foreground(start(target).pk, workers=1)
    asked = len(server.asked)
    conversations.forget(run.pk)
    conversations.with_strategy(run)
    conversations.forget(run.pk)
    assert len(server.asked) == asked


def test_what_a_worker_without_time_takes_up_waits_for_one_that_has_it(target: Target, server: ModelServer) -> None:
    run = start(target)
    runs.record_start(run.pk, score=-6.25, now=timezone.now())
    advancing.advance(run.pk, worker="control")
    assert server.asked == []
    assert Run.objects.get(pk=run.pk).state == "running"


# Stops


def test_a_stop_cuts_a_question_off_and_the_run_goes_on_after_it(target: Target, server: ModelServer) -> None:
    server.faults.extend([Fault(stream="silent")] * 4)
    run = start(target)
    runs.record_start(run.pk, score=-6.25, now=timezone.now())

    def halt() -> None:
        wait_until(lambda: len(server.asked) == 4, seconds=60, what="all questions are under way")
        installation.raise_flag(installation.halt_file())

    stopper = threading.Thread(target=halt)
    stopper.start()
    advancing.advance(run.pk, worker="helper", with_help=True)
    stopper.join()
    assert set(ModelCall.objects.filter(run=run).values_list("outcome", flat=True)) == {ModelCall.LOST}
    assert model_calls.of_run(run.pk).reserved_tokens == 0
    installation.lower_flag(installation.halt_file())
    run = run_foreground(run.pk, workers=1)
    assert run.state in {"completed", "parked"}, run.wait_reason
    assert len(server.asked) == ModelCall.objects.filter(run=run).count()
    conversations.forget(run.pk)


def test_a_worker_that_lost_its_run_cuts_its_questions_off(
    begun: tuple[Run, ServedModels], server: ModelServer
) -> None:
    run, models = begun
    server.faults.append(Fault(stream="silent"))
    Run.objects.filter(pk=run.pk).update(lease_holder="another")
    with pytest.raises(Conflict, match="went on without this worker"):
        models.answer([question()])
    assert ModelCall.objects.get().answered_at is None


def test_a_paused_run_asks_nothing(begun: tuple[Run, ServedModels], server: ModelServer) -> None:
    run, models = begun
    runs.pause(run.pk, actor=make.alice(), now=timezone.now())
    with pytest.raises(Conflict, match="does not run any more"):
        models.answer([question()])
    assert server.asked == []


def test_under_a_stop_nothing_is_asked(begun: tuple[Run, ServedModels], server: ModelServer) -> None:
    installation.raise_flag(installation.halt_file())
    with pytest.raises(Halted):
        begun[1].answer([question()])
    assert server.asked == []


# One round


def test_secrets_are_neither_sent_nor_kept(
    begun: tuple[Run, ServedModels], server: ModelServer, settings: Settings
) -> None:
    server.answers = lambda prompt: f"{settings.SECRET_KEY} is what you said."
    (answer,) = begun[1].answer([question(f"My keys are {settings.SECRET_KEY} and {KEY}.")]).answers
    assert server.asked[0].prompt == f"My keys are {REMOVED} and {REMOVED}."
    assert answer.text == f"{REMOVED} is what you said."
    kept = ModelCall.objects.get()
    assert model_calls.request_of(kept).messages[0].text == f"My keys are {REMOVED} and {REMOVED}."
    assert model_calls.answer_of(kept) == answer
    assert installation.pace_file("local").is_file()


def test_a_failure_is_an_answer_too(begun: tuple[Run, ServedModels], server: ModelServer) -> None:
    server.faults.append(Fault(400, says="too long"))
    (answer,) = begun[1].answer([question()]).answers
    assert answer.error == "Its server answered 400: it takes no such request. It says: too long"
    assert ModelCall.objects.get().outcome == "failed"


def test_another_question_in_a_place_that_is_on_record_is_no_determinism(begun: tuple[Run, ServedModels]) -> None:
    run, models = begun
    questions.answered_question(run, read.usable("local").config)
    with pytest.raises(StrategyError, match="asks models something else"):
        models.answer([question()])


def test_an_unusable_model_is_one_line_of_the_run_and_the_others_answer(
    begun: tuple[Run, ServedModels], server: ModelServer
) -> None:
    run, models = begun
    language_models.add(server.config(name="other"), key=KEY, actor=make.alice(), now=timezone.now())
    Run.objects.filter(pk=run.pk).update(language_models=[{"name": "local"}, {"name": "other"}])
    run.refresh_from_db()
    LanguageModel.objects.filter(name="other").update(base_url="https://mallory.example.org/v1")
    for _ in range(2):
        answers = models.answer([question(), question(model="other")]).answers
        assert [answer.error for answer in answers] == [None, "The model other cannot be asked any more."]
    (told,) = RunEvent.objects.filter(run=run, kind="problem")
    assert "other" in told.payload["text"]
    assert "cannot be opened" in told.payload["text"]


# Budgets


def test_what_does_not_fit_is_not_sent_and_more_lets_the_run_go_on(target: Target, server: ModelServer) -> None:
    run = run_foreground(start(target, limits={Limit.TOKENS: 4_000}).pk, workers=1)
    assert (run.state, server.asked) == ("completed", [])
    assert run.wait_reason == "what is left of the budget is too little for another question to a model"
    alice = make.alice()
    with pytest.raises(Invalid):
        budgets.change(run.pk, limits={Limit.TOKENS: 0}, actor=alice, reason="less", now=timezone.now())
    budgets.change(run.pk, limits={Limit.EVALUATIONS: 9}, actor=alice, reason="more", now=timezone.now())
    assert Run.objects.get(pk=run.pk).state == "completed"
    budgets.change(run.pk, limits={Limit.TOKENS: 1_000_000}, actor=alice, reason="more", now=timezone.now())
    run = run_foreground(run.pk, workers=1)
    assert run.evaluations > 0
    assert len(server.asked) > 0


def test_what_is_under_way_counts_and_people_are_warned(begun: tuple[Run, ServedModels], server: ModelServer) -> None:
    run, models = begun
    Run.objects.filter(pk=run.pk).update(token_limit=240)
    answers = models.answer([question(), question("Make it 3.")]).answers
    assert [answer.error for answer in answers] == [None, None]
    assert trail.recorded("run.budget_low")[0]["limit"] == "tokens"


# Starting


@pytest.mark.parametrize(
    ("models", "error", "says"),
    [
        ("locl", Invalid, "There is no model 'locl'; there are local."),
        ("local=0", Invalid, "The weight of model local is '0'"),
        ("dear", Invalid, "cannot be opened"),
    ],
)
def test_a_model_that_cannot_be_asked_starts_no_run(
    target: Target, server: ModelServer, models: str, error: type[Exception], says: str
) -> None:
    if models == "dear":
        language_models.add(server.config(name="dear"), key=KEY, actor=make.alice(), now=timezone.now())
        LanguageModel.objects.filter(name="dear").update(base_url="https://mallory.example.org/v1")
    with pytest.raises(error, match=says.replace(".", r"\.")):
        start(target, models=models)


def test_without_a_choice_it_is_the_only_model_that_can_be_asked(target: Target, server: ModelServer) -> None:
    assert [offer["name"] for offer in start(target, models="").language_models] == ["local"]
    language_models.add(server.config(name="other"), key=KEY, actor=make.alice(), now=timezone.now())
    with pytest.raises(Invalid, match=r"Choose some: there are local, other"):
        start(target, models="")
    weighted = start(target, models="other=3,local").language_models
    assert [(offer["name"], offer["weight"]) for offer in weighted] == [("other", 3.0), ("local", 1.0)]


def test_a_strategy_that_asks_none_takes_none(target: Target) -> None:
    with pytest.raises(Invalid, match="Strategy 'evolution' asks no language models"):
        runs.start(
            target_name=target.name,
            package=find_builtin("evolution"),
            budget=2,
            models="local",
            actor=make.alice(),
            now=timezone.now(),
        )


def test_without_any_model_the_strategy_does_not_fit(target: Target) -> None:
    language_models.remove("local", actor=make.alice(), now=timezone.now())
    with pytest.raises(StrategyError, match="needs a language model; none that can be asked is set up"):
        start(target, models="")
