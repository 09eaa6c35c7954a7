"""Task formats: native targets and OpenEvolve tasks, imported with every file as it was."""

from __future__ import annotations

import dataclasses

import pytest

from improvement.engine.formats import COOPERATIVE, NO_HOLDOUT, NOT_PYTHON, as_native, recognise
from improvement.engine.manifest import Evaluate, Metric, parse_manifest
from improvement.exceptions import ManifestError

NATIVE = {
    "countersign.toml": b"""\
[target]
name = "small"
[edit]
files = ["a.py"]
[evaluate]
module = "evaluator.py"
[metrics.score]
better = "lower"
[holdout]
module = "holdout.py"
""",
    "a.py": b"x = 1\n",
    "evaluator.py": b"def evaluate(candidate, *, seed, stage, case):\n    return {'score': 1.0}\n",
    "holdout.py": b"",
}
OPENEVOLVE = {
    "initial_program.py": b"import math\n# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n",
    "evaluator.py": b"def evaluate(program_path):\n    return {'combined_score': 1.0}\n",
    "config.yaml": b"evaluator:\n  timeout: 7\n",
    "notes.bin": b"\xff\x00",
}

SHINKA = {
    "initial.py": b"import math\n# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n",
    "evaluate.py": b"from shinka.core import run_shinka_eval\n",
    "shinka.yaml": b"job_config:\n  time: 00:01:30\n",
    "notes.bin": b"\xff\x00",
}


def message(tree: dict[str, bytes], fmt: str = "openevolve", name: str | None = "task") -> str:
    with pytest.raises(ManifestError) as caught:
        as_native(tree, fmt, name=name)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_recognise_by_the_files() -> None:
    assert recognise(NATIVE) == "countersign"
    assert recognise(OPENEVOLVE) == "openevolve"
    assert recognise(SHINKA) == "shinka"
    assert recognise({**OPENEVOLVE, **NATIVE}) == "countersign"
    with pytest.raises(ManifestError, match=r"^This is no target: .* Write a countersign\.toml\.$"):
        recognise({"main.py": b""})


def test_as_native_countersign_is_left_as_it_is() -> None:
    imported = as_native(NATIVE, "countersign", name=None)
    assert imported.tree == NATIVE
    assert imported.manifest == parse_manifest(NATIVE["countersign.toml"].decode())
    assert (imported.format, imported.warnings) == ("countersign", ())


def test_as_native_countersign_takes_another_name() -> None:
    imported = as_native(NATIVE, "countersign", name="other")
    assert imported.manifest == dataclasses.replace(parse_manifest(NATIVE["countersign.toml"].decode()), name="other")
    assert imported.tree == NATIVE
    assert "The target's name has to be lower-case" in message(NATIVE, "countersign", "a/b")


def test_as_native_countersign_without_holdout_is_warned_about() -> None:
    tree = {**NATIVE, "countersign.toml": NATIVE["countersign.toml"].partition(b"[holdout]")[0]}
    assert as_native(tree, "countersign", name=None).warnings == (NO_HOLDOUT,)


def test_as_native_openevolve_keeps_every_file_and_adds_a_manifest_that_parses() -> None:
    imported = as_native(OPENEVOLVE, "openevolve", name="packing-26")
    manifest = parse_manifest(imported.tree["countersign.toml"].decode())
    assert {path: data for path, data in imported.tree.items() if path != "countersign.toml"} == OPENEVOLVE
    assert imported.manifest == manifest
    assert manifest.name == "packing-26"
    assert manifest.edit_files == ("initial_program.py",)
    assert manifest.evaluate == Evaluate("evaluator.py", "cooperative", "openevolve", 7.0, 2048, 1)
    assert manifest.metrics == (Metric("combined_score", "higher"),)
    assert imported.warnings == (COOPERATIVE, NO_HOLDOUT, "An evaluation may take 7 seconds, as config.yaml says.")


def test_as_native_openevolve_is_recognised_as_native_afterwards() -> None:
    imported = as_native(OPENEVOLVE, "openevolve", name="task")
    again = as_native(imported.tree, recognise(imported.tree), name=None)
    assert (again.tree, again.manifest, again.warnings) == (imported.tree, imported.manifest, (COOPERATIVE, NO_HOLDOUT))


