"""Patches: what git makes of them, digests, blocks that hold, and changes placed on a champion that moved."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improvement.engine.lines import changes, split
from improvement.engine.patches import (
    Block,
    blocks,
    diff_stats,
    files_digest,
    outside_blocks_changed,
    patch_digest,
    place,
    unified_diff,
)
from improvement.exceptions import ManifestError, MergeConflict

LINES = st.lists(st.sampled_from(["a", "b", "c", " d", "", "-e", "+f", "\\g", "h\r", "@@", "ü\f\u2028"]), max_size=14)
TEXTS = st.builds(lambda lines, end: "\n".join(lines) + ("\n" if lines and end else ""), LINES, st.booleans())
PATHS = st.sampled_from(["a.py", "d/b.txt", "d/e/c d.py", 'q"uote.py', "ünïcode.py"])
FILES = st.dictionaries(PATHS, TEXTS, max_size=4)

OLD = {"a.py": "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n", "gone.py": "x\n", "same.py": "s\n"}
NEW = {"a.py": "one\n2\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten", "new file.py": "y\n", "same.py": "s\n"}
PATCH = """\
diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1,5 +1,5 @@
 one
-two
+2
 three
 four
 five
@@ -7,4 +7,4 @@
 seven
 eight
 nine
-ten
+ten
\\ No newline at end of file
diff --git a/gone.py b/gone.py
deleted file mode 100644
--- a/gone.py
+++ /dev/null
@@ -1 +0,0 @@
-x
diff --git a/new file.py b/new file.py
new file mode 100644
--- /dev/null
+++ b/new file.py\t
@@ -0,0 +1 @@
+y
"""


def test_unified_diff_whole_patch() -> None:
    assert unified_diff(OLD, NEW) == PATCH
    assert patch_digest(OLD, NEW) == hashlib.sha256(PATCH.encode()).hexdigest()
    assert diff_stats(OLD, NEW) == (3, 3)


def test_unified_diff_of_nothing_is_empty() -> None:
    assert unified_diff(OLD, dict(reversed(OLD.items()))) == ""
    assert diff_stats(OLD, OLD) == (0, 0)


@settings(max_examples=60, deadline=None)
@given(FILES, FILES)
def test_unified_diff_git_applies_it_and_takes_it_back(old: dict[str, str], new: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write(root, old)
        if patch := unified_diff(old, new):
            _git_apply(root, patch)
            assert _read(root) == new
            _git_apply(root, patch, "--reverse")
        assert _read(root) == old


@given(TEXTS, TEXTS)
def test_changes_lead_from_old_to_new_and_never_touch(old: str, new: str) -> None:
    before, after = split(old), split(new)
    found = changes(before, after)
    built: list[str] = []
    position = 0
    for change in found:
        built += before[position : change.old_start] + after[change.new_start : change.new_end]
        position = change.old_end
    assert built + before[position:] == after
    assert all(one.old_end < two.old_start for one, two in itertools.pairwise(found))


@given(TEXTS, TEXTS)
def test_changes_are_as_few_lines_as_possible(old: str, new: str) -> None:
    before, after = split(old), split(new)
    found = changes(before, after)
    touched = sum((each.old_end - each.old_start) + (each.new_end - each.new_start) for each in found)
    assert touched == len(before) + len(after) - 2 * _longest_common(before, after)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["x\n"] * 100_000, ["x\n", "y\n"] * 50_000),
        ([f"{n}\n" for n in range(60_000)], [f"{n}\n" for n in range(60_000, 0, -1)]),
    ],
    ids=["repeated lines", "reversed lines"],
)
def test_changes_hostile_text_takes_bounded_time(old: list[str], new: list[str]) -> None:
    started = time.process_time()
    changes(old, new)
    assert time.process_time() - started < 10


@given(FILES, FILES)
def test_digests_differ_exactly_when_files_do(one: dict[str, str], two: dict[str, str]) -> None:
    assert (files_digest(one) == files_digest(two)) == (one == two)
    assert (patch_digest({}, one) == patch_digest({}, two)) == (one == two)


def test_files_digest_does_not_confuse_path_and_text() -> None:
    assert len({files_digest(files) for files in ({"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"a": ""}, {})}) == 5


PROGRAM = """\
import math
# EVOLVE-BLOCK-START v1
x = 1
  // EVOLVE-BLOCK-END
