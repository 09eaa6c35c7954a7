"""Every command in one table: wrong use ends with 2, a failed action with 1, and the page of commands is right."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from improvement.commandline.overview import our_commands
from improvement.commandline.review_report import _SEVERITIES
from improvement.engine.findings import Severity
from improvement.engine.wording import counted
from tests import factories as make
from tests.integration.commands.console import ROOT, Console, refusal

NOBODY = ("--as", "nobody")
WHY = ("--reason", "because")
FAILS: dict[str, tuple[str, ...]] = {
    "audit export": ("/nowhere/at/all.tar",),
    "audit verify": ("/nowhere.tar",),
    "backup": ("/nowhere/at/all.tar.gz",),
    "demo cheats": NOBODY,
    "extras": ("nowhere",),
    "halt": (*NOBODY, *WHY),
    "improve": ("nowhere",),
    "model add": ("bad name", "--dialect", "openai", "--model", "m"),
    "model remove": ("nowhere",),
    "model test": ("nowhere",),
    "release list": ("nowhere",),
    "release rollback": ("nowhere", "--to", "0" * 40, *NOBODY, *WHY),
    "restore": ("/nowhere.tar.gz",),
    "resume": (*NOBODY, *WHY),
    "review show": ("C-999999",),
    "review approve": ("C-999999", *NOBODY, *WHY),
    "review reject": ("C-999999", *NOBODY, *WHY),
    "review request-changes": ("C-999999", *NOBODY, *WHY),
    "review comment": ("C-999999", "--file", "a.py", "--line", "1", "--text", "why?", *NOBODY),
    "review resolve": ("C-999999", "1", *NOBODY),
    "review clear": ("C-999999", *NOBODY, *WHY),
    "run show": ("R-999999",),
    "run pause": ("R-999999",),
    "run raise": ("R-999999", "--evaluations", "100", *NOBODY, *WHY),
    "run resume": ("R-999999",),
    "run stop": ("R-999999", *WHY),
    "strategy show": ("nowhere",),
    "target add": ("/nowhere",),
    "target show": ("nowhere",),
    "target check": ("nowhere",),
    "target pull": ("nowhere",),
    "target restore": ("nowhere", *NOBODY),
    "target feed": ("nowhere", "-"),
    "target push": ("nowhere", "/nowhere"),
    "token create": ("--user", "nobody", "--scopes", "observe"),
    "token revoke": ("999999",),
    "user create": ("bad name", "--role", "viewer"),
    "user password-link": ("nobody",),
    "user role": ("nobody", "--role", "viewer"),
    "user lock": ("nobody",),
    "user unlock": ("nobody",),
}
# These do something without a word: verify this installation's own log, act as the first administrator, list.
BARE = {"audit verify", "demo cheats", "extras"}
ONLY_TELL = {
    "audit checkpoint",
    "audit key",
    "model list",
    "review list",
    "run list",
    "strategy list",
    "target list",
    "token list",
    "user list",
}
TRIED_ELSEWHERE = {"docs", "sandbox check", "seed_demo", "states", "up"}


def _parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every action of our commands with its parser, the sole action of a command under the command's name."""
    for name in our_commands():
        parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
        inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        yield from (
            ((f"{name} {one}", inside) for one, inside in inner[0].choices.items()) if inner else [(name, parser)]
        )


PARSERS = dict(_parsers())


def _option(parser: argparse.ArgumentParser, name: str) -> argparse.Action | None:
    return next((action for action in parser._actions if name in action.option_strings), None)


def _ended(named: str, *arguments: str) -> object:
    """Return how a command ends that cannot even be read."""
    name, *action = named.split()
    with pytest.raises(SystemExit) as ended:
        load_command_class(get_commands()[name], name).run_from_argv(["manage.py", name, *action, *arguments])
    return ended.value.code


def test_every_action_is_in_the_table() -> None:
    assert PARSERS.keys() == FAILS.keys() | ONLY_TELL | TRIED_ELSEWHERE


@pytest.mark.parametrize("named", sorted(PARSERS))
def test_wrong_use_ends_with_2(named: str) -> None:
    arguments = FAILS.get(named, ())
    assert _ended(named, *arguments, "--nonsense") == 2
    assert _ended(named, *arguments, "too", "many", "words", "by", "far") == 2


@pytest.mark.parametrize("named", sorted(name for name, arguments in FAILS.items() if arguments and name not in BARE))
def test_a_word_too_few_ends_with_2(named: str) -> None:
    assert _ended(named) == 2


@pytest.mark.parametrize("named", sorted(PARSERS))
def test_an_option_is_not_taken_by_half_its_name(named: str) -> None:
    assert _ended(named, *FAILS.get(named, ()), "--jso") == 2


@pytest.mark.parametrize("named", sorted(FAILS))
@pytest.mark.usefixtures("nothing_enqueued", "db")
def test_a_failed_action_ends_with_1_and_one_sentence(data_directory: Path, named: str) -> None:
    make.user("alice")
    (data_directory / "run").mkdir()
    refused = refusal(*named.split(), *FAILS[named])
    assert refused["code"]
    assert "\n" not in refused["message"]


@pytest.mark.parametrize("arguments", [("help",), ("improve", "--help"), ("strategy", "list")])
def test_a_reader_that_has_had_enough_sees_no_traceback(empty: Console, arguments: tuple[str, ...]) -> None:
    with subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin", "COUNTERSIGN_DATA": str(empty.data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        assert (command.stderr.read(), command.wait(timeout=60)) == (b"", 0)


def test_help_tells_our_commands_first_and_djangos_by_name(empty: Console) -> None:
    told = empty.run("help").out
    ours, djangos = told.split("\nDjango, for developers\n")
    assert all(re.search(rf"^  {name} +[A-Z].*\.$", ours, re.MULTILINE) for name in [*our_commands(), "test", "checks"])
    assert "makemigrations" in djangos
    assert "migrate" not in ours


def test_the_page_of_commands_says_which_need_a_person() -> None:
    page = " ".join(Path(ROOT, "docs", "commands.md").read_text().split())
    told = page.partition("These need it: ")[2].partition("; so does")[0]
    needed = {named for named, parser in PARSERS.items() if (one := _option(parser, "--as")) and one.required}
    assert set(re.findall(r"`([^`]+)`", told)) == needed


def test_every_severity_has_words() -> None:
    assert _SEVERITIES.keys() == set(Severity)


@pytest.mark.parametrize(("many", "told"), [(0, "0 cheats"), (1, "1 cheat"), (2, "2 cheats"), (1200, "1,200 cheats")])
def test_things_are_counted_as_people_do(many: int, told: str) -> None:
    assert counted(many, "cheat") == told