def test_as_native_openevolve_says_what_is_not_used() -> None:
    tree = {
        "initial_program.rs": b"fn main() {}\n",
        "evaluator.py": b"def evaluate_stage1(p):\n    return {}\n\ndef evaluate(p):\n    return {}\n",
        "config.yaml": b"max_iterations: 100\nllm:\n  model: m\ndatabase: {num_islands: 3}\n",
        "requirements.txt": b"jax\n",
    }
    assert as_native(tree, "openevolve", name="task").warnings[2:] == (
        NOT_PYTHON,
        "An evaluation may take 300 seconds, OpenEvolve's default.",
        "These parts of config.yaml are not used here: llm (the model settings), database (the population settings), "
        "max_iterations (the number of iterations).",
        "The evaluator's stages are not used: every evaluation calls evaluate() alone.",
        "initial_program.rs has no EVOLVE-BLOCK markers, so all of it may be changed.",
        "requirements.txt is not installed: evaluations have Python with NumPy and SciPy.",
    )


STAGED = b"""
def evaluate_stage1(p):
    return {}

def evaluate_stage2(p):
    return {}

def evaluate_stage3(p):
    return {}
"""


@pytest.mark.parametrize(
    ("evaluator", "config", "thresholds"),
    [
        (STAGED, b"", (0.5, 0.75)),
        (STAGED, b"evaluator:\n  cascade_thresholds: [0.2, 3, 9]\n", (0.2, 3.0)),
        (STAGED, b"evaluator:\n  cascade_thresholds: [0.2]\n", (0.2,)),
        (STAGED, b"evaluator:\n  cascade_evaluation: false\n", ()),
        (STAGED.replace(b"stage2", b"second"), b"", ()),
        (STAGED.replace(b"stage3", b"third"), b"", (0.5,)),
        (b"def evaluate(p):\n    return {}\n", b"evaluator:\n  cascade_thresholds: nonsense\n", ()),
    ],
)
def test_as_native_openevolve_keeps_the_stages_and_their_thresholds(
    evaluator: bytes, config: bytes, thresholds: tuple[float, ...]
) -> None:
    imported = as_native({**OPENEVOLVE, "evaluator.py": evaluator, "config.yaml": config}, "openevolve", name="task")
    found = imported.manifest.evaluate.stages
    assert tuple(stage.threshold for stage in found) == thresholds
    assert [stage.name for stage in found] == [f"evaluate_stage{n + 1}" for n in range(len(thresholds))]
    said = [warning for warning in imported.warnings if "stages are used, with the thresholds" in warning]
    assert len(said) == (1 if thresholds else 0)


def test_as_native_openevolve_thresholds_that_are_no_numbers_are_refused() -> None:
    tree = {**OPENEVOLVE, "evaluator.py": STAGED, "config.yaml": b"evaluator:\n  cascade_thresholds: [high]\n"}
    assert message(tree, "openevolve") == (
        "config.yaml: evaluator.cascade_thresholds has to be a list of numbers such as [0.5, 0.75]; "
        "found a value of type list. Correct it."
    )


def test_what_an_imported_task_has_to_have_installed_is_read_from_its_imports() -> None:
    program = b"import os, helper.parts\ntry:\n    import cupy\nexcept ImportError:\n    cupy = None\n"
    evaluator = b"import jax.numpy as jnp\nimport numpy, scipy.stats\nimport openevolve.evaluation_result\n"
    tree = {**OPENEVOLVE, "helper/parts.py": b"", "initial_program.py": program, "evaluator.py": evaluator}
    assert as_native(tree, "openevolve", name="task").manifest.evaluate.packages == ("jax",)


def test_as_native_openevolve_preloads_what_is_worth_it() -> None:
    programs = {
        "initial_program.py": b"# EVOLVE-BLOCK-START\nimport numpy as np, helpers\n# EVOLVE-BLOCK-END\n",
        "evaluator.py": b"import json\nfrom scipy.optimize import minimize\nfrom . import numpy\n",
    }
    imported = as_native({**OPENEVOLVE, **programs}, "openevolve", name="task")
    assert imported.manifest.evaluate.preload == ("numpy", "scipy.optimize")
    assert as_native(OPENEVOLVE, "openevolve", name="task").manifest.evaluate.preload == ()


