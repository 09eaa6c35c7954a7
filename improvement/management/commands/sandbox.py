"""`manage.py sandbox check`: how strongly this machine isolates candidates, tried from inside."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from django.conf import settings

from improvement.commandline.answer import Answer
from improvement.commandline.command import Actions, CountersignCommand
from improvement.sandbox import levels, selftest, spawn


class Command(CountersignCommand):
    """The sandbox: check."""

    help = "Checks how strongly this machine isolates the code of candidates."
    needs_tables = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the action."""
        Actions(parser).add("check", _check, "try to break out of the sandbox from inside, and say what held")


def _check(options: Namespace) -> Answer:
    found = levels.probe()
    if found.level == spawn.FULL:
        levels.try_zygotes()
    tests = selftest.run(found.level) if found.level else []
    wanted = settings.SANDBOX_MIN_LEVEL
    enough, advice = found.level >= wanted, found.remedies(wanted)
    value = {
        "level": found.level,
        "wanted": wanted,
        "backend": found.backend,
        "tests": [{"name": test.name, "held": test.held} for test in tests],
        "why": list(found.why),
        "advice": list(advice),
    }
    lines = [
        f"Sandbox level {found.level} of {spawn.FULL} ({found.backend}); at least {wanted} is wanted.",
        *found.why,
        *advice,
        *(f"  {'held' if test.held else 'FAILED'}  {test.name}" + _detail(test) for test in tests),
    ]
    return Answer(value, lines, ok=enough and (wanted == 0 or all(test.held for test in tests)))


def _detail(test: selftest.SelfTest) -> str:
    return "" if test.held else f": {test.detail}"
