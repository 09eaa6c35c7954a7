"""OpenEvolve's task format: ``initial_program.*``, ``evaluator.py`` and ``config.yaml``, and the manifest for it.

Source: the format as OpenEvolve 0.4 reads it (openevolve/config.py, openevolve/evaluator.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from improvement.engine import foreign
from improvement.engine.foreign import DEFAULT_SECONDS, MAX_SECONDS, settings, shown
from improvement.exceptions import ManifestError

FORMAT = "OpenEvolve"
PROGRAM, EVALUATOR, CONFIG = "initial_program", "evaluator.py", "config.yaml"
_PROTOCOL = 'protocol = "openevolve"'
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
    seconds = _seconds(config)
    text = foreign.manifest(
        tree, name=name, called=FORMAT, protocol=_PROTOCOL, files=(EVALUATOR, program), seconds=seconds
    )
    return text, tuple(_warnings(tree, program, config, seconds))


def _seconds(config: Mapping[str, object]) -> float:
    evaluator = config.get("evaluator")
    if evaluator is None:
        return DEFAULT_SECONDS
    if not isinstance(evaluator, dict):
        raise ManifestError(f'{CONFIG}: evaluator has to hold settings such as "timeout: 60". Correct it.')
    seconds = evaluator.get("timeout", DEFAULT_SECONDS)
    if not foreign.is_seconds(seconds):
        raise ManifestError(
            f"{CONFIG}: evaluator.timeout has to be a number of seconds from 0.1 to {MAX_SECONDS}; "
            f"found {shown(seconds)}. Correct it."
        )
    return float(seconds)


def _warnings(tree: Mapping[str, bytes], program: str, config: Mapping[str, object], seconds: float) -> Iterator[str]:
    if CONFIG not in tree:
        yield f"There is no {CONFIG}, so OpenEvolve's defaults hold: an evaluation may take {seconds:g} seconds."
    else:
        yield f"An evaluation may take {seconds:g} seconds, {_origin(config)}."
    if ignored := [f"{key} ({what})" for key, what in _IGNORED.items() if key in config]:
        yield f"These parts of {CONFIG} are not used here: {', '.join(ignored)}."
    if re.search(rb"^def evaluate_stage\d", tree[EVALUATOR], re.MULTILINE):
        yield "The evaluator's stages are not used: every evaluation calls evaluate() alone."
    yield from foreign.warnings(tree, program)


def _origin(config: Mapping[str, object]) -> str:
    evaluator = config.get("evaluator")
    given = isinstance(evaluator, dict) and "timeout" in evaluator
    return f"as {CONFIG} says" if given else "OpenEvolve's default"
