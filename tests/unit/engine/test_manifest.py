"""The manifest: what a whole one means, and the one sentence that each mistake gives."""

from __future__ import annotations

import pytest

from improvement.engine.globs import matches, path_problem
from improvement.engine.manifest import (
    Cheat,
    Evaluate,
    Feature,
    Holdout,
    Manifest,
    Metric,
    Parameter,
    check_tree,
    parse_manifest,
)
from improvement.exceptions import ManifestError

WHOLE = """\
[target]
name = "circle-packing"
description = "Circles in a square."
kind = "parameters"

[edit]
files = ["packing.py"]

[evaluate]
module = "evaluator.py"
seconds = 5
memory_mb = 512
cpus = 2
visible = ["data/*.csv"]
preload = ["numpy", "scipy.optimize"]

[metrics.score]
better = "higher"
unit = "sum of radii"
epsilon = 1e-6
bound = 2.6359

[metrics.seconds]
better = "lower"
guard = 0.5

[holdout]
module = "holdout.py"
cases = 5

[parameters.rate]
type = "float"
low = 0.001
high = 1
log = true

[parameters.layers]
type = "int"
low = 1
high = 8

[parameters.optimizer]
type = "choice"
choices = ["adam", "sgd", 3]

[parameters.bias]
type = "bool"

[features.program_length]
low = 0
high = 4000
cells = 8

[cheats]
hard_coded = "cheats/hard_coded.py"
"""
SMALL = """\
[target]
name = "small"
[edit]
files = ["a.py"]
[evaluate]
module = "evaluator.py"
[metrics.score]
better = "lower"
"""


def message(text: str) -> str:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_parse_manifest_reads_everything() -> None:
    assert parse_manifest(WHOLE) == Manifest(
        name="circle-packing",
        description="Circles in a square.",
        kind="parameters",
        edit_files=("packing.py",),
        evaluate=Evaluate(
            "evaluator.py", "separate", "countersign", 5.0, 512, 2, ("data/*.csv",), ("numpy", "scipy.optimize")
        ),
        metrics=(
            Metric("score", "higher", "sum of radii", 1e-6, bound=2.6359),
            Metric("seconds", "lower", guard=0.5),
        ),
        holdout=Holdout("holdout.py", 5),
        parameters=(
            Parameter("rate", "float", 0.001, 1, log=True),
            Parameter("layers", "int", 1, 8),
            Parameter("optimizer", "choice", choices=("adam", "sgd", 3)),
            Parameter("bias", "bool"),
        ),
        features=(Feature("program_length", 0.0, 4000.0, 8),),
        cheats=(Cheat("hard_coded", {"packing.py": "cheats/hard_coded.py"}),),
        text=WHOLE,
    )


def test_parse_manifest_smallest_one_has_defaults() -> None:
    assert parse_manifest(SMALL) == Manifest(
        name="small",
        description="",
        kind="code",
        edit_files=("a.py",),
        evaluate=Evaluate("evaluator.py", "separate", "countersign", 30.0, 1024, 1, ()),
        metrics=(Metric("score", "lower", "", 0.0, None, None),),
        text=SMALL,
    )


