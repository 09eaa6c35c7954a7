"""People, the stop over everything, strategies, the sandbox, the demo, the generated page."""

from __future__ import annotations

import io
import platform
import re
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command, load_command_class

from improvement import installation
from improvement.commandline import states_page
from improvement.engine.packages import builtin_names
from improvement.models import Target, User
from tests import factories
from tests.integration.commands.console import ROOT, Console, refusal, said

COMMANDS = sorted(
    path.stem for path in (ROOT / "improvement" / "management" / "commands").glob("*.py") if path.stem != "__init__"
)


def test_users(empty: Console) -> None:
    made = empty.json("user", "create", "bob", "--role", "reviewer")
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/enter/[\w-]{32}/", made["link"])
    assert made["role"] == "reviewer"
    assert empty.json("user", "password-link", "bob")["link"] != made["link"]
    people = [(one["user"], one["role"]) for one in empty.json("user", "list")["users"]]
    assert people == [("admin", "admin"), ("bob", "reviewer")]


@pytest.mark.django_db
def test_user_refused(data_directory: Path) -> None:
    factories.alice()
    factories.mallory()
    assert refusal("user", "create", "alice", "--role", "viewer")["code"] == "conflict"
    assert refusal("user", "create", "a b", "--role", "viewer")["code"] == "invalid"
    assert refusal("user", "create", "dave", "--role", "viewer", "--as", "mallory")["code"] == "not_allowed"
    assert refusal("user", "password-link", "nobody")["code"] == "not_found"
    User.objects.filter(username="alice").update(is_active=False)
    assert "locked out" in refusal("user", "create", "dave", "--role", "viewer", "--as", "alice")["message"]


@pytest.mark.django_db
def test_a_role_is_changed_narrowed_and_lifted(data_directory: Path, nothing_enqueued: None) -> None:
    factories.target()
    factories.bob()
    assert said("user", "role", "bob", "--role", "operator")["role"] == "operator"
    assert said("user", "role", "bob", "--role", "viewer", "--target", "small")["target_roles"] == {"small": "viewer"}
    assert said("user", "role", "bob", "--role", "inherit", "--target", "small")["target_roles"] == {}
    assert refusal("user", "role", "bob", "--role", "inherit")["code"] == "invalid"
    assert refusal("user", "role", "bob", "--role", "viewer", "--target", "large")["code"] == "not_found"
    assert refusal("user", "role", "alice", "--role", "viewer")["code"] == "conflict"
    assert refusal("user", "role", "alice", "--role", "viewer", "--as", "bob")["code"] == "not_allowed"


@pytest.mark.django_db
def test_somebody_is_locked_out_and_let_in_again(data_directory: Path) -> None:
    factories.alice()
    factories.bob()
    assert said("user", "lock", "bob")["active"] is False
    assert "locked out" in refusal("user", "lock", "alice", "--as", "bob")["message"]
    assert said("user", "unlock", "bob")["active"] is True
    assert refusal("user", "lock", "alice")["code"] == "not_allowed"
    assert refusal("user", "lock", "nobody")["code"] == "not_found"


def test_halt_and_resume(reviewing: Console, candidate: str) -> None:
    stopped = reviewing.json("halt", "--as", "admin", "--reason", "something smells")
    assert (stopped["halted"], stopped["by"], stopped["reason"]) == (True, "admin", "something smells")
    assert (reviewing.data / "run" / "halt").exists()
    waiting = reviewing.json("review", "approve", candidate, "--as", "admin", "--reason", "small and sound")
    assert waiting["state"] == "in_review"
    assert [one["name"] for one in waiting["requirements"] if not one["met"]] == ["Not stopped"]
    nowhere = reviewing.run("improve", "nowhere", "--as", "admin", "--json").error
    assert nowhere["code"] == "not_found"  # what is wrong whatever happens comes before what waits
    assert reviewing.json("resume", "--as", "admin", "--reason", "it was the coffee")["halted"] is False
    assert not (reviewing.data / "run" / "halt").exists()
    assert reviewing.run("resume", "--as", "admin", "--reason", "again", "--json").error["code"] == "conflict"


@pytest.mark.django_db
def test_strategies(data_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal("strategy", "show", "evolutoin")["code"] == "strategy"
    load_command_class("improvement", "strategy").run_from_argv(["manage.py", "strategy", "list"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["strategy", *builtin_names()]


def test_sandbox_check(tmp_path: Path) -> None:
    done = Console(tmp_path / "data").run("sandbox", "check", "--json")
    assert done.status == 0, done
    assert done.value["level"] == 3
    assert {test["held"] for test in done.value["tests"]} == {True}
    assert all(set(test) == {"name", "held"} for test in done.value["tests"])


def test_demo_is_seeded_once(empty: Console) -> None:
    first = empty.json("seed_demo")
    assert first == {"target": "circle-packing", "run": "R-1", "message": ""}
    assert empty.json("seed_demo") == first
    run = empty.json("run", "show", "R-1")
    assert (run["started_by"], run["budget"], run["seed"], run["state"]) == ("Countersign", 2000, 7, "queued")


@pytest.mark.django_db
def test_demo_without_a_sandbox_is_left_out(data_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Plan 9")
    printed = io.StringIO()
    call_command("seed_demo", stdout=printed)
    assert printed.getvalue().startswith("The demo was left out: The sandbox level is 0, 3 is needed.")
    assert not Target.objects.exists()
    assert not installation.repository_path("circle-packing").exists()


def test_states_page_is_fresh_and_whole() -> None:
    written = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    assert written == states_page.text(), "run: python3 manage.py states"
    assert written.count("```mermaid") == 2
    assert "| in review | approved | reviewers | `review.approved` |" in written


def test_every_command_is_in_the_list() -> None:
    listed = re.findall(r"^- `([a-z_]+(?: [a-z-]+)?)", (ROOT / "docs" / "commands.md").read_text(), re.MULTILINE)
    here = [name for command in COMMANDS for name in _actions(command)]
    assert sorted(listed) == sorted([*here, "up", "test", "extras"])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    parser = load_command_class("improvement", command).create_parser("manage.py", command)
    assert str(parser.description).endswith(".")
    for one in _parsers(parser):
        assert one.description
        unexplained = [action.dest for action in one._actions if not action.help and action.dest not in _OPTIONAL]
        assert unexplained == []


_OPTIONAL = {"act"}


def _actions(command: str) -> list[str]:
    groups = list(_groups(load_command_class("improvement", command).create_parser("manage.py", command)))
    return [f"{command} {name}" for group in groups for name in group.choices] or [command]


def _parsers(parser: ArgumentParser) -> Iterator[ArgumentParser]:
    groups = list(_groups(parser))
    if not groups:
        yield parser
    for group in groups:
        yield from group.choices.values()


def _groups(parser: ArgumentParser) -> Iterator[_SubParsersAction[ArgumentParser]]:
    return (action for action in parser._actions if isinstance(action, _SubParsersAction))
