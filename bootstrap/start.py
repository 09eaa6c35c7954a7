"""From `manage.py ARGUMENTS` to the right program, inside the virtual environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bootstrap import checking, testing, virtual_environment
from bootstrap.problem import Problem

PROJECT = Path(__file__).resolve().parent.parent


def command_line(argv: Sequence[str]) -> int | str | None:
    """Run the command and return what `sys.exit` takes: a status, or the one line that says what is wrong."""
    command = argv[1] if len(argv) > 1 else "help"
    try:
        virtual_environment.enter(PROJECT, argv, developer=command in {"test", "checks"})
        if command == "test":
            return testing.run(PROJECT, argv[2:])
        if command == "checks":
            return checking.run(PROJECT)
        return _django(argv)
    except Problem as problem:
        return str(problem)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return None  # whoever read the output, such as `head`, had enough; what was asked for is done
    finally:
        _let_go_of_output()


def _django(argv: Sequence[str]) -> str | None:
    """Run one of Django's or Countersign's own commands; an error that a person can repair is one line."""
    from django.core.exceptions import ImproperlyConfigured

    from improvement.commandline.overview import Overview
    from improvement.exceptions import CountersignError

    _name_data_directory(argv)
    try:
        Overview(list(argv)).execute()
    except (ImproperlyConfigured, CountersignError) as error:
        return str(error)
    return None


def _let_go_of_output() -> None:
    """Write out what waits, so that a closed pipe shows here and not as a traceback at the interpreter's end."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _name_data_directory(argv: Sequence[str]) -> None:
    """Hand `--data DIR` to the settings, which are read before the command sees its arguments."""
    for index, argument in enumerate(argv[2:], start=2):
        if argument == "--data" and index + 1 < len(argv):
            os.environ["COUNTERSIGN_DATA"] = str(Path(argv[index + 1]).absolute())
        elif argument.startswith("--data="):
            os.environ["COUNTERSIGN_DATA"] = str(Path(argument.removeprefix("--data=")).absolute())
