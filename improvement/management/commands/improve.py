"""`manage.py improve`: start a run on a target, and see it through to the gate."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from django.utils import timezone

from improvement.commandline import caller, following, run_report, server, target_named
from improvement.commandline.answer import Answer
from improvement.commandline.command import CountersignCommand, sole_action
from improvement.exceptions import Halted
from improvement.models import Run
from improvement.offline import limits
from improvement.runner import heads
from improvement.selectors import strategies, system
from improvement.services import runs
from improvement.states import RunState


class Command(CountersignCommand):
    """Start a run; with ``--wait`` see it through to the gate and no further."""

    help = "Starts a run. With --wait it returns when the run is over or waits for people; no server is needed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        sole_action(parser, _improve)
        parser.add_argument("target", metavar="TARGET", help="a target's name, or the folder of a task")
        parser.add_argument(
            "--strategy",
            action="append",
            default=[],
            metavar="S",
            help="what proposes changes (default: the one that fits the target best); several share the run",
        )
        parser.add_argument("--budget", type=int, default=200, metavar="N", help="candidates to measure (default: 200)")
        limits.add_limits(parser)
        parser.add_argument(
            "--seed", type=int, metavar="K", help="the run's seed; the same one finds the same candidates"
        )
        parser.add_argument(
            "--param",
            action="append",
            default=[],
            type=_setting,
            metavar="NAME=VALUE",
            help="a setting of the strategy",
        )
        parser.add_argument(
            "--models",
            default="",
            metavar="NAMES",
            help="language models that it may ask, of the Models page: NAME[=WEIGHT],NAME…",
        )
        parser.add_argument("--wait", action="store_true", help="wait until the run is over or waits for people")
        parser.add_argument(
            "--workers",
            type=_positive,
            default=_processors(),
            metavar="N",
            help="evaluations at once, without a server",
        )
        caller.add_as(parser)


def _improve(options: Namespace) -> Answer:
    run = _start(options)
    try:
        ended = _follow(run, options)
    except KeyboardInterrupt:
        sys.stderr.write(f"\nR-{run.pk} is interrupted; `manage.py up` goes on with it.\n")
        raise
    return _answer(ended)


def _start(options: Namespace) -> Run:
    actor = caller.actor(options)
    named = strategies.packages(options.strategy) if options.strategy else None
    if system.halted():
        target_named.check_exists(options.target)  # what is wrong whatever happens comes before what waits
        raise Halted("Everything is stopped; no run starts until people lift that (`manage.py resume`, or any page).")
    target = target_named.found_or_added(options.target, actor=actor)
    heads.look_at(target.name)
    return runs.start(
        target_name=target.name,
        package=named or strategies.best_for(target),
        budget=options.budget,
        limits=limits.asked(options),
        seed=options.seed,
        parameters=dict(options.param),
        models=options.models,
        actor=actor,
        now=timezone.now(),
    )


def _follow(run: Run, options: Namespace) -> Run:
    if not options.wait:
        return run
    return following.by_workers(run) if server.has_workers() else following.here(run, workers=options.workers)


def _answer(run: Run) -> Answer:
    now = timezone.now()
    run = Run.objects.select_related("target").get(pk=run.pk)
    value, lines = run_report.details(run, now=now), run_report.lines(run, now=now)
    if run.state == RunState.QUEUED.value:
        lines = [f"R-{run.pk} on {run.target.name} is queued{_until()}"]
    if run.state == RunState.FAILED.value:
        return Answer({**value, "error": {"code": "run_failed", "message": run.wait_reason}}, lines, ok=False)
    return Answer(value, [*lines, *_next(value["open_reviews"])])


def _until() -> str:
    return "." if server.has_workers() else " and starts as soon as `manage.py up` runs."


def _next(open_reviews: list[str]) -> list[str]:
    return [f"Next: manage.py review show {open_reviews[0]}"] if open_reviews else []


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _processors() -> int:
    return len(os.sched_getaffinity(0))
