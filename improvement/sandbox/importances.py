"""Weighing parameters by what they had to do with the score, in the sandbox, where Optuna is.

PED-ANOVA: S. Watanabe, A. Bansal, F. Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary
Subspaces" (IJCAI 2023).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from improvement.engine.space import Parameter
from improvement.exceptions import TargetError
from improvement.sandbox.limits import Limits
from improvement.sandbox.program import Program
from improvement.sandbox.result import BadResult, read
from improvement.sandbox.runner import run

LIMITS = Limits(seconds=180, cpu_seconds=120, memory_mb=1024)
MOST_TRIALS = 2000
"""More are thinned out evenly: what matters does not change with them, and time does."""

Trial = tuple[Mapping[str, Any], float]
"""Values by name, and the score."""

_PROGRAM = """\
import json
import warnings

warnings.simplefilter("ignore")
import optuna
from optuna import distributions as kinds

optuna.logging.disable_default_handler()
told = json.load(open("/job/trials.json"))
trials = told["trials"]


def kind_of(one, found):
    if one["type"] in ("choice", "bool"):
        return kinds.CategoricalDistribution(sorted(set(found), key=repr))
    low, high = min(one["low"], *found), max(one["high"], *found)
    log = one["log"] and low > 0
    if one["type"] == "int":
        return kinds.IntDistribution(round(low), round(high), log=log)
    return kinds.FloatDistribution(low, high, log=log)


space = {}
for one in told["space"]:
    found = [values.get(one["name"]) for values, _ in trials]
    if None not in found and len(set(found)) > 1:
        space[one["name"]] = kind_of(one, found)
shares = {}
if space:
    study = optuna.create_study(direction=told["direction"])
    study.add_trials(
        optuna.trial.create_trial(params={name: values[name] for name in space}, distributions=space, value=score)
        for values, score in trials
    )
    weigh = optuna.importance.PedAnovaImportanceEvaluator()
    shares = optuna.importance.get_param_importances(study, evaluator=weigh, params=list(space))
print(json.dumps({"shares": shares}), flush=True)
"""


def weigh(space: Sequence[Parameter], trials: Sequence[Trial], *, sign: float) -> dict[str, float]:
    """Return the share that each parameter had in what tells the best tenth of the trials from all, the largest first.

    Parameters that some trial does not set, or that are the same in all, have none; ``sign`` is -1.0 where lower scores
    are better. Raises TargetError when there is no answer, SandboxUnavailable where there is no sandbox.
    """
    step = -(-len(trials) // MOST_TRIALS)
    told = {
        "space": [asdict(one) for one in space],
        "trials": [(dict(values), score) for values, score in trials[:: max(step, 1)]],
        "direction": "maximize" if sign > 0 else "minimize",
    }
    files = {"main.py": _PROGRAM.encode(), "trials.json": json.dumps(told).encode()}
    ended = run(Program("script", files=files, arguments=("main.py",)), limits=LIMITS)
    try:
        answer = read(ended.lines[0], max_bytes=1 << 20) if ended.lines else {}
    except BadResult:
        answer = {}
    shares = answer.get("shares") if isinstance(answer, dict) else None
    if not isinstance(shares, dict):
        raise TargetError(f"The parameters could not be weighed: {ended.cause}.")
    return {str(name): float(share) for name, share in sorted(shares.items(), key=lambda item: -float(item[1]))}