def test_manifest_primary_is_the_first_metric_and_signs_make_higher_better() -> None:
    manifest = parse_manifest(WHOLE)
    assert manifest.primary.name == "score"
    assert [metric.sign for metric in manifest.metrics] == [1.0, -1.0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seconds = 5", "secnds = 5", "countersign.toml: evaluate.secnds is not a known key. Did you mean seconds?"),
        ("seconds = 5", 'seconds = "5"', 'countersign.toml: evaluate.seconds has to be a finite number; found "5".'),
        ("seconds = 5", "seconds = true", "countersign.toml: evaluate.seconds has to be a finite number; found true."),
        ("seconds = 5", "seconds = nan", "countersign.toml: evaluate.seconds has to be a finite number; found NaN."),
        (
            "seconds = 5",
            "seconds = 0",
            "countersign.toml: evaluate.seconds has to be a number from 0.1 to 86400; found 0.",
        ),
        (
            "cpus = 2",
            "cpus = 1.5",
            "countersign.toml: evaluate.cpus has to be a whole number from 1 to 256; found 1.5.",
        ),
        (
            'better = "lower"',
            "",
            'countersign.toml: metrics.seconds.better is missing. Write better = "higher" or better = "lower".',
        ),
        (
            'better = "lower"',
            'better = "less"',
            'countersign.toml: metrics.seconds.better has to be "higher" or "lower"; found "less".',
        ),
        (
            "guard = 0.5",
            "guard = -1",
            "countersign.toml: metrics.seconds.guard has to be a number of at least 0; found -1.",
        ),
        ('["packing.py"]', "[]", "countersign.toml: edit.files names no file. Name at least one editable file."),
        (
            '["packing.py"]',
            '"packing.py"',
            'countersign.toml: edit.files has to be a list of texts such as ["a.py"]; found "packing.py".',
        ),
        (
            '["packing.py"]',
            '["../packing.py"]',
            'countersign.toml: edit.files names "../packing.py", which is not a plain relative path such as '
            "src/model.py. Write a path relative to the target's folder.",
        ),
        (
            '["packing.py"]',
            '["*.py"]',
            "countersign.toml: cheats.hard_coded has to be a table "
            '{ "editable file" = "file with the cheat" }: several are editable.',
        ),
        (
            'kind = "parameters"',
            'kind = "magic"',
            'countersign.toml: target.kind has to be "code" or "parameters" or "pipeline" or "prompt" or "strategy"; '
            'found "magic".',
        ),
        (
            'name = "circle-packing"',
            'name = "../x"',
            "countersign.toml: target.name has to be lower-case letters and digits, joined by - or _, 64 at most; "
            'found "../x".',
        ),
        ("low = 1\n", "low = 9\n", "countersign.toml: parameters.layers.low has to be less than high; found 9 and 8."),
        (
            "low = 0.001",
            "low = 0",
            "countersign.toml: parameters.rate.low has to be greater than 0 when log = true; found 0.",
        ),
        (
            '["adam", "sgd", 3]',
            '["adam", "adam"]',
            "countersign.toml: parameters.optimizer.choices has to list at least two different texts, finite numbers "
            "or truth values.",
        ),
        (
            'type = "bool"',
            'type = "bool"\nlow = 1',
            'countersign.toml: parameters.bias.low has no meaning for type = "bool". Remove it.',
        ),
        (
            'module = "holdout.py"',
            'module = "holdout"',
            'countersign.toml: holdout.module has to be one Python file such as "evaluator.py"; found "holdout".',
        ),
        (
            "seconds = 5",
            'isolation = "cooperative"',
            'countersign.toml: evaluate.isolation has to be "separate" when evaluate.protocol is "countersign".',
        ),
        (
            'hard_coded = "cheats/hard_coded.py"',
            'hard_coded = { "other.py" = "cheats/hard_coded.py" }',
            "countersign.toml: cheats.hard_coded replaces other.py, which edit.files does not name. "
            "Name an editable file.",
        ),
    ],
)
def test_parse_manifest_mistake_is_one_clear_line(old: str, new: str, said: str) -> None:
    assert WHOLE.count(old) >= 1
    assert message(WHOLE.replace(old, new)) == said


def test_parse_manifest_broken_toml_names_the_line() -> None:
    assert message('[target]\nname = "a\n').startswith("countersign.toml: not valid TOML: Illegal character")
    assert "(at line 2, column 10)" in message('[target]\nname = "a\n')


def test_parse_manifest_too_deep_toml_is_refused() -> None:
    assert "nested too deeply" in message("a = " + "[" * 100_000)


def test_parse_manifest_without_metric_is_refused() -> None:
    said = 'countersign.toml: no metric is declared. Add a table [metrics.score] with better = "higher".'
    assert message(SMALL.partition("[metrics")[0]) == said


def test_parse_manifest_unknown_table_lists_known_ones() -> None:
    assert message(SMALL + "[zzz]\n") == (
        "countersign.toml: zzz is not a known key. "
        "Known keys are target, edit, evaluate, candidate, metrics, holdout, parameters, features, cheats, stream."
    )


def test_parse_manifest_kind_parameters_needs_parameters() -> None:
    text = SMALL.replace('name = "small"', 'name = "small"\nkind = "parameters"')
    assert "no parameter is declared. Add a table [parameters.NAME]." in message(text)


def test_parse_manifest_a_program_in_another_language() -> None:
    text = SMALL.replace("a.py", "a.sh").replace('"evaluator.py"', '"evaluator.py"\nprotocol = "program"\ncounts = "n"')
    manifest = parse_manifest(text + '[candidate]\ncommand = ["/bin/sh", "a.sh"]\n')
    assert (manifest.command, manifest.evaluate.isolation) == (("/bin/sh", "a.sh"), "separate")
    assert manifest.evaluate.counts == "n"


@pytest.mark.parametrize(
    ("protocol", "candidate", "said"),
    [
        ('protocol = "program"', "", 'evaluate.protocol = "program" and candidate.command belong together.'),
        ("", '[candidate]\ncommand = ["a.py"]', 'evaluate.protocol = "program" and candidate.command belong together.'),
        ('protocol = "program"', "[candidate]\ncommand = []", "candidate.command has to be a program"),
        ('protocol = "program"', '[candidate]\ncommand = ["sh", "b.sh"]', "names none of the editable files"),
        ('protocol = "program"', "[candidate]\nrun = 1", "candidate.run is not a known key"),
        ('counts = "a b"', "", "evaluate.counts has to be a metric's name"),
    ],
)
def test_parse_manifest_a_command_that_cannot_be_right(protocol: str, candidate: str, said: str) -> None:
    text = SMALL.replace('"evaluator.py"\n', f'"evaluator.py"\n{protocol}\n') + candidate
    assert said in message(text)


