"""Inspecting a target before a run: can it be measured, is it repeatable, do its cheats fail, how long does it take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from improvement.engine import extras
from improvement.engine.cascade import Step, is_missed
from improvement.engine.cheats import cheat_files, check_cheats
from improvement.engine.generation import score_of
from improvement.engine.manifest import Manifest, Metric
from improvement.engine.measurement import Measurement, Stage, Task
from improvement.engine.wording import counted
from improvement.exceptions import CountersignError, TargetError
from improvement.models import Target
from improvement.runner import heads
from improvement.runner.measuring import measure_now
from improvement.sandbox import levels
from improvement.selectors import targets
from improvement.selectors.targets import task_at

SEEDS = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; ``detail`` says what was found, and what to do where it is not ``ok``."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found: the checks, the champion's score by seed, and the mean wall time of an evaluation in seconds."""

    checks: tuple[Check, ...]
    scores: Mapping[int, float]
    seconds: float
    repeatable: bool

    @property
    def ok(self) -> bool:
        """Whether a run can start."""
        return all(check.ok for check in self.checks)


def inspect(target: Target) -> Inspection:
    """Measure a target's champion twice on three seeds, its cheats and its holdout; writes nothing anywhere.

    Raises ``SandboxUnavailable`` where nothing may be evaluated, ``TargetError`` when the manifest cannot be read.
    """
    levels.require(settings.SANDBOX_MIN_LEVEL)
    task = task_at(target.name, target.champion_commit)
    extras.check_modules(task.manifest.evaluate.packages, needed_by=f"The target {target.name}")
    manifest = Check(
        "manifest", True, f"{counted(len(task.editable), 'editable file')}, metric {task.manifest.primary.name}"
    )
    branch = _branch(target, heads.head_of(target.name))
    pairs = {
        seed: tuple(measure_now(task, task.editable, stage=Stage.MEASURE, seed=seed) for _ in "12") for seed in SEEDS
    }
    measured = [one for pair in pairs.values() for one in pair]
    failed = next((one for one in measured if score_of(task.manifest, one) is None), None)
    if failed is not None:
        return Inspection((manifest, branch, _evaluator_failed(failed)), {}, 0.0, False)
    scores = {
        seed: score for seed, (first, _) in pairs.items() if (score := score_of(task.manifest, first)) is not None
    }
    seconds = sum(one.seconds for one in measured) / len(measured)
    repeatable = all(first.metrics == second.metrics for first, second in pairs.values())
    apart = max(_apart(task.manifest, first, second) for first, second in pairs.values())
    evaluator = Check("evaluator", True, f"the champion scores {scores[SEEDS[0]]:.6g} on seed {SEEDS[0]}")
    checks = (
        manifest,
        branch,
        evaluator,
        _repeats(task.manifest.primary, scores, apart, repeatable=repeatable),
        _time(task, measured),
        *_stages(task.manifest.primary, measured[0].steps),
        _cheats(task, scores),
        _holdout(task),
    )
    return Inspection(checks, scores, seconds, repeatable)


def _branch(target: Target, head: str) -> Check:
    if head == target.champion_commit:
        return Check("repository", True, f"its branch is at the champion {head[:9]}")
    advice = (
        f"its branch {targets.how_strayed(head)}, so no release and no run begins: target restore {target.name} "
        f"puts it back at the champion {target.champion_commit[:9]}"
    )
    if head != targets.MISSING:
        advice += f"; target pull {target.name} does so too, and makes a candidate of what was put there"
    return Check("repository", False, advice)


def _evaluator_failed(measurement: Measurement) -> Check:
    return Check(
        "evaluator", False, f"the champion itself cannot be measured: {measurement.message} Mend the evaluator."
    )


def _apart(manifest: Manifest, first: Measurement, second: Measurement) -> float:
    """How far apart the primary scores of two measurements lie."""
    return abs((score_of(manifest, first) or 0.0) - (score_of(manifest, second) or 0.0))


def _repeats(metric: Metric, scores: Mapping[int, float], apart: float, *, repeatable: bool) -> Check:
    """Judge whether the same seed gives the same score, or one that differs by less than matters, as times do."""
    if not repeatable and (apart == 0 or apart > metric.epsilon):
        advice = (
            "the same seed gives different scores: take every random choice of the evaluator from its seed argument"
        )
        return Check("determinism", False, advice)
    spread = max(scores.values()) - min(scores.values())
    depends = (
        "it does not depend on the seed" if spread == 0 else f"over {len(scores)} seeds it spreads by {spread:.3g}"
    )
    if repeatable:
        return Check("determinism", True, f"the same seed gives the same score; {depends}")
    near = f"the same seed gives scores up to {apart:.2g} apart, and only {metric.epsilon:g} matters"
    return Check("determinism", True, f"{near}; {depends}")


def _time(task: Task, measured: list[Measurement]) -> Check:
    slowest, allowed = max(one.seconds for one in measured), task.manifest.evaluate.longest_seconds
    mean = sum(one.seconds for one in measured) / len(measured)
    detail = f"{mean:.2f} s for an evaluation, at most {slowest:.2f} s of {allowed:g} s"
    if slowest > 0.8 * allowed:
        return Check("time", False, f"{detail}: raise evaluate.seconds, or slower candidates fail for that alone")
    return Check("time", True, detail)


def _stages(metric: Metric, steps: Sequence[Step]) -> tuple[Check, ...]:
    """Say which stages drop candidates: not those that the champion itself misses."""
    early = [step for step in steps if step.threshold is not None]
    if not early:
        return ()
    said = [f"{step.stage} needs {step.threshold:.6g}" + _of_champion(metric, step) for step in early]
    return (Check("stages", True, "; ".join(said)),)


def _of_champion(metric: Metric, step: Step) -> str:
    if step.score is None or not is_missed(metric, step):
        return ""
    return f", which the champion misses ({step.score:.6g}), so it drops nobody"


def _cheats(task: Task, scores: Mapping[int, float]) -> Check:
    if not task.manifest.cheats:
        return Check("cheats", True, "none are declared; [cheats] names programs that must never pay")
    start = scores[SEEDS[0]]

    def try_them() -> str:
        answers = {
            cheat.name: score_of(
                task.manifest, measure_now(task, cheat_files(task, cheat), stage=Stage.SCREEN, seed=SEEDS[0])
            )
            for cheat in task.manifest.cheats
        }
        check_cheats(task.manifest.primary, start, answers)
        verb = "scores" if len(answers) == 1 else "score"
        return f"{counted(len(answers), 'known cheat')} {verb} no better than the champion"

    return _tried("cheats", try_them)


def _holdout(task: Task) -> Check:
    holdout = task.manifest.holdout
    if holdout is None:
        return Check("holdout", True, "there is none, so every candidate counts as a higher risk; [holdout] adds one")

    def try_them() -> str:
        for case in range(holdout.cases):
            answer = measure_now(task, task.editable, stage=Stage.HOLDOUT, seed=SEEDS[0], case=case)
            if score_of(task.manifest, answer) is None:
                raise TargetError(
                    f"case {case} cannot be measured on the champion: {answer.message} Mend {holdout.module}."
                )
        return f"{counted(holdout.cases, 'case')}, used in {holdout.module}"

    return _tried("holdout", try_them)


def _tried(name: str, attempt: Callable[[], str]) -> Check:
    try:
        return Check(name, True, attempt())
    except CountersignError as error:
        return Check(name, False, error.message)
