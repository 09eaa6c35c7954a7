"""A served run whose proposer is a program: recorded, resumed without running anything twice, shown, and stopped."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from improvement import installation
from improvement.broker.configuration import Dialect, ModelConfig
from improvement.engine.budget import Limit
from improvement.engine.errands import Command, Done
from improvement.engine.model_calls import Message, ModelAnswer, ModelRequest, Speaker
from improvement.engine.packages import find_builtin
from improvement.exceptions import Invalid, NotAllowed, StrategyError
from improvement.models import Candidate, ModelCall, ProgramRun, Run, Target
from improvement.runner import advancing, conversations, programs
from improvement.runner.foreground import run_foreground
from improvement.runner.importing import add_target
from improvement.sandbox import running
from improvement.selectors import blobs, program_runs
from improvement.services import budgets, language_models, runs
from tests import factories as make
from tests import trail
from tests.integration.commands.console import write_task
from tests.model_server import KEY, ModelServer
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db

COUNTS = """#!/usr/bin/env python3
import pathlib, re
for path in pathlib.Path(".").glob("*.py"):
    path.write_text(re.sub(r"-?\\d+\\.\\d+", lambda found: str(float(found[0]) * 0.9), path.read_text()))
print("\\x1b[31mdone\\x1b[0m <b>")
"""


@pytest.fixture
def folder(settings: Settings) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as made:
        Path(made).chmod(0o755)
        settings.COUNTERSIGN_AGENT_PATHS = [made]
        script(Path(made), COUNTS)
        yield Path(made)


def script(folder: Path, text: str) -> None:
    (folder / "agent").write_text(text)
    (folder / "agent").chmod(0o755)


@pytest.fixture
def target(tmp_path: Path, data_directory: Path) -> Target:
    return add_target(write_task(tmp_path / "parabola"), name=None, format="auto", actor=make.alice())


def start(target: Target, models: str = "", **more: object) -> Run:
    return runs.start(
        target_name=target.name,
        package=find_builtin("command"),
        budget=2,
        seed=5,
        parameters={"command": "agent", **more},
        models=models,
        actor=make.alice(),
        now=timezone.now(),
    )


def test_what_a_program_changed_is_measured_and_its_transcript_is_kept(
    target: Target, folder: Path, client: Client
) -> None:
    run = run_foreground(start(target).pk, workers=1)
    assert run.state in {"completed", "parked"}, run.wait_reason
    candidate = Candidate.objects.filter(run=run).order_by("number")[0]
    assert candidate.note == "agent: exit 0, 1 files changed"
    text = program_runs.transcript(candidate)
    assert "--- what it printed\ndone <b>" in text
    assert text in [blobs.load(one["transcript_sha256"]).decode() for one in trail.recorded("program.ended")]
    client.force_login(make.user("alice"))
    page = client.get(f"/candidates/{candidate.pk}/?tab=log").content.decode()
    assert "done &lt;b&gt;" in page
    trail.assert_holds()


def test_a_run_taken_over_in_the_middle_of_a_round_runs_nothing_twice(target: Target, folder: Path) -> None:
    run = start(target)
    done: list[tuple[int, str]] = []
    original = programs.ServedPrograms.did

    class Lost(BaseException):
        """The worker is gone."""

    def recorded_and_lost(self: programs.ServedPrograms, place: int, command: Command, what: Done) -> None:
        original(self, place, command, what)
        done.append((place, command.digest))
        if len(done) == 1:
            raise Lost

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(programs.ServedPrograms, "did", recorded_and_lost)
        with pytest.raises(Lost):
            run_foreground(run.pk, workers=1)
        conversations.forget(run.pk)
        run = run_foreground(run.pk, workers=1)
    assert run.state in {"completed", "parked"}, run.wait_reason
    assert len(done) == ProgramRun.objects.filter(run=run).count()
    trail.assert_holds()


def test_two_programs_of_a_round_may_leave_equal_transcripts(target: Target, folder: Path) -> None:
    run = start(target)
    runs.record_start(run.pk, score=1.0, now=timezone.now())
    run.refresh_from_db()
    with conversations.ended_after(run.pk):
        serving = programs.ServedPrograms(run, conversations.with_strategy(run), worker="programs")
        kept = [serving.keep(b"the very same") for _ in range(2)]
        for place, transcript in enumerate(kept):
            done = Done("exit", 0, "", {}, (), "", 0.1, transcript)
            serving.did(place, Command(("agent",), {}, "", 5), done)
    texts = [blobs.load(one.transcript_id) for one in ProgramRun.objects.filter(run=run)]
    assert texts == [b"the very same"] * 2


def test_a_strategy_rebuilt_from_the_record_hears_the_same(target: Target, folder: Path) -> None:
    run = start(target)
    run_foreground(run.pk, workers=1)
    ran = ProgramRun.objects.filter(run=run).count()
    script(folder, "#!/bin/sh\nexit 1\n")
    conversations.forget(run.pk)
    run.refresh_from_db()
    conversations.with_strategy(run)
    conversations.forget(run.pk)
    assert ProgramRun.objects.filter(run=run).count() == ran


def test_another_worker_than_the_one_for_programs_leaves_them_alone(target: Target, folder: Path) -> None:
    run = start(target)
    runs.record_start(run.pk, score=1.0, now=timezone.now())
    advancing.advance(run.pk, worker="control")
    assert not ProgramRun.objects.filter(run=run).exists()
    assert Run.objects.get(pk=run.pk).state == "running"


def test_the_stop_ends_a_program_and_the_run_goes_on_after_it(target: Target, folder: Path) -> None:
    script(folder, "#!/bin/sh\nsleep 60\n")
    run = start(target)
    runs.record_start(run.pk, score=1.0, now=timezone.now())

    def halt() -> None:
        wait_until(lambda: running.shared().count > 1, seconds=60, what="a program runs beside the strategy")
        installation.raise_flag(installation.halt_file())

    stopper = threading.Thread(target=halt)
    stopper.start()
    advancing.advance(run.pk, worker="programs", with_help=True)
    stopper.join()
    assert (running.shared().count, Run.objects.get(pk=run.pk).state) == (0, "running")
    assert not ProgramRun.objects.filter(run=run).exists()
    installation.lower_flag(installation.halt_file())
    script(folder, COUNTS)
    advancing.advance(run.pk, worker="programs", with_help=True)
    assert ProgramRun.objects.filter(run=run).count() == 2
    conversations.forget(run.pk)


def test_without_programs_or_the_right_no_run_starts(target: Target, folder: Path, settings: Settings) -> None:
    with pytest.raises(NotAllowed, match="start a run in which a program edits"):
        runs.start(
            target_name=target.name,
            package=find_builtin("command"),
            budget=2,
            parameters={"command": "agent"},
            actor=make.bob(),
            now=timezone.now(),
        )
    settings.COUNTERSIGN_AGENT_PATHS = []
    with pytest.raises(StrategyError, match="COUNTERSIGN_AGENT_PATHS names none"):
        start(target)


def test_who_may_start_no_programs_lets_no_run_of_them_go_on(target: Target, folder: Path) -> None:
    run = start(target)
    runs.record_start(run.pk, score=1.0, now=timezone.now())
    runs.pause(run.pk, actor=make.bob(), now=timezone.now())
    with pytest.raises(NotAllowed, match="start a run in which a program edits"):
        runs.resume(run.pk, actor=make.bob(), now=timezone.now())
    with pytest.raises(NotAllowed, match="start a run in which a program edits"):
        budgets.change(run.pk, limits={Limit("evaluations"): 100}, actor=make.bob(), reason="go on", now=timezone.now())


ASKS = """#!/usr/bin/env python3
import json, os, urllib.request
body = json.dumps({"model": "x", "messages": [{"role": "user", "content": "better please"}]}).encode()
request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", body,
    {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "Content-Type": "application/json"})