def test_as_native_openevolve_without_config_has_defaults() -> None:
    tree = {path: data for path, data in OPENEVOLVE.items() if path != "config.yaml"}
    imported = as_native(tree, "openevolve", name="task")
    assert imported.manifest.evaluate.seconds == 300.0
    assert imported.warnings[2] == (
        "There is no config.yaml, so OpenEvolve's defaults hold: an evaluation may take 300 seconds."
    )


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            b"a: 1\nb: [1,\n",
            "config.yaml, line 3, column 1: not valid YAML: expected the node content, but found '<stream end>'. "
            "Correct that line.",
        ),
        (b"\xff", "config.yaml: is not UTF-8 text (byte 0). Save it as UTF-8."),
        (b"- 1\n", 'config.yaml: has to hold settings such as "max_iterations: 100". Correct it.'),
        (b"evaluator: 3\n", 'config.yaml: evaluator has to hold settings such as "timeout: 60". Correct it.'),
        (
            b"evaluator: {timeout: soon}\n",
            "config.yaml: evaluator.timeout has to be a number of seconds from 0.1 to 86400; found soon. Correct it.",
        ),
        (
            b"evaluator: {timeout: .nan}\n",
            "config.yaml: evaluator.timeout has to be a number of seconds from 0.1 to 86400; found nan. Correct it.",
        ),
        (
            b"a: 2024-13-45\n",
            "config.yaml: holds a value that cannot be read: month must be in 1..12. Correct it.",
        ),
    ],
)
def test_as_native_openevolve_wrong_config_is_one_clear_line(config: bytes, said: str) -> None:
    assert message({**OPENEVOLVE, "config.yaml": config}) == said


def test_as_native_openevolve_config_runs_no_code() -> None:
    said = message({**OPENEVOLVE, "config.yaml": b"a: !!python/object/apply:os.getcwd []\n"})
    assert "could not determine a constructor for the tag" in said


def test_as_native_openevolve_needs_one_program_an_evaluator_and_a_name() -> None:
    two = message({**OPENEVOLVE, "initial_program.rs": b""})
    assert two == "This OpenEvolve task has several programs: initial_program.py, initial_program.rs. Keep one of them."
    assert "no initial_program file" in message({"evaluator.py": b""})
    assert "no evaluator.py" in message({"initial_program.py": b""})
    assert "Give the target a name" in message(OPENEVOLVE, name=None)
    assert "There is a countersign.toml already" in message({**OPENEVOLVE, **NATIVE})


def test_as_native_openevolve_unpaired_markers_are_refused() -> None:
    said = message({**OPENEVOLVE, "initial_program.py": b"# EVOLVE-BLOCK-END\n"})
    assert said.startswith("initial_program.py, line 1: EVOLVE-BLOCK-END without EVOLVE-BLOCK-START")


def test_as_native_unknown_format_is_refused() -> None:
    assert message(NATIVE, "gepa") == (
        'The format "gepa" cannot be imported. Known formats are countersign, openevolve, shinka.'
    )


def test_as_native_countersign_manifest_has_to_be_text() -> None:
    assert message({**NATIVE, "countersign.toml": b"\xff"}, "countersign").startswith("countersign.toml: is not UTF-8")
    assert message({}, "countersign") == "There is no countersign.toml at the target's root. Write one."


def test_as_native_shinka_keeps_every_file_and_adds_a_manifest_that_parses() -> None:
    imported = as_native(SHINKA, "shinka", name="packing-26")
    manifest = parse_manifest(imported.tree["countersign.toml"].decode())
    assert {path: data for path, data in imported.tree.items() if path != "countersign.toml"} == SHINKA
    assert (imported.manifest, imported.format) == (manifest, "shinka")
    assert (manifest.name, manifest.edit_files) == ("packing-26", ("initial.py",))
    assert manifest.evaluate == Evaluate(
        "evaluate.py", "cooperative", "shinka", 90.0, 2048, 1, counts="objective_calls"
    )
    assert manifest.metrics == (Metric("combined_score", "higher"),)
    assert imported.warnings == (
        COOPERATIVE,
        NO_HOLDOUT,
        "An evaluation may take 90 seconds, as shinka.yaml says.",
        "The settings in YAML for models, islands and generations are not used here.",
    )


