"""The read-only copies of trees: written once, private, and cleaned up."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from improvement.sandbox import trees


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[trees.Trees]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = trees.Trees()
    yield made
    made.remove()
    assert not list(tmp_path.iterdir())


def test_put_writes_a_tree_once(made: trees.Trees) -> None:
    files = {"evaluator.py": b"pass\n", "data/cities/small.json": b"[]"}
    folder = Path(made.put("one", lambda: files))
    assert {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == files
    assert made.put("one", lambda: pytest.fail("it was written before")) == str(folder)


def test_only_the_owner_enters_but_the_mounted_part_is_readable(made: trees.Trees) -> None:
    before = os.umask(0o077)
    try:
        folder = Path(made.put("one", lambda: {"a/b.py": b""}))
    finally:
        os.umask(before)
    modes = [
        path.stat().st_mode & 0o777 for path in (made.root.parent, made.root, folder, folder / "a", folder / "a/b.py")
    ]
    assert modes == [0o700, 0o755, 0o755, 0o755, 0o644]


@pytest.mark.parametrize("path", ["../outside", "/absolute", "a/../../b", "", "nul\0"])
def test_put_refuses_a_path_that_leaves_the_tree(made: trees.Trees, path: str) -> None:
    with pytest.raises(ValueError, match="not a path inside"):
        made.put("bad", lambda: {path: b""})


def test_a_folder_left_by_a_killed_process_is_swept_and_one_in_use_is_not(tmp_path: Path, made: trees.Trees) -> None:
    dying = f"tempfile.tempdir = {str(tmp_path)!r}; trees.Trees(); os._exit(9)"
    code = f"import os, tempfile; from improvement.sandbox import trees; {dying}"
    subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[3])
    assert len(list(tmp_path.iterdir())) == 2
    other = trees.Trees()
    assert {path.name for path in tmp_path.iterdir()} == {made.root.parent.name, other.root.parent.name}
    other.remove()


def test_digest_depends_on_names_and_contents() -> None:
    digests = [trees.digest(files) for files in ({"a": b"1"}, {"b": b"1"}, {"a": b"2"}, {"a": b"1", "b": b""})]
    assert len(set(digests)) == 4
    assert trees.digest({"b": b"2", "a": b"1"}) == trees.digest({"a": b"1", "b": b"2"})
