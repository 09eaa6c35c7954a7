"""ShinkaEvolve's task format: ``evaluate.py`` and ``initial.*``, with settings in YAML, and the manifest for it.

Source: the format as ShinkaEvolve documents it (docs/getting_started.md, shinka/core/wrap_eval.py): the evaluator is
run as ``python evaluate.py --program_path P --results_dir D`` and leaves ``metrics.json`` and ``correct.json`` in D.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from improvement.engine import foreign
from improvement.engine.foreign import DEFAULT_SECONDS, settings, shown
from improvement.exceptions import ManifestError

FORMAT = "ShinkaEvolve"
PROGRAM, EVALUATOR = "initial", "evaluate.py"
_PROTOCOL = 'protocol = "shinka"\ncounts = "objective_calls"'
_SETTINGS = re.compile(r"[^/]+\.ya?ml")
_TIME = re.compile(r"(\d+):([0-5]?\d):([0-5]?\d)")
_JOBS = ("job_config", "job")


def is_shinka(tree: Mapping[str, bytes]) -> bool:
    """Tell whether a tree looks like a ShinkaEvolve task."""
    return EVALUATOR in tree and bool(foreign.programs(tree, PROGRAM))


def manifest_for(tree: Mapping[str, bytes], name: str) -> tuple[str, tuple[str, ...]]:
    """Write the manifest's text for a ShinkaEvolve task, and sentences on what differs there.

    Raises ManifestError when a file is missing, when there are several programs, or when the settings are wrong.
    """
    program = foreign.one_program(tree, PROGRAM, called=FORMAT)
    foreign.check_evaluator(tree, EVALUATOR, called=FORMAT)
    seconds, origin = _seconds(tree)
    text = foreign.manifest(
        tree, name=name, called=FORMAT, protocol=_PROTOCOL, files=(EVALUATOR, program), seconds=seconds
    )
    return text, tuple(_warnings(tree, program, seconds, origin))


def _seconds(tree: Mapping[str, bytes]) -> tuple[float, str]:
    """Return how long an evaluation may take, and which file says so."""
    for path in sorted(path for path in tree if _SETTINGS.fullmatch(path)):
        values = settings(tree, path, example="num_generations: 100")
        for key in _JOBS:
            job = values.get(key)
            if isinstance(job, dict) and job.get("time") is not None:
                return _time(f"{path}: {key}.time", job["time"]), path
    return DEFAULT_SECONDS, ""


def _time(where: str, value: object) -> float:
    """Read hours:minutes:seconds; YAML itself reads such a text as a number of seconds."""
    if isinstance(value, str) and (match := _TIME.fullmatch(value.strip())) is not None:
        hours, minutes, seconds = map(int, match.groups())
        value = 3600 * hours + 60 * minutes + seconds
    if not foreign.is_seconds(value):
        raise ManifestError(
            f'{where} has to be a time such as "00:10:00", of a day at most; found {shown(value)}. Correct it.'
        )
    return float(value)


def _warnings(tree: Mapping[str, bytes], program: str, seconds: float, origin: str) -> Iterator[str]:
    said = f"as {origin} says" if origin else "because no job_config.time says otherwise"
    yield f"An evaluation may take {seconds:g} seconds, {said}."
    if any(_SETTINGS.fullmatch(path) for path in tree):
        yield "The settings in YAML for models, islands and generations are not used here."
    if re.search(rb"\bearly_stop_method\b|\brun_workers\b", tree[EVALUATOR]):
        yield "Early stopping and parallel runs are not used: all runs are made, one after the other."
    yield from foreign.warnings(tree, program)
