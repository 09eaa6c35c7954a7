"""A stand-in for ``shinka.core.wrap_eval``, for ShinkaEvolve tasks that run here unmodified.

Functions that the evaluator hands to the program are counted as they are called: a program that never asks the
objective knew its answer.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import time
from itertools import count
from types import BuiltinFunctionType, FunctionType, MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

COUNTED = (FunctionType, MethodType, BuiltinFunctionType)
VALUES = (int, float, complex, str, bytes)
MADE_BY_A_PROGRAM = 1 << 9  # Py_TPFLAGS_HEAPTYPE: the type was made by running Python, not by compiling C
DEPTH = 3

_asked = count().__next__
_handed: list[str] = []


def objective_calls() -> int | None:
    """Return how often functions that were handed to the program were called; None when none was handed over."""
    return _asked() if _handed else None


def load_program(program_path: str) -> ModuleType:
    """Import the file at ``program_path`` as a module of its own."""
    spec = importlib.util.spec_from_file_location("program", program_path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{program_path} cannot be imported as a Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def save_json_results(results_dir: str, metrics: dict[str, Any], correct: bool, error: str | None = None) -> None:
    """Write ``correct.json`` and ``metrics.json`` into ``results_dir``."""
    os.makedirs(results_dir, exist_ok=True)
    for name, value in (("correct", {"correct": correct, "error": error}), ("metrics", metrics)):
        with open(os.path.join(results_dir, f"{name}.json"), "w", encoding="utf-8") as file:
            json.dump(value, file, indent=4)


def run_shinka_eval(
    program_path: str,
    results_dir: str,
    experiment_fn_name: str,
    num_runs: int,
    get_experiment_kwargs: Callable[[int], dict[str, Any]] | None = None,
    aggregate_metrics_fn: Callable[[list[Any]], dict[str, Any]] | None = None,
    validate_fn: Callable[[Any], tuple[bool, str | None]] | None = None,
    plotting_fn: Callable[[Any], Any] | None = None,
    default_metrics_on_error: dict[str, Any] | None = None,
    **unused: Any,
) -> tuple[dict[str, Any], bool, str | None]:
    """Call the program's function ``num_runs`` times, validate and aggregate the results, and write both files.

    Early stopping, parallel runs and plots (``unused``) are left out: every run is made, one after the other.
    """
    problems: list[str] = []
    try:
        experiment = getattr(load_program(program_path), experiment_fn_name)
        results, seconds = _runs(experiment, num_runs, get_experiment_kwargs)
        problems = _problems(results, validate_fn)
        metrics = aggregate_metrics_fn(results) if aggregate_metrics_fn else {"num_successful_runs": len(results)}
        metrics.update(_times(seconds))
        if validate_fn:
            metrics.update(_counts(len(results), problems))
        error = _why(None, problems) if problems else _not_a_number(metrics)
    except Exception as caught:
        print(f"Evaluation error: {caught}")  # noqa: T201 - the evaluation's log
        metrics, error = {"combined_score": 0.0, **(default_metrics_on_error or {})}, _why(caught, problems)
    metrics.pop("extra_data", None)
    save_json_results(results_dir, metrics, error is None, error)
    return metrics, error is None, error


def _runs(
    experiment: Callable[..., Any], runs: int, kwargs_of: Callable[[int], dict[str, Any]] | None
) -> tuple[list[Any], list[float]]:
    results, seconds = [], []
    for index in range(runs):
        kwargs = kwargs_of(index) if kwargs_of else {"seed": index + 1}
        kwargs = {name: _counted(name, value) for name, value in kwargs.items()}
        began_at = time.perf_counter()
        results.append(experiment(**kwargs))
        seconds.append(time.perf_counter() - began_at)
        _refuse_own_kinds(results[-1], DEPTH)
    return results, seconds


def _refuse_own_kinds(value: Any, depth: int) -> None:
    """Raise TypeError for numbers and texts of a kind of its own: their sums and comparisons run the program's code."""
    kind = type(value)
    if isinstance(value, VALUES) and kind.__flags__ & MADE_BY_A_PROGRAM:
        raise TypeError(f"the result holds one {kind.__name__}, which only looks like a number or a text")
    if depth and kind in {list, tuple, dict}:
        for one in [*value.values()] if kind is dict else value:
            _refuse_own_kinds(one, depth - 1)


def _counted(name: str, value: Any) -> Any:
    """Let calls of a function be counted; whatever else can be called may have parts of its own, and stays."""
    if not isinstance(value, COUNTED):
        return value
    _handed.append(name)

    def objective(*args: Any, **kwargs: Any) -> Any:
        _asked()
        return value(*args, **kwargs)

    return objective


def _why(caught: Exception | None, problems: list[str]) -> str:
    """What is wrong with the results themselves says more than what broke because of it."""
    return f"Validation failed: {problems[0]}" if problems else str(caught) or repr(caught)


def _problems(results: list[Any], validate: Callable[[Any], tuple[bool, str | None]] | None) -> list[str]:
    verdicts = [validate(result) for result in results] if validate else []
    return [str(message or "the result is not valid") for valid, message in verdicts if not valid]


def _times(seconds: list[float]) -> dict[str, float]:
    mean = sum(seconds) / len(seconds) if seconds else 0.0
    spread = math.sqrt(sum((one - mean) ** 2 for one in seconds) / len(seconds)) if seconds else 0.0
    return {"execution_time_mean": mean, "execution_time_std": spread}


def _counts(runs: int, problems: list[str]) -> dict[str, Any]:
    return {
        "num_valid_runs": runs - len(problems),
        "num_invalid_runs": len(problems),
        "all_validation_errors": list(dict.fromkeys(problems)),
    }


def _not_a_number(metrics: dict[str, Any]) -> str | None:
    score = metrics.get("combined_score", 0.0)
    return None if math.isfinite(score) else f"combined_score is {score}"
