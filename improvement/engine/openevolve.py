"""OpenEvolve's task format: ``initial_program.*``, ``evaluator.py`` and ``config.yaml``, and the manifest for it.

Source: the format as OpenEvolve 0.4 reads it (openevolve/config.py, openevolve/evaluator.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from string import Template

from improvement.engine.blocks import blocks
from improvement.engine.foreign import NOT_INSTALLED, REQUIREMENTS, one_program, preload_line, programs, settings, shown
from improvement.exceptions import ManifestError

PROGRAM, EVALUATOR, CONFIG = "initial_program", "evaluator.py", "config.yaml"
DEFAULT_SECONDS = 300.0  # what OpenEvolve itself uses
MAX_SECONDS = 86_400
_IGNORED = {
    "llm": "the model settings",
    "prompt": "the prompt settings",
    "database": "the population settings",
    "max_iterations": "the number of iterations",
    "random_seed": "the seed",
}
_MANIFEST = Template("""\
# Made from an OpenEvolve task, whose own files are unchanged.

[target]
name = "$name"
description = "Imported from an OpenEvolve task."
kind = "code"

[edit]
files = ["$program"]

[evaluate]
module = "$evaluator"
isolation = "cooperative"
protocol = "openevolve"
seconds = $seconds
memory_mb = 2048
cpus = 1
$preload
[metrics.combined_score]
better = "higher"
""")


def is_openevolve(tree: Mapping[str, bytes]) -> bool:
    """Tell whether a tree looks like an OpenEvolve task."""
    return EVALUATOR in tree and bool(programs(tree, PROGRAM))


def manifest_for(tree: Mapping[str, bytes], name: str) -> tuple[str, tuple[str, ...]]:
    """Write the manifest's text for an OpenEvolve task, and sentences on what differs there.

    Raises ManifestError when a file is missing, when there are several programs, or when the configuration is wrong.
    """
    program = one_program(tree, PROGRAM, called="OpenEvolve")
    if EVALUATOR not in tree:
        raise ManifestError(f"This OpenEvolve task has no {EVALUATOR}. Add it.")
    config = settings(tree, CONFIG, example="max_iterations: 100")
    seconds = _seconds(config)
    preload = preload_line(tree[path] for path in (EVALUATOR, program) if path.endswith(".py"))
    text = _MANIFEST.substitute(name=name, program=program, evaluator=EVALUATOR, seconds=repr(seconds), preload=preload)
    return text, tuple(_warnings(tree, program, config, seconds))


def _seconds(config: Mapping[str, object]) -> float:
    evaluator = config.get("evaluator")
    if evaluator is None:
        return DEFAULT_SECONDS
    if not isinstance(evaluator, dict):
        raise ManifestError(f'{CONFIG}: evaluator has to hold settings such as "timeout: 60". Correct it.')
    seconds = evaluator.get("timeout", DEFAULT_SECONDS)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0.1 <= seconds <= MAX_SECONDS:
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
    if not blocks(tree[program].decode("utf-8", "replace"), where=program):
        yield f"{program} has no EVOLVE-BLOCK markers, so all of it may be changed."
    if ignored := [f"{key} ({what})" for key, what in _IGNORED.items() if key in config]:
        yield f"These parts of {CONFIG} are not used here: {', '.join(ignored)}."
    if re.search(rb"^def evaluate_stage\d", tree[EVALUATOR], re.MULTILINE):
        yield "The evaluator's stages are not used: every evaluation calls evaluate() alone."
    if REQUIREMENTS in tree:
        yield NOT_INSTALLED


def _origin(config: Mapping[str, object]) -> str:
    evaluator = config.get("evaluator")
    given = isinstance(evaluator, dict) and "timeout" in evaluator
    return f"as {CONFIG} says" if given else "OpenEvolve's default"