def test_as_native_shinka_says_what_is_not_used() -> None:
    tree = {
        "initial.rs": b"fn main() {}\n",
        "evaluate.py": b"import numpy\nrun_shinka_eval(run_workers=4)\n",
        "requirements.txt": b"jax\n",
    }
    imported = as_native(tree, "shinka", name="task")
    assert imported.manifest.evaluate.preload == ("numpy",)
    assert imported.warnings[2:] == (
        NOT_PYTHON,
        "An evaluation may take 300 seconds, because no job_config.time says otherwise.",
        "Early stopping and parallel runs are not used: all runs are made, one after the other.",
        "initial.rs has no EVOLVE-BLOCK markers, so all of it may be changed.",
        "requirements.txt is not installed: evaluations have Python with NumPy and SciPy.",
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"initial.py": None}, "This ShinkaEvolve task has no initial file. Add it, for instance initial.py."),
        ({"evaluate.py": None}, "This ShinkaEvolve task has no evaluate.py. Add it."),
        (
            {"initial.rs": b""},
            "This ShinkaEvolve task has several programs: initial.py, initial.rs. Keep one of them.",
        ),
        (
            {"shinka.yaml": b"job: {time: soon}"},
            'shinka.yaml: job.time has to be a time such as "00:10:00", of a day at most; found soon. Correct it.',
        ),
        (
            {"shinka.yaml": b"a: [1,"},
            "shinka.yaml, line 1, column 7: not valid YAML: expected the node content, but found '<stream end>'. "
            "Correct that line.",
        ),
    ],
)
def test_as_native_shinka_what_is_wrong_is_said_in_one_sentence(changed: dict[str, bytes | None], said: str) -> None:
    tree = {path: data for path, data in {**SHINKA, **changed}.items() if data is not None}
    assert message(tree, "shinka") == said


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("0x" + "f" * 5000, "a value of type int"),
        ("[1, 2]", "a value of type list"),
        ("&a {again: *a}", "a value of type dict"),
    ],
)
def test_a_value_that_cannot_be_shown_is_wrong_like_any_other(value: str, found: str) -> None:
    openevolve = {
        "initial_program.py": b"",
        "evaluator.py": b"",
        "config.yaml": f"evaluator: {{timeout: {value}}}".encode(),
    }
    assert f"found {found}. Correct it." in message(openevolve, "openevolve")
    assert f"found {found}. Correct it." in message(
        {**SHINKA, "shinka.yaml": f"job: {{time: {value}}}".encode()}, "shinka"
    )


def test_settings_that_multiply_themselves_are_refused() -> None:
    lines = ["a0: &a0 {x: 1}", *(f"a{n + 1}: &a{n + 1} {{<<: [{', '.join([f'*a{n}'] * 9)}]}}" for n in range(9))]
    settings = "\n".join(lines).encode()
    assert message({**SHINKA, "shinka.yaml": settings}, "shinka") == (
        "shinka.yaml: refers to other parts of itself more than 20 times. Write them out."
    )


def test_as_native_shinka_without_a_name() -> None:
    assert message(SHINKA, "shinka", None) == "A ShinkaEvolve task has no name of its own. Give the target a name."


def test_as_native_says_when_no_strategy_can_propose_anything() -> None:
    manifest = (
        NATIVE["countersign.toml"].replace(b"a.py", b"a.awk").replace(b"[metrics", b'protocol = "program"\n[metrics')
    )
    in_awk = manifest + b'[candidate]\ncommand = ["/usr/bin/awk", "-f", "a.awk"]\n'
    tree = {**NATIVE, "a.awk": b"END { print 1 }", "countersign.toml": in_awk}
    assert as_native(tree, "countersign", name=None).warnings == (NOT_PYTHON,)
    assert as_native(NATIVE, "countersign", name=None).warnings == ()
