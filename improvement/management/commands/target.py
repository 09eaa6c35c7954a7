"""`manage.py target`: import targets, look at them, check them, and let commits in and out."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from improvement.commandline import caller, server, target_report
from improvement.commandline.answer import Answer
from improvement.commandline.command import Actions, CountersignCommand
from improvement.commandline.text import columns, facts, score
from improvement.engine import data_targets, formats
from improvement.engine.data_targets import Asked
from improvement.engine.wording import counted
from improvement.exceptions import Invalid
from improvement.models import Candidate, Target
from improvement.runner import edits, heads
from improvement.runner.feeding import feed_lines
from improvement.runner.foreground import settle_target
from improvement.runner.importing import add_data, add_target
from improvement.runner.inspecting import inspect
from improvement.selectors import targets as read

FORMATS = ("auto", *formats.FORMATS)


class Command(CountersignCommand):
    """Targets: add, list, show, check, pull, restore, feed, push."""

    help = "Imports targets, shows and checks them, takes commits in and pushes champions out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions."""
        actions = Actions(parser)
        adding = actions.add("add", _add, "make a target of a folder, once its start can be measured")
        adding.add_argument("path", metavar="PATH", type=Path, help="the folder, or a CSV or Parquet file")
        adding.add_argument("--name", help="the target's name (default: as the folder says)")
        adding.add_argument("--format", choices=FORMATS, default="auto", help="what the folder holds (default: auto)")
        _declare_data(adding)
        caller.add_as(adding)
        actions.add("list", _list, "list the targets")
        _name_target(actions.add("show", _show, "show one target"))
        _name_target(
            actions.add("check", _check, "measure the champion, its cheats and its holdout, and say what to mend")
        )
        _declare_pull(actions)
        restoring = actions.add("restore", _restore, "put a branch that was moved by hand back at the champion")
        _name_target(restoring)
        caller.add_as(restoring, required=True)
        caller.add_password(restoring)
        feeding = actions.add("feed", _feed, "feed observations to a target that follows a stream")
        _name_target(feeding)
        feeding.add_argument("file", metavar="FILE", type=Path, help="a file with a JSON object a line; - is the input")
        caller.add_as(feeding)
        pushing = actions.add("push", _push, "push the champion to a repository elsewhere")
        _name_target(pushing)
        pushing.add_argument("remote", metavar="REMOTE", help="the path or address of that repository")
        _name_branch(pushing)


def _declare_data(adding: ArgumentParser) -> None:
    data = adding.add_argument_group("of a CSV or Parquet file, a model that predicts one column")
    data.add_argument("--predict", metavar="COLUMN", default="", help="the column to predict")
    data.add_argument("--metric", choices=data_targets.METRICS, default="", help="what to improve (default: as fits)")
    data.add_argument(
        "--group", metavar="COLUMN", action="append", default=[], help="a column between whose groups to be fair"
    )
    data.add_argument("--drop", metavar="COLUMN", action="append", default=[], help="a column to leave out")
    data.add_argument(
        "--holdout",
        metavar="FRACTION",
        type=float,
        default=data_targets.HOLDOUT,
        help=f"the share of rows that the loop never sees (default: {data_targets.HOLDOUT:g})",
    )


def _declare_pull(actions: Actions) -> None:
    pulling = actions.add("pull", _pull, "take in a commit made elsewhere, as a candidate or with --as-champion")
    _name_target(pulling)
    pulling.add_argument(
        "source",
        metavar="SOURCE",
        nargs="?",
        default="",
        help="a path or address (default: the target's own repository)",
    )
    _name_branch(pulling)
    pulling.add_argument(
        "--as-champion", action="store_true", help="make it champion without a review; for administrators"
    )
    pulling.add_argument(
        "--reason", default="", metavar="TEXT", help="what the change is for; needed with --as-champion"
    )
    caller.add_as(pulling)
    caller.add_password(pulling)