print(json.load(urllib.request.urlopen(request))["choices"][0]["message"]["content"])
"""


@pytest.mark.django_db(transaction=True)
def test_what_an_agent_asks_a_model_is_on_record_and_its_key_is_not(target: Target, folder: Path) -> None:
    script(folder, ASKS + COUNTS.partition("\n")[2])
    with ModelServer(lambda prompt: f"answer to {prompt}") as server:
        language_models.add(server.config(), key=KEY, actor=make.alice(), now=timezone.now())
        run = run_foreground(start(target, models="local").pk, workers=1)
    assert run.state in {"completed", "parked"}, run.wait_reason
    calls = ModelCall.objects.filter(run=run)
    assert calls.count() == ProgramRun.objects.filter(run=run).count()
    assert {(call.tokens_in, call.tokens_out) for call in calls} == {(2, 4)}
    text = program_runs.transcript(Candidate.objects.filter(run=run).order_by("number")[0])
    assert "answer to better please" in text
    assert KEY not in text
    trail.assert_holds()


@pytest.mark.django_db(transaction=True)
def test_tokens_of_requests_under_way_count_against_the_limit_of_the_run(target: Target, folder: Path) -> None:
    run = start(target)
    Run.objects.filter(pk=run.pk).update(token_limit=2_500)
    config = ModelConfig("local", Dialect.OPENAI, "https://models.example/v1", "tiny-1")
    request = ModelRequest((Message(Speaker.USER, "two words!"),), "local", max_tokens=1_000)
    ledger = programs.RunLedger(run.pk, 0)
    first, _ = ledger.reserve(request, config), ledger.reserve(request, config)
    with pytest.raises(Invalid, match="too little for this request"):
        ledger.reserve(request, config)
    ledger.settle(first, ModelAnswer("fine", "local", tokens_in=2, tokens_out=3), 0.1)
    assert ledger.reserve(request, config)


@pytest.mark.django_db(transaction=True)
def test_a_request_that_the_budget_has_no_room_for_is_refused(target: Target, folder: Path) -> None:
    script(folder, ASKS + COUNTS.partition("\n")[2])
    with ModelServer() as server:
        language_models.add(server.config(), key=KEY, actor=make.alice(), now=timezone.now())
        run = start(target, models="local")
        Run.objects.filter(pk=run.pk).update(token_limit=100)
        run_foreground(run.pk, workers=1)
    assert server.asked == []
    ran = ProgramRun.objects.filter(run=run)[0]
    assert "too little for this request" in blobs.load(ran.transcript_id).decode()
