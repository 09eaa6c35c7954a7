"""`manage.py run`: look at runs and steer them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from django.utils import timezone

from improvement.commandline import caller, run_report
from improvement.commandline.answer import Answer
from improvement.commandline.command import Actions, CountersignCommand
from improvement.commandline.text import columns, run_id
from improvement.engine.budget import Limit
from improvement.models import Run
from improvement.offline import limits
from improvement.selectors import runs as read
from improvement.services import budgets, runs
from improvement.states import RunState


class Command(CountersignCommand):
    """Runs: list, show, pause, resume, stop, raise."""

    help = "Lists, shows, pauses, resumes and stops runs, and raises their budgets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions."""
        actions = Actions(parser)
        listing = actions.add("list", _list, "list the runs, newest first")
        listing.add_argument("--state", default="", choices=[state.value for state in RunState], help="only these runs")
        listing.add_argument("--target", default="", metavar="NAME", help="only runs on this target")
        _name_run(actions.add("show", _show, "show one run"))
        raising = actions.add("raise", _raise, "give a run a larger budget; one that spent its own goes on")
        _name_run(raising)
        raising.add_argument("--evaluations", type=int, metavar="N", help="candidates to measure, in the whole run")
        limits.add_limits(raising)
        caller.add_as(raising, required=True)
        raising.add_argument("--reason", required=True, metavar="TEXT", help="why; it goes into the audit trail")
        for name, act, summary in (
            ("pause", _pause, "pause a run; what is being measured is finished"),
            ("resume", _resume, "let a paused run go on"),
            ("stop", _stop, "stop a run for good; what is in review stays in review"),
        ):
            steering = actions.add(name, act, summary)
            _name_run(steering)
            caller.add_as(steering)
            if act is not _resume:
                steering.add_argument("--reason", default="", metavar="TEXT", help="why; it goes into the audit trail")


def _name_run(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="the run, such as R-7")


def _list(options: Namespace) -> Answer:
    now = timezone.now()
    page = read.page(caller.reader(), state=options.state, target=options.target, size=1000)
    found = list(page.object_list)
    rows = [run_report.row(run) for run in found]
    nothing = "No run matches." if options.state or options.target else "There is no run yet: manage.py improve TARGET"
    more = page.paginator.count - len(found)
    lines = (
        [*columns(run_report.ROW_HEAD, rows), *([f"… and {more} older ones"] if more else [])] if rows else [nothing]
    )
    waiting = run_report.open_reviews_of(found)
    values = [run_report.value(run, now=now, open_reviews=waiting.get(run.pk, [])) for run in found]
    return Answer({"runs": values, "more": more}, lines)


def _show(options: Namespace) -> Answer:
    return _report(run_id(options.run))


def _pause(options: Namespace) -> Answer:
    number = run_id(options.run)
    runs.pause(number, actor=caller.actor(options), reason=options.reason, now=timezone.now())
    return _report(number)


def _resume(options: Namespace) -> Answer:
    number = run_id(options.run)
    runs.resume(number, actor=caller.actor(options), now=timezone.now())
    return _report(number)


def _stop(options: Namespace) -> Answer:
    number = run_id(options.run)
    runs.stop(number, actor=caller.actor(options), reason=options.reason, now=timezone.now())
    return _report(number)


def _raise(options: Namespace) -> Answer:
    number = run_id(options.run)
    evaluations = {} if options.evaluations is None else {Limit.EVALUATIONS: options.evaluations}
    given = {**evaluations, **limits.asked(options)}
    budgets.change(number, limits=given, actor=caller.actor(options), reason=options.reason, now=timezone.now())
    return _report(number)


def _report(number: int) -> Answer:
    run: Run = read.get(number, caller.reader())
    now = timezone.now()
    return Answer(run_report.details(run, now=now), run_report.lines(run, now=now))