def _name_target(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the target's name")


def _name_branch(parser: ArgumentParser) -> None:
    parser.add_argument("--branch", default="main", help="the branch there (default: main)")


def _feed(options: Namespace) -> Answer:
    target, actor = read.get(options.name, caller.reader()), caller.actor(options)
    if options.file == Path("-"):
        fed = feed_lines(target, sys.stdin, actor=actor)
    else:
        try:
            with options.file.open(encoding="utf-8") as lines:
                fed = feed_lines(target, lines, actor=actor)
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"{options.file} cannot be read: {error}.") from error
    value = {"target": target.name, **asdict(fed)}
    known = f"; {fed.duplicates:,} were known already" if fed.duplicates else ""
    if fed.unmatched:
        known += f"; {len(fed.unmatched):,} labels belong to no observation that is known, or known still: "
        known += ", ".join(fed.unmatched[:5])
    return Answer(value, [f"{target.name} took {counted(fed.accepted, 'record')}{known}."])


def _add(options: Namespace) -> Answer:
    if options.predict or options.path.is_file():
        return _report(_add_data(options).name)
    target = add_target(options.path, name=options.name, format=options.format, actor=caller.actor(options))
    return _report(target.name)


def _add_data(options: Namespace) -> Target:
    if not options.predict:
        raise Invalid(f"{options.path} is a file: say with --predict which column to predict, or name a folder.")
    asked = Asked(
        predict=options.predict,
        metric=options.metric,
        groups=tuple(options.group),
        drop=tuple(options.drop),
        holdout=options.holdout,
    )
    return add_data(options.path, asked, name=options.name, actor=caller.actor(options))


def _list(options: Namespace) -> Answer:
    targets = read.all_targets(caller.reader())
    head = ("target", "champion", "score", "isolation")
    rows = [
        (
            target.name,
            target.champion_commit[:9],
            score(target.champion_score),
            target.isolation,
        )
        for target in targets
    ]
    lines = columns(head, rows) if rows else ["There is no target yet: manage.py target add PATH"]
    return Answer({"targets": [target_report.value(target) for target in targets]}, lines)


def _show(options: Namespace) -> Answer:
    return _report(options.name)


def _check(options: Namespace) -> Answer:
    found = inspect(_target(options))
    value = {
        "target": options.name,
        "ok": found.ok,
        "checks": [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in found.checks],
        "scores": {str(seed): number for seed, number in found.scores.items()},
        "seconds": round(found.seconds, 4),
        "deterministic": found.repeatable,
    }
    marks = [(f"  {'ok  ' if check.ok else 'MEND'}  {check.name}", check.detail) for check in found.checks]
    return Answer(value, [f"{options.name}: {'ready' if found.ok else 'not ready'}", *facts(marks)], ok=found.ok)


def _pull(options: Namespace) -> Answer:
    target = _target(options)
    if options.as_champion:
        if not options.as_:
            raise Invalid("Say with --as who takes the commit over as champion.")
        actor = caller.confirmed_actor(options)
        edits.pull_champion(target, source=options.source, branch=options.branch, actor=actor, reason=options.reason)
        return _report(target.name)
    return _pull_candidate(target, options)


def _pull_candidate(target: Target, options: Namespace) -> Answer:
    actor, note = caller.actor(options), options.reason
    made = edits.pull_candidate(target, source=options.source, branch=options.branch, note=note, actor=actor)
    if not server.has_workers():
        settle_target(target.name)
    candidate = Candidate.objects.get(pk=made.pk)
    state = candidate.state.replace("_", " ")
    value = {
        "target": target.name,
        "candidate": f"C-{candidate.pk}",
        "state": candidate.state,
        "score": candidate.score,
        "patch": candidate.patch_digest,
        "base": candidate.base_commit,
        "message": candidate.message,
        "champion": target.champion_commit,
    }
    said = f": {candidate.message}" if candidate.message else ""
    return Answer(value, [f"C-{candidate.pk} of {target.name} is {state}{said}"])


def _restore(options: Namespace) -> Answer:
    heads.restore(_target(options).name, actor=caller.confirmed_actor(options))
    return _report(options.name)


def _push(options: Namespace) -> Answer:
    commit = edits.push(_target(options), remote=options.remote, branch=options.branch)
    value = {"target": options.name, "champion": commit, "remote": options.remote, "branch": options.branch}
    return Answer(value, [f"{options.remote} has {commit[:9]} on {options.branch} now."])


def _target(options: Namespace) -> Target:
    return read.get(options.name, caller.reader())


def _report(name: str) -> Answer:
    target = read.get(name, caller.reader())
    return Answer(target_report.value(target), target_report.lines(target))
