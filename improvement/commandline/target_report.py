"""What the commands say about a target and the history of its champions."""

from __future__ import annotations

from typing import Any

from improvement.commandline.text import NOTHING, columns, facts, moment, moment_or_none, score
from improvement.models import Release, Target
from improvement.selectors import targets as read


def value(target: Target) -> dict[str, Any]:
    """Return a target as ``target add --json`` and ``target show --json`` print it."""
    return {
        "target": target.name,
        "description": target.description,
        "kind": target.kind,
        "format": target.format,
        "champion": target.champion_commit,
        "score": target.champion_score,
        "branch_moved_to": target.stray_head or None,
        "start": {"commit": target.start_commit, "score": target.start_score},
        "metric": {"name": target.metric, "better": target.better, "unit": target.unit},
        "isolation": target.isolation,
        "warnings": list(target.warnings),
        "evaluator": target.evaluator_digest,
        "holdout_uses": target.holdout_uses,
        "repository": read.clone_path(target),
        "added_at": moment(target.added_at),
    }


def lines(target: Target) -> list[str]:
    """Return a target as people read it."""
    unit = f" {target.unit}" if target.unit else ""
    return [
        f"{target.name}: {target.description}" if target.description else target.name,
        *facts(
            [
                ("  champion", f"{target.champion_commit[:9]}  {target.metric} {score(target.champion_score)}{unit}"),
                ("  start", f"{target.start_commit[:9]}  {target.metric} {score(target.start_score)}{unit}"),
                ("  better", target.better),
                ("  format", f"{target.format}, {target.kind}, isolation {target.isolation}"),
                ("  git clone", read.clone_path(target)),
            ]
        ),
        *([_strayed(target)] if target.stray_head else []),
        *(f"  note: {warning}" for warning in target.warnings),
    ]


def history_value(target: Target) -> dict[str, Any]:
    """Return a target's champion and how it came to be, newest first, as ``release … --json`` prints it."""
    return {
        "target": target.name,
        "champion": target.champion_commit,
        "score": target.champion_score,
        "history": [_moved(release) for release in read.champions(target.pk)],
    }


def history_lines(target: Target) -> list[str]:
    """Return the history of a target's champions as people read it, newest first."""
    head = ("", "commit", "score", "what", "by", "at")
    rows = []
    for release in read.champions(target.pk):
        mark = "*" if release.commit == target.champion_commit else ""
        who = ", ".join(read.moved_by(release)) or NOTHING
        at = moment_or_none(release.finished_at) or NOTHING
        rows.append((mark, release.commit[:12], score(release.score), _what(release), who, at))
    return [f"{target.name}: the champion is {target.champion_commit}", *columns(head, rows)]


def _moved(release: Release) -> dict[str, Any]:
    return {
        "commit": release.commit,
        "candidate": f"C-{release.candidate_id}" if release.candidate_id else None,
        "approved_by": [one["name"] for one in release.approved_by],
        "ordered_by": release.ordered_by.get_username() if release.ordered_by else None,
        "restores": release.ordered_commit if release.kind == Release.Kind.ROLLBACK else None,
        "at": moment_or_none(release.finished_at),
        "kind": release.kind,
        "score": release.score,
        "tree": release.tree,
        "previous": release.previous_commit or None,
        "self_countersigned": release.self_countersigned,
        "reason": release.reason,
    }


def _what(release: Release) -> str:
    marked = " (self-countersigned)" if release.self_countersigned else ""
    if release.kind == Release.Kind.ROLLBACK:
        return f"rollback to {release.ordered_commit[:9]}"
    return f"{release.kind} of C-{release.candidate_id}{marked}" if release.candidate_id else release.kind


def _strayed(target: Target) -> str:
    return (
        f"  its branch {read.how_strayed(target.stray_head)}: no run and no release begins before it is back "
        f"(target check {target.name})"
    )
