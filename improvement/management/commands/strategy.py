"""`manage.py strategy`: look at the strategies that a run can use."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from improvement.commandline.answer import Answer
from improvement.commandline.command import Actions, CountersignCommand
from improvement.commandline.text import columns, facts
from improvement.engine.packages import Setting, StrategyPackage
from improvement.engine.wording import counted
from improvement.selectors import strategies


class Command(CountersignCommand):
    """Strategies: list, show."""

    help = "Lists and shows the strategies that a run can use."
    needs_tables = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions."""
        actions = Actions(parser)
        actions.add("list", _list, "list the strategies")
        showing = actions.add("show", _show, "show one strategy with its settings")
        showing.add_argument("name", metavar="NAME", help="the strategy's name")


def _list(options: Namespace) -> Answer:
    packages = strategies.all_strategies()
    rows = [(package.name, package.version, package.description) for package in packages]
    return Answer({"strategies": list(map(_value, packages))}, columns(("strategy", "version", "what it does"), rows))


def _show(options: Namespace) -> Answer:
    package = strategies.package(options.name)
    settings = [
        (f"  {name}", f"{_setting(default)}  {package.help.get(name, '')}".rstrip())
        for name, default in package.parameters.items()
    ]
    return Answer(
        _value(package),
        [
            f"{package.label}: {package.description}",
            f"  {counted(package.generation, 'proposal')} in a generation, digest {package.digest[:12]}",
            "Settings and their defaults, for `improve --param name=value`:" if settings else "It has no settings.",
            *facts(settings),
        ],
    )


def _setting(value: Setting) -> str:
    """Return a default as `--param` takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(package: StrategyPackage) -> dict[str, Any]:
    return {
        "strategy": package.label,
        "name": package.name,
        "version": package.version,
        "description": package.description,
        "generation": package.generation,
        "parameters": dict(package.parameters),
        "help": dict(package.help),
        "digest": package.digest,
    }