def test_parse_manifest_names_the_file_it_was_told() -> None:
    with pytest.raises(ManifestError, match=r"^C-7/countersign\.toml: edit\.files is missing\. Add it\.$"):
        parse_manifest('[target]\nname = "a"\n', where="C-7/countersign.toml")


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("**", "evaluator.py"),
        ("evaluator.py", "evaluator.py"),
        ("h*.py", "holdout.py"),
        ("*.toml", "countersign.toml"),
        ("cheats/**", "cheats/hard_coded.py"),
    ],
)
def test_parse_manifest_protected_file_is_never_editable_nor_visible(pattern: str, path: str) -> None:
    cheats = WHOLE.replace('hard_coded = "', 'hard_coded."packing.py" = "')
    editable = message(cheats.replace('files = ["packing.py"]', f'files = ["packing.py", "{pattern}"]'))
    visible = message(WHOLE.replace("data/*.csv", pattern))
    assert f'edit.files "{pattern}" would make' in editable
    assert f"({path}) editable." in editable
    assert f"({path}) readable by the candidate." in visible


def test_manifest_is_editable_and_visible() -> None:
    manifest = parse_manifest(
        SMALL.replace('["a.py"]', '["src/**"]').replace("[metrics", 'visible = ["**/*.csv"]\n[metrics')
    )
    paths = [
        "src/a.py",
        "src/x/b.csv",
        "data.csv",
        "d/e/f.csv",
        "evaluator.py",
        "src/../evaluator.py",
        "src/.git/config",
    ]
    assert [path for path in paths if manifest.is_editable(path)] == ["src/a.py", "src/x/b.csv"]
    assert [path for path in paths if manifest.is_visible(path)] == ["data.csv", "d/e/f.csv"]


def test_manifest_cheats_of_several_files() -> None:
    text = SMALL.replace('["a.py"]', '["*.txt", "a.py"]') + '[cheats.both]\n"a.py" = "c/a.py"\n"b.txt" = "c/b.txt"\n'
    assert parse_manifest(text).cheats == (Cheat("both", {"a.py": "c/a.py", "b.txt": "c/b.txt"}),)


TREE = {"a.py": b"x = 1\n", "evaluator.py": b"", "countersign.toml": SMALL.encode()}


def test_check_tree_accepts_a_whole_tree() -> None:
    check_tree(parse_manifest(SMALL), TREE)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"evaluator.py": None},
            "countersign.toml: the evaluator evaluator.py is missing from the target. "
            "Add that file or correct its name.",
        ),
        ({"a.py": None}, 'countersign.toml: edit.files "a.py" names no file of the target. Correct it.'),
        ({"a.py": b"\xff"}, "a.py: is not UTF-8 text (byte 0). Save it as UTF-8."),
        ({"evaluator.py": b"ab\xff"}, "evaluator.py: is not UTF-8 text (byte 2). Save it as UTF-8."),
        (
            {"a.py": b"# EVOLVE-BLOCK-START\n"},
            "a.py, line 1: EVOLVE-BLOCK-START has no EVOLVE-BLOCK-END after it. Add one.",
        ),
    ],
)
def test_check_tree_mistake_is_one_clear_line(changes: dict[str, bytes | None], said: str) -> None:
    tree = {path: data for path, data in {**TREE, **changes}.items() if data is not None}
    with pytest.raises(ManifestError) as caught:
        check_tree(parse_manifest(SMALL), tree)
    assert caught.value.message == said


def test_check_tree_holdout_and_cheats_have_to_be_there() -> None:
    manifest = parse_manifest(SMALL + '[holdout]\nmodule = "h.py"\n[cheats]\none = "c.py"\n')
    with pytest.raises(ManifestError, match=r"a cheat c\.py is missing"):
        check_tree(manifest, {**TREE, "h.py": b""})
    with pytest.raises(ManifestError, match=r"the holdout h\.py is missing"):
        check_tree(manifest, {**TREE, "c.py": b""})


@pytest.mark.parametrize(
    ("pattern", "named", "not_named"),
    [
        ("*.py", ["a.py"], ["d/a.py", "a.pyc"]),
        ("**/*.py", ["a.py", "d/a.py", "d/e/a.py"], ["a.txt"]),
        ("src/**", ["src/a", "src/b/c"], ["src", "a/src/b"]),
        ("src/**/t?.py", ["src/t1.py", "src/a/b/t2.py"], ["src/t.py", "t1.py"]),
        ("[ab].py", ["a.py", "b.py"], ["c.py", "A.py"]),
        ("a/*/c", ["a/b/c"], ["a/c", "a/b/b/c"]),
    ],
)
def test_matches_globs(pattern: str, named: list[str], not_named: list[str]) -> None:
    assert [path for path in [*named, *not_named] if matches(path, pattern)] == named


def test_matches_many_stars_is_quick() -> None:
    assert not matches("a/" * 250 + "b", "**/" * 100 + "c")


@pytest.mark.parametrize("path", ["", "/a", "a//b", "./a", "a/..", "a\\b", "a\nb", "a/.GIT/b", "\ud800", "a" * 513])
def test_path_problem_refuses(path: str) -> None:
    assert path_problem(path) is not None
