"""Diffs as people read them: rows, numbers, folded parts, marked words, and nothing that runs."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from improvement.engine.visible import visible
from webapp.presenters.diff import changes, file_diff
from webapp.presenters.highlight import changed_words, lines_of, markup

OLD = "import math\n\n\ndef area(r):\n    return 3.14 * r\n"
NEW = "import math\n\n\ndef area(r):\n    return math.pi * r\n"


def _plain(html: str) -> str:
    text = re.sub(r"<[^>]+>", "", html)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#x27;", "'"), ("&amp;", "&")):
        text = text.replace(entity, character)
    return text


def test_unified_rows() -> None:
    diff = file_diff("area.py", OLD, NEW)
    rows = [(line.kind, line.old, line.new, _plain(line.html)) for line in diff.lines]
    assert rows == [
        ("", 1, 1, "import math"),
        ("", 2, 2, ""),
        ("", 3, 3, ""),
        ("", 4, 4, "def area(r):"),
        ("del", 5, None, "    return 3.14 * r"),
        ("add", None, 5, "    return math.pi * r"),
    ]
    assert (diff.added, diff.removed) == (1, 1)


def test_what_would_not_show_is_shown_by_a_sign_and_no_line_loses_its_place() -> None:
    sly = "a = 1\n# note\rz = 9\nb = '\x1b[2J\u202e'\nc = 3\nd = evil()\n"
    rows = [_plain(line.html) for line in file_diff("sly.py", "a = 1\n", sly).lines if line.kind == "add"]
    assert rows == ["# note␍z = 9", "b = '␛[2J<U+202E>'", "c = 3", "d = evil()"]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
def test_each_line_shows_all_its_characters_in_its_place(text: str) -> None:
    assert ["".join(part for _, part in line) for line in lines_of("any.py", text)] == visible(text).split("\n")


def test_changed_words_are_marked() -> None:
    diff = file_diff("area.py", OLD, NEW)
    gone, come = diff.lines[-2].html, diff.lines[-1].html
    assert re.findall(r"<mark>(.*?)</mark>", gone)[0].endswith("3.14</span>")
    assert _plain("".join(re.findall(r"<mark>(.*?)</mark>", come))) == "math.pi"


def test_lines_with_little_in_common_get_no_marks() -> None:
    assert changed_words("return centers, radii", "for step in range(400):") == ([], [])


def test_what_stayed_the_same_is_folded_and_named() -> None:
    body = "".join(f"    x{n} = {n}\n" for n in range(40))
    old = f"def work():\n{body}"
    diff = file_diff("work.py", old, old.replace("x30 = 30", "x30 = 31"))
    hunks = [line.html for line in diff.lines if line.kind == "hunk"]
    assert hunks == ["def work · 27 lines unchanged", "5 lines unchanged"]


def test_side_by_side_pairs_what_faces_each_other() -> None:
    diff = file_diff("a.txt", "one\ntwo\nthree\n", "one\n2\n2b\nthree\n")
    shown = [(pair.left and pair.left.old, pair.right and pair.right.new) for pair in diff.pairs]
    assert shown == [(1, 1), (2, 2), (None, 3), (3, 4)]


def test_new_and_removed_files() -> None:
    diffs = changes({"gone.py": "a = 1\n", "same.py": "b = 2\n"}, {"new.py": "c = 3\n", "same.py": "b = 2\n"})
    assert [(diff.path, diff.added, diff.removed) for diff in diffs] == [("gone.py", 0, 1), ("new.py", 1, 0)]


def test_hostile_text_is_escaped() -> None:
    diff = file_diff("x.py", "", "a = '<script>alert(1)</script>'\n")
    html = diff.lines[0].html
    assert "<script" not in html
    assert _plain(html) == "a = '<script>alert(1)</script>'"


def test_very_long_files_are_shown_without_colours() -> None:
    text = "x = 1\n" * 80_000
    assert lines_of("long.py", text)[0] == [("", "x = 1")]


@given(st.text(alphabet="ab<>&'\"(x)=1 \n", max_size=80), st.text(alphabet="ab<>&'\"(x)=1 \n", max_size=80))
def test_a_diff_loses_nothing(old: str, new: str) -> None:
    lines = file_diff("any.py", old, new).lines
    after = [_plain(line.html) for line in lines if line.new is not None]
    before = [_plain(line.html) for line in lines if line.old is not None]
    if old.rstrip("\n") != new.rstrip("\n"):
        assert all(text in new.split("\n") for text in after)
        assert all(text in old.split("\n") for text in before)
    for line in lines:
        assert not re.search(r"<(?!/?(?:span|mark)\b)", line.html) or line.kind == "hunk"


@given(st.text(max_size=60))
def test_marks_never_change_the_text(text: str) -> None:
    pieces = lines_of("a.txt", text.replace("\n", " ").replace("\r", " "))[0]
    whole = "".join(part for _, part in pieces)
    marked = markup(pieces, [(0, 2), (3, 5)])
    assert _plain(marked) == _plain(markup(pieces))
    assert _plain(marked) == _plain(str(markup([("", whole)])))
