"""Screening: every reason to block, what counts as a duplicate, and that nothing is run."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improvement.engine.screening import Screened, screen, syntax_digest
from tests.unit.engine.loop_factories import manifest

MANIFEST = manifest(edit_files=("solution.py", "notes/*.txt"))
BASE = {"solution.py": "def f(x):\n    return x + 1\n", "notes/a.txt": "hello\n"}
BLOCKED_BASE = {"solution.py": "import math\n# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\nANSWER = x\n"}


def verdict(files: Mapping[str, object], base: dict[str, str] = BASE) -> tuple[str, str, str]:
    screened = screen(MANIFEST, base, files, seen={})
    return screened.verdict, screened.code, screened.message


def test_screen_change_passes_with_its_digest() -> None:
    files = {**BASE, "solution.py": "def f(x):\n    return x + 2\n", "notes/b.txt": "new\n"}
    assert screen(MANIFEST, BASE, files, seen={}) == Screened("pass", syntax_digest=syntax_digest(files))


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"evaluator.py": "x"}, "not_editable", "evaluator.py is not one of the editable files."),
        ({"countersign.toml": ""}, "not_editable", "countersign.toml is not one of the editable files."),
        (
            {"../solution.py": "x"},
            "bad_path",
            "The path '../solution.py' is not a plain relative path such as src/model.py.",
        ),
        (
            {"notes/\n.txt": "x"},
            "bad_path",
            "The path 'notes/\\n.txt' has a backslash or an unprintable character.",
        ),
        ({"solution.py": b"x = 1"}, "not_text", "solution.py is not text."),
        ({"solution.py": None}, "not_text", "solution.py is not text."),
        ({"solution.py": "x\0"}, "not_text", "solution.py holds a NUL character, so it is not text."),
        ({"solution.py": "'\ud800'"}, "not_text", "solution.py holds a character that UTF-8 cannot express."),
        (
            {"notes/a.txt": "ü" * 100_001},
            "too_large",
            "The files hold 200,029 bytes together; 200,000 are allowed.",
        ),
        ({"solution.py": "def f(:\n"}, "syntax", "solution.py, line 1: not valid Python: invalid syntax."),
        (
            {"solution.py": "x = " + "-" * 50_000 + "1"},
            "syntax",
            "solution.py is nested too deeply, or holds too large a number, to be parsed.",
        ),
    ],
)
def test_screen_blocks_with_one_sentence(changes: dict[str, object], code: str, message: str) -> None:
    assert verdict({**BASE, **changes}) == ("blocked", code, message)


def test_screen_missing_files() -> None:
    said = "solution.py is missing; a proposal holds every editable file."
    assert verdict({"notes/a.txt": "hello\n"}) == ("blocked", "missing_file", said)
    assert verdict({}) == ("blocked", "missing_file", said)
    assert verdict({}, {}) == ("blocked", "missing_file", "The proposal holds no file.")


def test_screen_file_named_by_a_glob_may_go() -> None:
    assert verdict({"solution.py": BASE["solution.py"]}) == ("pass", "", "")


def test_screen_file_and_folder_at_once_is_blocked() -> None:
    wide = manifest(edit_files=("src/**",))
    screened = screen(wide, {}, {"src/a": "x", "src/a/b": "y"}, seen={})
    assert screened == Screened("blocked", "bad_path", "src/a is a file and a folder at once.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import math\n# EVOLVE-BLOCK-START\nx = 2\n# EVOLVE-BLOCK-END\nANSWER = x\n", "pass"),
        ("import os\n# EVOLVE-BLOCK-START\nx = 2\n# EVOLVE-BLOCK-END\nANSWER = x\n", "blocked"),
        ("x = 2\n", "blocked"),
        ("import math\n# EVOLVE-BLOCK-START\nx = 2\n# EVOLVE-BLOCK-END\nANSWER = 9\n", "blocked"),
    ],
)
def test_screen_blocks_hold(text: str, expected: str) -> None:
    assert verdict({"solution.py": text}, BLOCKED_BASE)[0] == expected


def test_screen_marker_swallowed_by_a_text_is_blocked() -> None:
    base = {"solution.py": BLOCKED_BASE["solution.py"] + '# quoted like """\n'}
    hidden = {"solution.py": base["solution.py"].replace("x = 1\n", 'x = """\n')}
    assert verdict(hidden, base) == (
        "blocked",
        "outside_block",
        "solution.py hides an EVOLVE-BLOCK marker inside a text, so fixed lines lose effect.",
    )


