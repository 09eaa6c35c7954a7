"""How every command runs: declare actions, act, print one answer, and turn a refusal into one clear line."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from improvement.commandline import carrying_out, offering, tables
from improvement.commandline.answer import Answer
from improvement.engine.visible import visible
from improvement.exceptions import CountersignError, MissingExtra

Act = Callable[[Namespace], Answer]
REFUSED = 1
INTERRUPTED = 130


class ExactCommand(BaseCommand):
    """A command whose options are given by their whole names: an abbreviation would change its meaning one day."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return a parser that takes no abbreviations."""
        return super().create_parser(prog_name, subcommand, allow_abbrev=False, **kwargs)


class CountersignCommand(ExactCommand):
    """A command with actions, each of which returns an ``Answer``.

    With ``--json`` exactly one JSON value goes to the standard output: the answer, or
    ``{"error": {"code", "message"}}`` and exit status 1. Wrong use exits with 2. Progress goes to the standard error.
    """

    requires_system_checks: list[str] = []
    needs_tables = True

    def handle(self, *args: Any, **options: Any) -> None:
        """Carry out the chosen action and print what it answers; ends the process with 1 when it is refused."""
        chosen = Namespace(**options)
        try:
            answer = self._act(chosen)
        except CountersignError as error:
            self._refuse(error.code, error.message, as_json=chosen.json)
        except DatabaseError as error:
            reason = " ".join(str(error).strip().splitlines()[:1])
            self._refuse("database", f"The database cannot be used: {reason}.", as_json=chosen.json)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        else:
            self._print(answer, as_json=chosen.json)

    def _act(self, chosen: Namespace) -> Answer:
        """Act; where that needs an extra, and somebody at the terminal has it installed now, act again."""
        try:
            return self._act_once(chosen)
        except MissingExtra as missing:
            if chosen.json or not offering.accepted(missing):
                raise
            return self._act_once(chosen)

    def _act_once(self, chosen: Namespace) -> Answer:
        if not self.needs_tables:
            return _answer_of(chosen)
        tables.bring_up_to_date()
        with carrying_out.by_whoever_is_there():
            return _answer_of(chosen)

    def _print(self, answer: Answer, *, as_json: bool) -> None:
        lines = [json.dumps(answer.value, ensure_ascii=False)] if as_json else map(visible, answer.lines)
        for line in lines:
            self.stdout.write(line)
        if not answer.ok:
            sys.exit(REFUSED)

    def _refuse(self, code: str, message: str, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False))
        else:
            self.stderr.write(visible(" ".join(message.split())))
        sys.exit(REFUSED)


def _answer_of(chosen: Namespace) -> Answer:
    answer: Answer = chosen.act(chosen)
    return answer


class Actions:
    """The actions of one command, such as ``list`` and ``show`` of ``target``."""

    def __init__(self, parser: ArgumentParser) -> None:
        self._choices = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    def add(self, name: str, act: Act, summary: str) -> ArgumentParser:
        """Declare one action and return its parser for further arguments."""
        parser: ArgumentParser = self._choices.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", allow_abbrev=False
        )
        self._choices.metavar = f"{{{','.join(self._choices.choices)}}}"
        return sole_action(parser, act)


def sole_action(parser: ArgumentParser, act: Act) -> ArgumentParser:
    """Let a parser carry out this act, with ``--json``, and return it."""
    parser.add_argument("--json", action="store_true", help="print one JSON value and nothing else")
    parser.set_defaults(act=act)
    return parser
