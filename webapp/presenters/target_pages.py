"""Targets and strategies, from what the selectors read."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from improvement import installation
from improvement.engine.manifest import Manifest, Metric
from improvement.engine.packages import Setting, StrategyPackage
from improvement.engine.wording import counted
from improvement.permissions import Person, Right, may
from improvement.selectors import runs, system, targets
from webapp.presenters import run_lists, stream_page, words
from webapp.presenters.targets import (
    ImportPage,
    MetricLine,
    ReleaseLine,
    StrategiesPage,
    StrategyLine,
    TargetLine,
    TargetPage,
    TargetsPage,
)

if TYPE_CHECKING:
    from improvement.models import Release, Target, TargetImport

_KINDS = {
    "start": ("Start", "", "circle"),
    "release": ("Release", "up", "git-commit-horizontal"),
    "rollback": ("Rollback", "warn", "rotate-ccw"),
    "external": ("Taken over from elsewhere", "warn", "git-commit-horizontal"),
}
_RUNS = 5
_MOVING = "The champion is being moved."
_WAITS = "A release waits until the stop over everything is lifted."


def index(person: Person) -> TargetsPage:
    """Return the list of targets."""
    return TargetsPage(
        targets=tuple(_line(target) for target in targets.all_targets(person)),
        may_import=may(person, Right.IMPORT_TARGET),
    )


def page(target: Target, person: Person) -> TargetPage:
    """Return one target."""
    manifest = targets.manifest(target)
    moving = _moving(target)
    recent = runs.page(person, target=target.name, size=_RUNS).object_list
    return TargetPage(
        name=target.name,
        description=target.description,
        kind=target.kind,
        format=target.format,
        isolation=target.isolation,
        champion=words.number(target.champion_score),
        change=words.percent_change(target.champion_score, target.start_score),
        tone=_tone(target),
        commit=target.champion_commit,
        moving=moving,
        moves=moving == _MOVING,
        strayed=targets.how_strayed(target.stray_head),
        clone=targets.clone_path(target),
        editable=manifest.edit_files,
        evaluator=manifest.evaluate.module,
        command=shlex.join(manifest.command),
        limits=_limits(manifest),
        holdout=counted(manifest.holdout.cases, "case")
        if manifest.holdout
        else "none, so every change counts one tier higher",
        holdout_uses=target.holdout_uses,
        metrics=tuple(_metric(metric, primary=metric is manifest.primary) for metric in manifest.metrics),
        warnings=tuple(target.warnings),
        manifest=manifest.text,
        releases=_releases(targets.champions(target.pk), target.champion_commit),
        runs=run_lists.lines(recent),
        may_start=may(person, Right.START_RUN, target.pk),
        may_roll_back=may(person, Right.ROLL_BACK, target.pk),
        stream=stream_page.page(target, manifest, person),
    )


def import_page(row: TargetImport) -> ImportPage:
    """Return how an import stands."""
    return ImportPage(
        row.pk, row.state, row.message, row.target.name if row.target else "", row.name, row.asked_at, row.table_id
    )


def recent_imports(person: Person) -> tuple[ImportPage, ...]:
    """Return the newest imports that this person asked for."""
    return tuple(map(import_page, targets.imports(person)))


def import_roots(person: Person) -> tuple[str, ...]:
    """Return the directories of the server below which this person may import; none for most."""
    return tuple(map(str, installation.import_roots())) if may(person, Right.READ_SERVER) else ()


def strategies_page(packages: Iterable[StrategyPackage], person: Person) -> StrategiesPage:
    """Return the strategies that a run can use."""
    lines = (
        StrategyLine(
            one.name,
            one.version,
            one.description,
            tuple((name, _setting(value), one.help.get(name, "")) for name, value in one.parameters.items()),
        )
        for one in packages
    )
    return StrategiesPage(tuple(lines), may_start=may(person, Right.START_RUN))


def _setting(value: Setting) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _line(target: Target) -> TargetLine:
    return TargetLine(
        name=target.name,
        description=target.description,
        kind=target.kind,
        isolation=target.isolation,
        champion=words.number(target.champion_score),
        change=words.percent_change(target.champion_score, target.start_score),
        tone=_tone(target),
        commit=target.champion_commit,
        runs=target.run_count,  # type: ignore[attr-defined]  # annotated by the selector
        waiting=target.open_review_count,  # type: ignore[attr-defined]  # annotated by the selector
    )


def _moving(target: Target) -> str:
    """Return what is under way; only a rollback is carried out under a stop."""
    release = targets.release_in_flight(target.pk)
    if release is None:
        return ""
    return _WAITS if system.halted() and release.kind == "release" else _MOVING


def _tone(target: Target) -> str:
    return words.tone_of(words.improves(target.champion_score, target.start_score, target.better))


def _limits(manifest: Manifest) -> str:
    limits = manifest.evaluate
    return f"{limits.seconds:g} s, {limits.memory_mb:,} MB, {counted(limits.cpus, 'processor')}"


def _metric(metric: Metric, *, primary: bool) -> MetricLine:
    rules = [f"differences up to {metric.epsilon:g} do not count"] if metric.epsilon else []
    rules += [f"may worsen by at most {metric.guard:g}"] if metric.guard is not None else []
    rules += [f"beyond {metric.bound:g} a score is quarantined"] if metric.bound is not None else []
    return MetricLine(metric.name, metric.better, metric.unit, "; ".join(rules), primary)


def _releases(rows: Sequence[Release], champion: str) -> tuple[ReleaseLine, ...]:
    return tuple(_release(row, champion) for row in rows)


def _release(row: Release, champion: str) -> ReleaseLine:
    kind, tone, icon = _KINDS[row.kind]
    current = row.commit == champion
    return ReleaseLine(
        kind=kind,
        tone=tone,
        icon=icon,
        commit=row.commit,
        score=words.number(row.score),
        candidate=row.candidate_id,
        by=_by(row),
        reason=row.reason,
        self_countersigned=row.self_countersigned,
        at=row.finished_at or row.created_at,
        current=current,
        rollback_to="" if current else row.commit,
    )


def _by(row: Release) -> str:
    names = ", ".join(targets.moved_by(row))
    if row.kind == "release":
        return f"countersigned by {names}"
    return f"{names}, back to {row.ordered_commit[:7]}" if row.kind == "rollback" else names
