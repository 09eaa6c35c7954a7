"""The evaluators of a target: what measures a candidate for the loop, and the holdout that the loop never sees."""

from __future__ import annotations

from dataclasses import dataclass

from improvement.engine.named_files import checked_path, read_module
from improvement.engine.stages import MOST_CASES, EarlyStage, read_stages
from improvement.engine.tables import Table

ISOLATIONS = ("separate", "cooperative")
PROTOCOLS = {"countersign": "separate", "program": "separate", "openevolve": "cooperative", "shinka": "cooperative"}
"""Each protocol, and the isolation that it can have."""
FEWEST_RACED = 3
EVALUATE_KEYS = (
    "module",
    "isolation",
    "protocol",
    "seconds",
    "memory_mb",
    "cpus",
    "packages",
    "visible",
    "preload",
    "counts",
    "cases",
    "stages",
    "give_up",
    "race",
)


@dataclass(frozen=True, slots=True)
class Evaluate:
    """How a candidate is measured, and with how much wall time (seconds), memory (MB) and how many processors.

    ``packages`` names modules that have to be installed (see ``extras``), ``preload`` modules that evaluator and
    candidate import anyway: sandboxes begin with them. ``counts`` names the metric in which the evaluator says how
    often the candidate asked the objective; empty where none does.

    A measurement is the mean over ``cases``, each of ``seconds``; ``stages`` come before it. A candidate is given up
    once it cannot come within ``give_up`` of the champion any more, or is worse by more than that on each of the first
    ``race`` cases.
    """

    module: str
    isolation: str = "separate"
    protocol: str = "countersign"
    seconds: float = 30.0
    memory_mb: int = 1024
    cpus: int = 1
    visible: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    counts: str = ""
    packages: tuple[str, ...] = ()
    cases: int = 1
    stages: tuple[EarlyStage, ...] = ()
    give_up: float | None = None
    race: int | None = None

    @property
    def longest_seconds(self) -> float:
        """The wall time that one measurement may take with all its stages and cases."""
        return self.seconds * self.cases + sum(stage.seconds * stage.cases for stage in self.stages)


@dataclass(frozen=True, slots=True)
class Holdout:
    """The evaluation that the loop never sees, and how many cases it has."""

    module: str
    cases: int = 1


def read_evaluate(table: Table) -> Evaluate:
    """Read how a candidate is measured; raises ManifestError."""
    protocol = table.one_of("protocol", tuple(PROTOCOLS), "countersign")
    seconds = float(table.number("seconds", 30.0, least=0.1, most=86_400))
    cases = table.whole("cases", 1, least=1, most=MOST_CASES)
    evaluate = Evaluate(
        module=read_module(table),
        isolation=table.one_of("isolation", ISOLATIONS, "separate"),
        protocol=protocol,
        seconds=seconds,
        memory_mb=table.whole("memory_mb", 1024, least=32, most=1_048_576),
        cpus=table.whole("cpus", 1, least=1, most=256),
        packages=_module_names(table, "packages"),
        visible=table.texts("visible", ()),
        preload=_module_names(table, "preload"),
        counts=table.text("counts", ""),
        cases=cases,
        stages=read_stages(table, protocol=protocol, seconds=seconds),
        give_up=float(table.number("give_up", least=0.0)) if "give_up" in table.values else None,
        race=table.whole("race", least=FEWEST_RACED, most=MOST_CASES) if "race" in table.values else None,
    )
    _check(table, evaluate)
    return evaluate


def _check(table: Table, evaluate: Evaluate) -> None:
    for pattern in evaluate.visible:
        checked_path(table, "visible", pattern)
    if evaluate.counts and not evaluate.counts.isidentifier():
        raise table.error("counts", f'has to be a metric\'s name such as "calls"; found "{evaluate.counts[:40]}".')
    needed = PROTOCOLS[evaluate.protocol]
    if evaluate.isolation != needed:
        raise table.error("isolation", f'has to be "{needed}" when evaluate.protocol is "{evaluate.protocol}".')
    if evaluate.give_up is not None and evaluate.cases == 1:
        raise table.error("give_up", "needs several cases to give up between. Write cases = 8, for instance.")
    if evaluate.race is not None and (evaluate.give_up is None or evaluate.race >= evaluate.cases):
        raise table.error("race", "needs give_up beside it, and has to be less than cases.")


def _module_names(table: Table, key: str) -> tuple[str, ...]:
    names = table.texts(key, ())
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise table.error(key, f'names "{name}", which is no module. Write names such as "numpy".')
    return names


def read_holdout(root: Table) -> Holdout | None:
    """Read the holdout of a whole manifest, where it has one; raises ManifestError."""
    if "holdout" not in root.values:
        return None
    table = root.table("holdout", ("module", "cases"))
    return Holdout(module=read_module(table), cases=table.whole("cases", 1, least=1, most=1000))
