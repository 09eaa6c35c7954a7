"""The yes-or-no side of a piece of evidence: what must hold, and what a reviewer has to be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from improvement.engine.answers import known_answers
from improvement.engine.exhibits import (
    LEVEL,
    HoldoutRow,
    HoldoutVerdict,
    MetricRow,
    Pair,
    Role,
    Selection,
    candidate_failures,
    is_blind_to_seeds,
    usable,
)
from improvement.engine.findings import Finding, Severity, in_source
from improvement.engine.manifest import Manifest
from improvement.engine.measurement import EVALUATOR_CHANGED, TAMPERED, Measurement

WORN_HOLDOUT = 20  # uses after which a holdout has leaked enough through people's decisions to be worth saying


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked, whether it holds, and a sentence saying so."""

    name: str
    ok: bool
    text: str


@dataclass(frozen=True)
class Material:
    """Everything that evidence is made from, as plain values.

    ``base`` names the commit that the champion stands at, ``base_files`` and ``files`` are all editable files of
    champion and candidate. ``evaluator_digest`` is what every measurement must carry, ``required_level`` the sandbox
    level, ``confirm_level`` the level of the interval that decides. ``score`` is the candidate's measure score;
    ``holdout_uses`` counts earlier uses of this holdout, ``tries`` the candidates of the run measured until now, and
    ``confirmations`` those confirmed, this one included.
    ``protected`` are the files that score a candidate, as far as they are text, path to text.
    ``cleared`` says that a person takes a score beyond the declared bound for possible.
    """

    manifest: Manifest
    base: str
    base_files: Mapping[str, str]
    files: Mapping[str, str]
    patch_digest: str
    evaluator_digest: str
    score: float
    confirm: tuple[Pair, ...]
    holdout: tuple[Pair, ...] = ()
    holdout_uses: int = 0
    tries: int = 1
    confirmations: int = 1
    protected: Mapping[str, str] = field(default_factory=dict)
    cleared: bool = False
    required_level: int = 3
    confirm_level: float = LEVEL

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Every pair in the material."""
        return (*self.confirm, *self.holdout)

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """Every measurement in the material."""
        return tuple(one for pair in self.pairs for one in (pair.candidate, pair.champion))

    @property
    def sandbox_level(self) -> int:
        """The weakest sandbox that any of it was measured in; 0 when nothing was measured."""
        return min((one.level for one in self.measurements), default=0)

    @property
    def is_cooperative(self) -> bool:
        """Whether candidate code shared a process with its scoring."""
        return any(one.isolation != "separate" for one in self.measurements)

    @property
    def evaluator_held(self) -> bool:
        """Whether every measurement was made by the evaluator that the task names, unchanged to its end."""
        return all(
            one.evaluator_digest == self.evaluator_digest and one.cause != EVALUATOR_CHANGED
            for one in self.measurements
        )


def checks(material: Material, rows: Sequence[MetricRow], holdout: HoldoutRow) -> tuple[Check, ...]:
    """List what was checked, in the order in which a reviewer should read it."""
    return (
        _in_bounds(material),
        _evaluator(material),
        _sandbox(material),
        _isolation(material),
        _no_failure(material),
        *(_guard(material, rows, name) for name in _guards(material.manifest)),
        _holdout(holdout),
    )


def findings(
    material: Material, rows: Sequence[MetricRow], selection: Selection, holdout: HoldoutRow
) -> tuple[Finding, ...]:
    """List what a reviewer should know, the gravest first."""
    found = [
        *_about_trust(material),
        *_about_numbers(material),
        *_about_calls(material),
        *_about_selection(material, rows, selection),
        *_about_guards(material, rows),
        *_about_holdout(material, rows, holdout),
        *in_source(material.base_files, material.files),
        *known_answers(material.base_files, material.files, material.protected),
    ]
    order = list(Severity)
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))


def _outside(material: Material) -> list[str]:
    return sorted(path for path in material.files if not material.manifest.is_editable(path))


def _in_bounds(material: Material) -> Check:
    outside = _outside(material)
    text = (
        f"It touches {', '.join(outside)}, which may not be edited." if outside else "Only editable files are changed."
    )
    return Check("files in bounds", not outside, text)


def _evaluator(material: Material) -> Check:
    if material.evaluator_held:
        return Check("evaluator untouched", True, f"Every measurement used evaluator {material.evaluator_digest[:12]}.")
    return Check("evaluator untouched", False, "Some measurements were made by another evaluator than the target's.")


def _sandbox(material: Material) -> Check:
    level, needed = material.sandbox_level, material.required_level
    return Check("sandbox level", level >= needed, f"Measured at sandbox level {level}; at least {needed} is required.")


def _isolation(material: Material) -> Check:
    if material.is_cooperative:
        return Check("isolation", False, "The candidate shares a process with its scoring: a cooperative score.")
    return Check("isolation", True, "The candidate runs apart from its scoring.")


def _no_failure(material: Material) -> Check:
    failed = candidate_failures(material.manifest.primary.name, material.confirm)
    if failed:
        return Check("no failed confirmation", False, f"{len(failed)} of {len(material.confirm)} confirmations failed.")
    return Check("no failed confirmation", True, f"All {len(material.confirm)} confirmations answered.")


def _holdout(holdout: HoldoutRow) -> Check:
    if holdout.verdict is HoldoutVerdict.NONE:
        return Check("holdout", False, "There is no holdout.")
    if holdout.verdict is HoldoutVerdict.NOT_ASKED:
        return Check("holdout", True, "The holdout was not asked: it judges only what is better so far.")
    agrees = holdout.verdict is HoldoutVerdict.AGREES
    return Check("holdout", agrees, f"The holdout ({holdout.cases} cases) {holdout.verdict.value}.")


def _guards(manifest: Manifest) -> dict[str, float]:
    return {metric.name: metric.guard for metric in manifest.metrics if metric.guard is not None}


def _guard(material: Material, rows: Sequence[MetricRow], name: str) -> Check:
    allowed, row = _guards(material.manifest)[name], _row(rows, name)
    if row is None:
        return Check(f"guard {name}", False, f"{name} was not measured.")
    ok = row.n == len(material.confirm) and row.low >= -allowed
    text = f"{name} changes by {row.mean:+.4g} (from {row.low:+.4g}); it may worsen by at most {allowed:.4g}."
    return Check(f"guard {name}", ok, text)


def _row(rows: Sequence[MetricRow], name: str) -> MetricRow | None:
    return next((row for row in rows if row.name == name and row.role is not Role.TIME), None)


def _about_trust(material: Material) -> Iterator[Finding]:
    outside = _outside(material)
    if outside:
        yield Finding("out_of_bounds", Severity.BLOCK, f"It touches {', '.join(outside)}, which may not be edited.")
    if not material.evaluator_held:
        text = (
            "A measurement was made by another evaluator than the target's, or by one that changed meanwhile: the "
            "numbers do not belong together."
        )
        yield Finding("evaluator_changed", Severity.BLOCK, text)
    tampered = next((pair.candidate for pair in material.pairs if pair.candidate.cause == TAMPERED), None)
    if tampered is not None:
        yield Finding("tampered", Severity.BLOCK, tampered.message)
    if material.sandbox_level < material.required_level:
        text = f"Measured at sandbox level {material.sandbox_level}; level {material.required_level} is required."
        yield Finding("sandbox_level", Severity.BLOCK, text)
    if material.is_cooperative:
        text = "The score is cooperative: candidate code ran in the process that scores it and could have changed it."
        yield Finding("cooperative", Severity.SECOND_PERSON, text)


def _about_numbers(material: Material) -> Iterator[Finding]:
    metric, pairs = material.manifest.primary, material.confirm
    if metric.bound is not None and metric.sign * (_best(material) - metric.bound) > metric.epsilon:
        text = f"A score of {_best(material):.10g} is beyond {metric.bound:.10g}, the best that can be true."
        if material.cleared:
            yield Finding("above_bound", Severity.SECOND_PERSON, f"{text} A person cleared it all the same.")
        else:
            yield Finding("above_bound", Severity.BLOCK, text)
    failed = candidate_failures(metric.name, pairs)
    if failed:
        cause = failed[0].candidate.message or failed[0].candidate.cause
        yield Finding("confirm_failed", Severity.BLOCK, f"{len(failed)} confirmations failed; the first: {cause}")
    lost = len(pairs) - len(failed) - len(usable(metric.name, pairs))
    if lost:
        text = f"The champion itself gave no answer on {lost} of {len(pairs)} seeds; those pairs do not count."
        yield Finding("champion_failed", Severity.NOTE, text)
    if is_blind_to_seeds(metric.name, pairs):
        text = "The candidate scores the same on every seed although the champion's score varies: is the answer fixed?"
        yield Finding("blind_to_seeds", Severity.SECOND_PERSON, text)


def _about_calls(material: Material) -> Iterator[Finding]:
    """A program that never asks the objective, or hides a count that the champion has, knew its answer."""
    name = material.manifest.evaluate.counts
    pairs = usable(material.manifest.primary.name, material.confirm)
    silent = [pair for pair in pairs if name and _is_silent(name, pair)]
    if silent:
        text = (
            f"On {len(silent)} of {len(pairs)} seeds it never asked the objective ({name} is 0 or missing): "
            "its answer comes from elsewhere."
        )
        yield Finding("no_calls", Severity.SECOND_PERSON, text)


def _is_silent(name: str, pair: Pair) -> bool:
    calls, usual = pair.candidate.metrics.get(name), pair.champion.metrics.get(name, 0.0)
    return usual > 0 if calls is None else calls <= 0


def _about_selection(material: Material, rows: Sequence[MetricRow], selection: Selection) -> Iterator[Finding]:
    """One of many confirmations passes by chance; a score that fell on fresh seeds was chosen for its luck."""
    primary = next((row for row in rows if row.role is Role.PRIMARY), None)
    if primary is None or not primary.verdict.is_better:
        return
    if selection.p_value is not None and selection.p_value > 1 - LEVEL:
        text = (
            f"This is confirmation {selection.confirmations} of its run, and of many one passes by chance: counted "
            f"together, p is {selection.p_value:.2g}."
        )
        yield Finding("many_confirmations", Severity.NOTE, text)
    fell = material.manifest.primary.sign * (selection.measured - primary.candidate)
    if primary.p_value is not None and fell > abs(primary.mean):
        text = (
            f"It was chosen for a score of {selection.measured:.6g} and has {primary.candidate:.6g} on fresh seeds: "
            "more of what it was chosen for was luck than is left as gain."
        )
        yield Finding("chosen_for_luck", Severity.NOTE, text)


def _best(material: Material) -> float:
    metric = material.manifest.primary
    scores = [pair.candidate.metrics[metric.name] for pair in usable(metric.name, material.confirm)]
    return max((material.score, *scores), key=lambda score: metric.sign * score)


def _about_guards(material: Material, rows: Sequence[MetricRow]) -> Iterator[Finding]:
    for name, allowed in _guards(material.manifest).items():
        row = _row(rows, name)
        if row is None or row.n < len(material.confirm):
            yield Finding("guard_missing", Severity.BLOCK, f"{name} must not worsen, and was not measured every time.")
        elif row.mean < -allowed:
            text = f"{name} worsens by {-row.mean:.4g} {row.unit}".rstrip() + f"; at most {allowed:.4g} is allowed."
            yield Finding("guard_breached", Severity.BLOCK, text)
        elif row.low < -allowed:
            text = f"{name} may worsen by more than {allowed:.4g}: its interval goes down to {row.low:+.4g}."
            yield Finding("guard_uncertain", Severity.SECOND_PERSON, text)


def _about_holdout(material: Material, rows: Sequence[MetricRow], holdout: HoldoutRow) -> Iterator[Finding]:
    better = any(row.role is Role.PRIMARY and row.verdict.is_better for row in rows)
    if holdout.verdict is HoldoutVerdict.NOT_ASKED and better:
        yield Finding("holdout_not_asked", Severity.BLOCK, "It is better, and the holdout was not asked.")
    elif holdout.verdict is HoldoutVerdict.NONE:
        text = "There is no holdout: nothing shows that the gain goes beyond what the loop was measured on."
        yield Finding("no_holdout", Severity.SECOND_PERSON, text)
    elif holdout.failed_cases:
        text = f"The candidate fails {holdout.failed_cases} of {holdout.cases} holdout cases that the champion answers."
        yield Finding("holdout_failed", Severity.BLOCK, text)
    elif holdout.verdict is HoldoutVerdict.DISAGREES:
        yield _holdout_gap(material, holdout)
    if holdout.uses > WORN_HOLDOUT:
        text = f"This holdout was used {holdout.uses} times; every use tells the loop a little about it."
        yield Finding("holdout_worn", Severity.NOTE, text)


def _holdout_gap(material: Material, holdout: HoldoutRow) -> Finding:
    if holdout.mean is None:
        return Finding("holdout_gap", Severity.SECOND_PERSON, "Neither side answered any holdout case.")
    text = f"Better where the loop could look, but not on the holdout (mean difference {holdout.mean:+.4g})."
    clearly = holdout.high is not None and holdout.high < -material.manifest.primary.epsilon
    return Finding("holdout_gap", Severity.BLOCK if clearly else Severity.SECOND_PERSON, text)
