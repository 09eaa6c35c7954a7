"""docs/target.md: its example is a target, and its table names exactly the keys that a manifest may have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from improvement.engine.manifest import Cheat, Holdout, Metric, parse_manifest
from improvement.exceptions import ManifestError
from improvement.targets.importing import load

PAGE = Path(__file__).parents[3] / "docs" / "target.md"
FILE = re.compile(r"^\*\*([a-z.]+)\*\*.*?^```[a-z]+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def example() -> dict[str, str]:
    return dict(FILE.findall(PAGE.read_text()))


def test_example_is_a_target_without_warnings(tmp_path: Path) -> None:
    for name, text in example().items():
        (tmp_path / name).write_text(text)
    imported = load(tmp_path)
    assert imported.manifest.name == "bins"
    assert imported.manifest.metrics == (Metric("bins", "lower", "bins"),)
    assert imported.manifest.holdout == Holdout("holdout.py", 5)
    assert imported.manifest.cheats == (Cheat("overfull", {"packing.py": "cheat.py"}),)
    assert imported.warnings == ()


def test_example_python_files_are_python() -> None:
    for name, text in example().items():
        if name.endswith(".py"):
            compile(text, name, "exec")


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        ("target", {"name", "description", "kind"}),
        ("edit", {"files"}),
        (
            "evaluate",
            {"module", "seconds", "memory_mb", "cpus", "packages"}
            | {"visible", "preload", "counts", "isolation", "protocol"}
            | {"cases", "stages", "give_up", "race"},
        ),
        ("metrics.NAME", {"better", "unit", "epsilon", "guard", "bound"}),
        ("holdout", {"module", "cases"}),
    ],
)
def test_table_names_the_known_keys(table: str, keys: set[str]) -> None:
    rows = (
        PAGE.read_text()
        .partition("## The manifest\n")[2]
        .partition("| key | meaning | default |\n")[2]
        .partition("\n\n")[0]
    )
    named = set(re.findall(rf"`{re.escape(table)}\.([a-z_]+)`", rows))
    assert named == keys
    with pytest.raises(ManifestError) as caught:
        parse_manifest(_with_unknown_key(table))
    assert set(re.findall(r"[a-z_]+", caught.value.message.partition("Known keys are ")[2])) == keys


def _with_unknown_key(table: str) -> str:
    known = parse_manifest(example()["countersign.toml"]).text
    header = f"[{table.replace('NAME', 'bins')}]"
    return known.replace(header, f"{header}\nzzzzzzzz = 1")