def test_screen_lone_carriage_return_in_a_block_is_blocked() -> None:
    files = {"solution.py": BLOCKED_BASE["solution.py"].replace("x = 1", "x = 1 # \ry = 2")}
    assert verdict(files, BLOCKED_BASE)[:2] == ("blocked", "hidden_line")


def test_screen_lone_carriage_return_anywhere_is_blocked_and_one_that_was_there_is_not() -> None:
    hides = {**BASE, "solution.py": BASE["solution.py"] + "# note\rz = 9\n"}
    assert verdict(hides, BASE)[:2] == ("blocked", "hidden_line")
    assert verdict({**hides, "solution.py": hides["solution.py"] + "y = 8\n"}, hides)[0] == "pass"


SAME = 'def f(x):\n    """Say."""\n\n    return (x+1)  # more\n'


@pytest.mark.parametrize("text", [BASE["solution.py"], SAME, SAME.replace("\n", "\r\n")])
def test_screen_unchanged_is_a_duplicate(text: str) -> None:
    screened = screen(MANIFEST, BASE, {**BASE, "solution.py": text}, seen={})
    said = "This does the same as the base: nothing of effect is changed."
    assert screened == Screened("duplicate", "unchanged", said, syntax_digest(BASE))


def test_screen_seen_before_is_a_duplicate() -> None:
    first = {**BASE, "solution.py": "def f(x):\n    return x + 2\n"}
    again = {**BASE, "solution.py": "# again\ndef f(x):\n    return (x + 2)\n"}
    said = "Proposal 7 was the same but for layout, comments, names or sums."
    expected = Screened("duplicate", "duplicate", said, syntax_digest(first), 7)
    assert screen(MANIFEST, BASE, again, seen={syntax_digest(first): 7}) == expected


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 'a'", "x = 'b'"),
        ("x = 0.0", "x = -0.0"),
        ("if a:\n    b\n    c", "if a:\n    b\nc"),
        ("'doc'\nx = 1", "x = 'doc'"),
    ],
)
def test_syntax_digest_tells_different_programs_apart(one: str, two: str) -> None:
    assert syntax_digest({"a.py": one}) != syntax_digest({"a.py": two})


def test_syntax_digest_other_text_keeps_indentation_and_words() -> None:
    digests = {syntax_digest({"a.yaml": text}) for text in ("a:\n  b", "a:\n  b  \n\n", "a:\nb", "a: b")}
    assert len(digests) == 3


def test_syntax_digest_depends_on_the_path() -> None:
    assert syntax_digest({"a.py": "x = 1"}) != syntax_digest({"b.py": "x = 1"})


@pytest.mark.parametrize("text", ["(" * 90_000, "a" + ".b" * 60_000, "0x" + "f" * 190_000, "f'{" * 30_000, '"\\d"'])
def test_screen_hostile_python_gives_an_answer(text: str) -> None:
    screened = screen(MANIFEST, BASE, {**BASE, "solution.py": text}, seen={})
    assert screened.verdict in {"pass", "blocked"}


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.binary(), st.none(), st.integers())))
def test_screen_any_input_gives_a_verdict_in_one_line(files: dict[str, object]) -> None:
    screened = screen(MANIFEST, BASE, files, seen={})
    assert screened.verdict == "blocked"
    assert screened.message.endswith(".")
    assert "\n" not in screened.message