y = 2
#EVOLVE-BLOCK-START
#EVOLVE-BLOCK-END
"""


def test_blocks_found_with_both_comment_forms() -> None:
    assert blocks(PROGRAM) == [Block(2, 3), Block(6, 6)]
    assert blocks("x = 'EVOLVE-BLOCK-START'\n# EVOLVE-BLOCK-STARTED\n") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n",
            "a.py, line 2: EVOLVE-BLOCK-START inside a block that has not ended. End that block first.",
        ),
        (
            "x\n# EVOLVE-BLOCK-END\n",
            "a.py, line 2: EVOLVE-BLOCK-END without EVOLVE-BLOCK-START before it. Add the start, or remove it.",
        ),
        (
            "x\n// EVOLVE-BLOCK-START\n",
            "a.py, line 2: EVOLVE-BLOCK-START has no EVOLVE-BLOCK-END after it. Add one.",
        ),
    ],
)
def test_blocks_unpaired_marker_is_one_clear_line(text: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        blocks(text, where="a.py")
    assert caught.value.message == said


@given(TEXTS, TEXTS)
def test_outside_blocks_changed_text_inside_is_free(first: str, second: str) -> None:
    inside = [f"{text}\n" if text and not text.endswith("\n") else text for text in (first, second)]
    new = PROGRAM.replace("x = 1\n", inside[0]).replace("START\n#", f"START\n{inside[1]}#")
    assert not outside_blocks_changed(PROGRAM, new)


@given(st.integers(0, 6), st.sampled_from(["z = 1", "# EVOLVE-BLOCK-START", "# EVOLVE-BLOCK-END", ""]), st.booleans())
def test_outside_blocks_changed_any_fixed_line_is_guarded(at: int, line: str, replace: bool) -> None:
    lines = PROGRAM.splitlines()
    inside = {3, 6} if not replace else {2}
    changed = [*lines[:at], line, *lines[at + 1 if replace else at :]]
    marker = line.startswith("#")
    free = (at in inside or (at == 2 and not replace)) and not marker
    assert outside_blocks_changed(PROGRAM, "\n".join(changed) + "\n") == (not free)


def test_outside_blocks_changed_moving_or_repeating_markers_counts() -> None:
    extra = "x = 1\n# EVOLVE-BLOCK-END\nimport os\n# EVOLVE-BLOCK-START\n"
    assert outside_blocks_changed(PROGRAM, PROGRAM.replace("x = 1\n", extra))
    assert outside_blocks_changed(PROGRAM, PROGRAM.rstrip("\n"))
    assert outside_blocks_changed(PROGRAM, "")
    assert not outside_blocks_changed("x = 1\n", PROGRAM)


BASE = {"a.py": "1\n2\n3\n4\n5\n6\n", "b.py": "b\n"}


def test_place_carries_both_sides_changes() -> None:
    ours = {**BASE, "a.py": "one\n2\n3\n4\n5\n6\n", "new.py": "n\n"}
    theirs = {"a.py": "1\n2\n3\n4\nfive\nmore\n6\n", "b.py": "B\n"}
    assert place(BASE, ours, theirs) == {"a.py": "one\n2\n3\n4\nfive\nmore\n6\n", "b.py": "B\n", "new.py": "n\n"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"a.py": "1\n2\nX\n4\n5\n6\n", "b.py": "b\n"}, {"a.py": "1\n2\nY\n4\n5\n6\n", "b.py": "b\n"}),
        ({"a.py": "1\n2\nX\n4\n5\n6\n", "b.py": "b\n"}, {"a.py": "1\n2\n3\nY\n5\n6\n", "b.py": "b\n"}),
        ({"a.py": "1\n2\n3\nX\n4\n5\n6\n", "b.py": "b\n"}, {"b.py": "b\n"}),
        ({**BASE, "new.py": "x\n"}, {**BASE, "new.py": "y\n"}),
    ],
    ids=["same line", "next line", "removed there", "added in both"],
)
def test_place_conflict_is_refused_from_both_sides(ours: dict[str, str], theirs: dict[str, str]) -> None:
    path = "new.py" if "new.py" in ours else "a.py"
    for one, two in ((ours, theirs), (theirs, ours)):
        with pytest.raises(MergeConflict, match=f"changed the same lines of {path}"):
            place(BASE, one, two)


@given(FILES, FILES)
def test_place_one_sided_changes_always_fit(base: dict[str, str], changed: dict[str, str]) -> None:
    assert place(base, changed, base) == changed
    assert place(base, base, changed) == changed
    assert place(base, changed, changed) == changed


@given(FILES, FILES, FILES)
def test_place_is_the_same_from_both_sides(base: dict[str, str], ours: dict[str, str], theirs: dict[str, str]) -> None:
    assert _placed(base, ours, theirs) == _placed(base, theirs, ours)


@settings(max_examples=60, deadline=None)
@given(LINES, LINES, LINES)
def test_place_agrees_with_git_where_it_merges(base: list[str], ours: list[str], theirs: list[str]) -> None:
    """Numbered lines are unique, so that there is one way only to see what changed."""
    texts = ["".join(f"{number} {line}\n" for number, line in enumerate(side)) for side in (base, ours, theirs)]
    placed = _placed(*({"f": text} for text in texts))
    if placed is not None:
        assert placed["f"] == _git_merge_file(*texts)


def _placed(base: dict[str, str], ours: dict[str, str], theirs: dict[str, str]) -> dict[str, str] | None:
    try:
        return place(base, ours, theirs)
    except MergeConflict:
        return None


def _git_merge_file(base: str, ours: str, theirs: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write(root, {"base": base, "ours": ours, "theirs": theirs})
        merge = ["git", "merge-file", "--stdout", "ours", "base", "theirs"]
        return subprocess.run(merge, cwd=root, capture_output=True, check=True).stdout.decode()


def _git_apply(root: Path, patch: str, *options: str) -> None:
    apply = ["git", "apply", *options, "-"]
    done = subprocess.run(apply, cwd=root, input=patch.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode() + patch


def _write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode())


def _read(root: Path) -> dict[str, str]:
    return {file.relative_to(root).as_posix(): file.read_bytes().decode() for file in root.rglob("*") if file.is_file()}


def _longest_common(one: list[str], two: list[str]) -> int:
    row = [0] * (len(two) + 1)
    for a in one:
        before = row
        row = [0]
        for at, b in enumerate(two):
            row.append(before[at] + 1 if a == b else max(before[at + 1], row[at]))
    return row[-1]
