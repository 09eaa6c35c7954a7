"""OpenEvolve's task format: ``initial_program.*``, ``evaluator.py`` and ``config.yaml``, and the manifest for it.

Source: the format as OpenEvolve 0.4 reads it (openevolve/config.py, openevolve/evaluator.py).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from improvement.engine import foreign
from improvement.engine.foreign import DEFAULT_SECONDS, MAX_SECONDS, settings, shown
from improvement.engine.stages import function_of
from improvement.engine.wording import listed
from improvement.exceptions import ManifestError

FORMAT = "OpenEvolve"
PROGRAM, EVALUATOR, CONFIG = "initial_program", "evaluator.py", "config.yaml"
_PROTOCOL = 'protocol = "openevolve"'
_THRESHOLDS = (0.5, 0.75, 0.9)  # OpenEvolve's default
MOST_STAGES = 3
_STAGED = (
    "The evaluator's stages are used, with the thresholds {}: a candidate that misses one is dropped there and has no "
    "score; where the champion itself misses it, nobody is dropped."
)
_IGNORED = {
    "llm": "the model settings",
    "prompt": "the prompt settings",
    "database": "the population settings",
    "max_iterations": "the number of iterations",
    "random_seed": "the seed",
}


def is_openevolve(tree: Mapping[str, bytes]) -> bool:
    """Tell whether a tree looks like an OpenEvolve task."""
    return EVALUATOR in tree and bool(foreign.programs(tree, PROGRAM))


def manifest_for(tree: Mapping[str, bytes], name: str) -> tuple[str, tuple[str, ...]]:
    """Write the manifest's text for an OpenEvolve task, and sentences on what differs there.

    Raises ManifestError when a file is missing, when there are several programs, or when the configuration is wrong.
    """
    program = foreign.one_program(tree, PROGRAM, called=FORMAT)
    foreign.check_evaluator(tree, EVALUATOR, called=FORMAT)
    config = settings(tree, CONFIG, example="max_iterations: 100")
    evaluator = _evaluator(config)
    seconds, thresholds = _seconds(evaluator), _thresholds(tree[EVALUATOR], evaluator)
    text = foreign.manifest(
        tree,
        name=name,
        called=FORMAT,
        protocol=_PROTOCOL,
        files=(EVALUATOR, program),
        seconds=seconds,
        thresholds=thresholds,
    )
    return text, tuple(_warnings(tree, program, config, seconds, thresholds))


def _evaluator(config: Mapping[str, object]) -> Mapping[str, object]:
    evaluator = config.get("evaluator")
    if evaluator is None:
        return {}
    if not isinstance(evaluator, dict):
        raise ManifestError(f'{CONFIG}: evaluator has to hold settings such as "timeout: 60". Correct it.')
    return evaluator


def _seconds(evaluator: Mapping[str, object]) -> float:
    seconds = evaluator.get("timeout", DEFAULT_SECONDS)
    if not foreign.is_seconds(seconds):
        raise ManifestError(
            f"{CONFIG}: evaluator.timeout has to be a number of seconds from 0.1 to {MAX_SECONDS}; "
            f"found {shown(seconds)}. Correct it."
        )
    return float(seconds)


def _thresholds(source: bytes, evaluator: Mapping[str, object]) -> tuple[float, ...]:
    """Return what a program needs to go on after each stage but the last, as OpenEvolve would ask for it.

    As there, a threshold that is missing is one that nothing passes: no stage follows it.
    """
    stages = _stages(source)
    thresholds = evaluator.get("cascade_thresholds", list(_THRESHOLDS))
    if evaluator.get("cascade_evaluation", True) is False or len(stages) < 2:
        return ()
    if not isinstance(thresholds, list) or not thresholds or not all(foreign.is_number(one) for one in thresholds):
        raise ManifestError(
            f"{CONFIG}: evaluator.cascade_thresholds has to be a list of numbers such as [0.5, 0.75]; "
            f"found {shown(thresholds)}. Correct it."
        )
    return tuple(float(one) for one in thresholds[: len(stages) - 1])


def _stages(source: bytes) -> list[str]:
    """The stage functions that an evaluator defines, up to the first that it does not."""
    try:
        defined = {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    names = [function_of("openevolve", place) for place in range(MOST_STAGES)]
    return names[: next((place for place, name in enumerate(names) if name not in defined), MOST_STAGES)]


def _warnings(
    tree: Mapping[str, bytes],
    program: str,
    config: Mapping[str, object],
    seconds: float,
    thresholds: Sequence[float],
) -> Iterator[str]:
    if CONFIG not in tree:
        yield f"There is no {CONFIG}, so OpenEvolve's defaults hold: an evaluation may take {seconds:g} seconds."
    else:
        yield f"An evaluation may take {seconds:g} seconds, {_origin(config)}."
    if ignored := [f"{key} ({what})" for key, what in _IGNORED.items() if key in config]:
        yield f"These parts of {CONFIG} are not used here: {', '.join(ignored)}."
    if thresholds:
        yield _STAGED.format(listed([f"{one:g}" for one in thresholds]))
    elif _stages(tree[EVALUATOR]):
        yield "The evaluator's stages are not used: every evaluation calls evaluate() alone."
    yield from foreign.warnings(tree, program)


def _origin(config: Mapping[str, object]) -> str:
    evaluator = config.get("evaluator")
    given = isinstance(evaluator, dict) and "timeout" in evaluator
    return f"as {CONFIG} says" if given else "OpenEvolve's default"
