"""The command line of the loop alone: ``python3 -m improvement.offline improve TASKDIR --strategy S …``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from improvement.engine import extras
from improvement.engine.budget import Budget
from improvement.engine.measurement import Task
from improvement.engine.packages import find_package, join
from improvement.engine.wording import counted
from improvement.exceptions import CountersignError, Invalid
from improvement.offline.limits import add_limits, asked
from improvement.offline.loop import improve
from improvement.offline.models import choose
from improvement.offline.plan import MIN_LEVEL, Plan, Progress
from improvement.offline.result import OfflineResult
from improvement.targets.importing import load

PROGRAMS = "COUNTERSIGN_AGENT_PATHS"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0 done, 1 refused or stopped; wrong use exits with 2."""
    options = _parser().parse_args(argv)
    try:
        result = _run(options)
    except CountersignError as error:
        return _refuse(error.code, error.message, as_json=options.json)
    except KeyboardInterrupt:
        return _refuse("stopped", "Stopped before the first candidate was measured.", as_json=options.json)
    sys.stdout.write(json.dumps(result.as_json()) + "\n" if options.json else _in_words(result))
    return 0 if result.state == "completed" else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m improvement.offline", description=__doc__, allow_abbrev=False)
    command = parser.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "improve", help="improve a task, without server or database", allow_abbrev=False
    )
    command.add_argument("task", metavar="TASKDIR", type=Path, help="the folder of the task, in any known format")
    command.add_argument(
        "--strategy",
        required=True,
        action="append",
        metavar="S",
        help="a built-in strategy's name, or the folder of one; given more than once, they share the run",
    )
    command.add_argument("--budget", required=True, type=_positive, metavar="N", help="measure evaluations to make")
    command.add_argument("--seed", type=int, default=1, metavar="K", help="the run's seed (default 1)")
    add_limits(command, seconds=float)
    command.add_argument("--workers", type=_positive, default=2, metavar="W", help="evaluations at a time (default 2)")
    command.add_argument("--param", action="append", default=[], type=_setting, metavar="NAME=VALUE", help="a setting")
    command.add_argument(
        "--models", default="", metavar="NAMES", help="models to ask: a TOML file of them, or NAME[=WEIGHT],NAME…"
    )
    command.add_argument("--state", type=Path, metavar="FILE", help="keep the run here, and go on from it if it exists")
    command.add_argument("--out", type=Path, metavar="DIR", help="write the champion's files into this folder")
    command.add_argument("--json", action="store_true", help="print one JSON value and nothing else")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _run(options: argparse.Namespace) -> OfflineResult:
    package = join([find_package(name) for name in options.strategy])
    imported = load(options.task)
    extras.check_run(imported.manifest, package)
    what = Plan(
        task=Task(imported.manifest, imported.tree),
        package=package,
        settings=package.settings(dict(options.param)),
        budget=Budget.of(options.budget, **{limit.value: most for limit, most in asked(options).items()}),
        seed=options.seed,
        min_level=_min_level(),
        programs=_programs(needed="command" in package.needs),
        models=choose(options.models, os.environ, needed="model" in package.needs),
    )
    with _Bar(options.budget) as bar:
        warn = None if options.json else bar.say
        result = improve(what, workers=options.workers, state=options.state, watch=bar.show, warn=warn)
    if options.out:
        _write(options.out, result)
    return result


def _min_level() -> int:
    text = os.environ.get("SANDBOX_MIN_LEVEL", str(MIN_LEVEL))
    if text not in ("0", "1", "2", "3"):
        raise Invalid(f"SANDBOX_MIN_LEVEL is {text!r}; set it to 0, 1, 2 or 3.")
    return int(text)


def _programs(*, needed: bool) -> tuple[str, ...]:
    paths = tuple(path.strip() for path in os.environ.get(PROGRAMS, "").split(",") if path.strip())
    if needed and not paths:
        raise Invalid(f"The strategy runs programs, and {PROGRAMS} names none: set it to their files and folders.")
    return paths


class _Bar:
    """A progress bar on the standard error, where that is a terminal."""

    def __init__(self, budget: int) -> None:
        self._bar = tqdm(total=budget, unit="eval", disable=not sys.stderr.isatty(), file=sys.stderr)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def say(self, warning: str) -> None:
        """Say something above the bar, or on the standard error where there is none."""
        self._bar.write(warning, file=sys.stderr)

    def show(self, progress: Progress) -> None:
        """Move the bar to where the run is."""
        confirmed = "–" if progress.confirmed is None else f"{progress.confirmed:.6g}"
        self._bar.set_postfix_str(f"best {progress.best:.6g}, confirmed {confirmed}", refresh=False)
        self._bar.update(progress.evaluations - self._bar.n)


def _write(folder: Path, result: OfflineResult) -> None:
    """Write the champion's files; paths were screened, and are checked again before anything is written."""
    try:
        for path, text in result.champion.files.items():
            if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
                raise Invalid(f"The champion holds the path {path!r}, which leads out of {folder}.")
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Invalid(f"The champion's files cannot be written into {folder}: {error.strerror}.") from error


def _refuse(code: str, message: str, *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps({"error": {"code": code, "message": message}}) + "\n")
    else:
        sys.stderr.write(f"{message}\n")
    return 1


def _in_words(result: OfflineResult) -> str:
    confirmed = [one for one in result.confirmations if one.stands]
    done = f"{counted(result.evaluations, 'evaluation')} in {result.seconds:.0f} s"
    lines = [
        f"{result.target}: {result.state} after {done}; {result.why}.",
        f"  start      {result.start.score:.10g}",
        f"  best       {result.best.score:.10g}  measured",
        f"  champion   {result.champion.score:.10g}  {'confirmed' if confirmed else 'the start itself'}",
    ]
    if confirmed:
        lines.append(f"  {confirmed[-1].evidence.summary}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
