"""`target add DATA.csv --predict COLUMN`."""

from __future__ import annotations

from pathlib import Path

from tests.integration.commands.console import Console

ROWS = "\n".join(f"{row * 7 % 31},{row * 3 % 11},{'high' if row * 7 % 31 > 15 else 'low'}" for row in range(90))


def test_a_file_is_a_target_in_one_command(empty: Console, tmp_path: Path) -> None:
    data = tmp_path / "Water levels.csv"
    data.write_text(f"rain,wind,level\n{ROWS}\n")
    added = empty.json("target", "add", data, "--predict", "level", "--group", "wind")
    assert (added["target"], added["format"], added["isolation"]) == ("water-levels", "countersign", "separate")
    assert 0.9 < added["score"] <= 1.0
    refused = empty.run("target", "add", data, "--json").error
    assert "say with --predict which column to predict" in refused["message"]
    missing = empty.run("target", "add", tmp_path / "none.csv", "--predict", "level", "--json").error
    assert "there is no such file" in missing["message"]
