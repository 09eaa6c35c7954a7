"""The stages of evaluation: the four that every target has, and cheaper ones before the full measurement."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from improvement.engine.tables import Table

MOST_STAGES, MOST_CASES = 8, 1000
_ADDING_UP = "openevolve"
_KEYS = ("name", "threshold", "cases", "seconds")


class Stage(StrEnum):
    """Why an evaluation is made; only ``MEASURE`` counts against a run's budget."""

    SCREEN = "screen"
    MEASURE = "measure"
    CONFIRM = "confirm"
    HOLDOUT = "holdout"


@dataclass(frozen=True, slots=True)
class EarlyStage:
    """A cheaper stage before the full measurement.

    ``threshold`` is the score (the mean over ``cases``) that a candidate needs to go on, ``seconds`` the wall time of
    each case.
    """

    name: str
    threshold: float
    cases: int
    seconds: float


def read_stages(table: Table, *, protocol: str, seconds: float) -> tuple[EarlyStage, ...]:
    """Read the stages of an evaluator in their order; raises ManifestError."""
    if "stages" not in table.values:
        return ()
    if protocol == "shinka":
        raise table.error("stages", "cannot be used with the protocol shinka. Remove them.")
    entries = table.items("stages")
    if not 1 <= len(entries) <= MOST_STAGES:
        said = f"has to be 1 to {MOST_STAGES} tables. Leave it out, or write each as [[evaluate.stages]]."
        raise table.error("stages", said)
    stages = tuple(_stage(table, number, entry, seconds) for number, entry in enumerate(entries, start=1))
    _check_names(table, stages, protocol)
    return stages


def function_of(protocol: str, place: int) -> str:
    """Name the function that the stage at a place, counted from 0, calls; empty where all stages call the same."""
    return f"evaluate_stage{place + 1}" if protocol == _ADDING_UP else ""


def adds_up(protocol: str) -> bool:
    """Tell whether the numbers of every stage are part of the result, as OpenEvolve has it."""
    return protocol == _ADDING_UP


def _stage(table: Table, number: int, entry: object, seconds: float) -> EarlyStage:
    if not isinstance(entry, dict):
        raise table.error("stages", "has to be tables. Write each as [[evaluate.stages]].")
    stage = Table(entry, where=table.where, path=f"{table.dotted('stages')}[{number}]", known=_KEYS)
    return EarlyStage(
        name=stage.text("name"),
        threshold=float(stage.number("threshold")),
        cases=stage.whole("cases", 1, least=1, most=MOST_CASES),
        seconds=float(stage.number("seconds", seconds, least=0.1, most=86_400)),
    )


def _check_names(table: Table, stages: tuple[EarlyStage, ...], protocol: str) -> None:
    names = [stage.name for stage in stages]
    for place, name in enumerate(names):
        wanted = function_of(protocol, place)
        if wanted and name != wanted:
            raise table.error("stages", f'has to name "{wanted}" at place {place + 1}; found "{name[:40]}".')
        if not name.isidentifier() or len(name) > 40 or name in set(Stage) or names.count(name) > 1:
            taken = ", ".join(Stage)
            raise table.error(
                "stages", f'cannot hold a stage "{name[:40]}". Use a word of its own, not one of {taken}.'
            )
