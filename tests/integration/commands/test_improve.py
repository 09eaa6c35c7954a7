"""`improve` and `run` without a server: to the gate and no further, and the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import load_command_class

from improvement.models import Run
from tests import factories
from tests.integration.commands.console import Console, refusal, write_task

KEYS = {
    "run", "state", "target", "strategy", "seed", "evaluations", "seconds", "start", "champion", "best",
    "open_reviews", "blocked", "failed",
}  # fmt: skip


def test_improve_wait_ends_at_the_gate(reviewing: Console, first_run: Any, candidate: str) -> None:
    assert first_run.keys() >= KEYS
    assert (first_run["run"], first_run["state"], first_run["target"]) == ("R-1", "parked", "parabola")
    assert (first_run["strategy"].split("@")[0], first_run["seed"], first_run["evaluations"]) == ("evolution", 5, 12)
    assert first_run["start"]["score"] == -6.25
    assert first_run["champion"] == first_run["start"]
    assert first_run["best"] == {"candidate": candidate, "score": first_run["best"]["score"]}
    assert first_run["best"]["score"] > -6.25
    shown = reviewing.json("review", "show", candidate)
    assert (shown["state"], shown["score"]) == ("in_review", first_run["best"]["score"])


def test_improve_same_seed_finds_the_same(reviewing: Console, first_run: Any, task: Path) -> None:
    again = reviewing.json("improve", task, "--budget", "12", "--seed", "5", "--wait", "--workers", "1")
    assert again["run"] == "R-2"
    assert again["best"]["score"] == first_run["best"]["score"]
    assert [target["target"] for target in reviewing.json("target", "list")["targets"]] == ["parabola"]


def test_improve_without_server_queues(reviewing: Console) -> None:
    done = reviewing.run("improve", "parabola", "--budget", "5")
    assert (done.status, done.err) == (0, "")
    assert done.out == "R-2 on parabola is queued and starts as soon as `manage.py up` runs.\n"
    assert reviewing.json("run", "show", "R-2")["state"] == "queued"


def test_improve_folder_with_other_files_is_refused(reviewing: Console, tmp_path: Path) -> None:
    other = write_task(tmp_path / "other", value=0.75)
    refused = reviewing.run("improve", other, "--json").error
    assert refused["code"] == "conflict"
    assert "began with other files" in refused["message"]


def test_improve_refused_in_words(reviewing: Console) -> None:
    done = reviewing.run("improve", "parabola", "--strategy", "evolutoin")
    assert (done.status, done.out) == (1, "")
    assert done.err == "There is no built-in strategy 'evolutoin'; did you mean 'evolution'?\n"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nowhere"], "not_found", "There is no target nowhere"),
        (["small", "--strategy", "evolutoin"], "strategy", "did you mean 'evolution'"),
        (["small", "--strategy", "policy"], "strategy", "does not fit small: it needs numbers with a point"),
        (["small", "--strategy", "llm"], "strategy", "needs a language model; none that can be asked is set up"),
        (["small", "--models", "sonnet"], "invalid", "asks no language models: choose none for it"),
        (["small", "--param", "islnads=3"], "strategy", "did you mean 'islands'"),
        (["small", "--param", "islands=many"], "strategy", "must be a whole number"),
        (["small", "--budget", "0"], "invalid", "choose between 1 and"),
        (["small", "--as", "nobody"], "not_found", "There is no person named nobody"),
        (["small", "--as", "mallory"], "not_allowed", "mallory may not start a run"),
    ],
)
def test_improve_refused(data_directory: Path, arguments: list[str], code: str, says: str) -> None:
    factories.target()
    factories.mallory()
    refused = refusal("improve", *arguments)
    assert refused["code"] == code
    assert says in refused["message"]
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["improve"],
        ["improve", "parabola", "--budget", "many"],
        ["improve", "parabola", "--param", "islands"],
        ["improve", "parabola", "--workers", "0"],
        ["review"],
        ["review", "approve", "C-1"],
        ["release", "rollback", "parabola", "--as", "admin"],
        ["run", "fly", "R-1"],
    ],
)
def test_wrong_use_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    command = load_command_class("improvement", arguments[0])
    with pytest.raises(SystemExit) as ended:
        command.run_from_argv(["manage.py", *arguments])
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "")
    assert "usage: manage.py" in said.err


def test_run_is_steered(reviewing: Console) -> None:
    assert reviewing.json("run", "pause", "R-1", "--reason", "lunch")["state"] == "paused"
    again = reviewing.run("run", "pause", "R-1", "--json").error
    assert again["code"] == "bad_transition"
    assert reviewing.json("run", "resume", "1")["state"] == "running"
    stopped = reviewing.json("run", "stop", "r-1", "--as", "admin", "--reason", "enough")
    assert (stopped["state"], stopped["why"]) == ("stopped", "enough")
    assert stopped["open_reviews"] != []


@pytest.mark.django_db
@pytest.mark.parametrize(("run", "code"), [("R-99", "not_found"), ("C-1", "invalid"), ("R-", "invalid")])
def test_run_unknown_is_refused(data_directory: Path, run: str, code: str) -> None:
    assert refusal("run", "show", run)["code"] == code
