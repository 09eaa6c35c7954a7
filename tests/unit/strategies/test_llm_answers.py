"""What the llm strategy makes of answers: edits and whole files, found, put in place, or refused with a reason."""

from __future__ import annotations

import pytest

from tests.unit.strategies.loading import PACKAGES, modules

READING, APPLYING, NOVELTY = modules(PACKAGES / "llm", "reading", "applying", "novelty")
ONE = {"area.py": "def area(width, height):\n    if width < 0:\n        return 0\n    return width + height\n"}
TWO = {**ONE, "text.py": "NAME = 'area'\n"}
MARKED = {
    "rate.py": "import math\n\n# EVOLVE-BLOCK-START\nrate = 1\n# EVOLVE-BLOCK-END\n\n\n"
    "def cost(n):\n    return rate * n\n"
}
MENDED = ONE["area.py"].replace("+", "*")


def edit(old: str, new: str, path: str = "area.py") -> str:
    """Return one edit as models are asked to write it."""
    return f"{path}\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n"


def made(answer: str, files: dict[str, str] = ONE) -> dict[str, str]:
    """Return the files after an answer."""
    return APPLYING.applied(files, READING.read(answer, sorted(files)))


def refused(answer: str, files: dict[str, str] = ONE) -> str:
    """Return why an answer cannot be used."""
    with pytest.raises(READING.UnusableError) as caught:
        made(answer, files)
    return str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        "Change: an area is a product.\n\n" + edit("    return width + height", "    return width * height"),
        "```python\n" + edit("    return width + height", "    return width * height") + "```\n",
        "```\n" + edit("    return width + height", "    return width * height", path="**area.py**:") + "```",
        edit("return width + height", "return width * height"),
        edit("        return width  +  height", "        return width * height"),
        edit("    return width + height", "    return width * height", path=""),
        edit("    return width + height\n", "    return width * height\n", path="`./area.py`"),
        f"area.py\n```python\n{MENDED}```\n",
        f"Here it is:\n```python area.py\n{MENDED}```\nDone.",
        f"```python\n{MENDED}```\n",
        f"~~~\n{MENDED}~~~\n",
    ],
)
def test_an_answer_in_any_usual_form_is_understood(answer: str) -> None:
    assert made(answer) == {"area.py": MENDED}


def test_several_edits_of_several_files_are_made_in_their_order() -> None:
    answer = (
        edit("    return width + height", "    return width - height")
        + edit("    return width - height", "    return width * height", path="")
        + "\ntext.py\n"
        + edit("NAME = 'area'", "NAME = 'surface'", path="")
    )
    assert made(answer, TWO) == {"area.py": MENDED, "text.py": "NAME = 'surface'\n"}


def test_an_edit_without_path_goes_to_the_one_file_that_holds_its_lines() -> None:
    assert made(edit("NAME = 'area'", "NAME = 'surface'", path=""), TWO)["text.py"] == "NAME = 'surface'\n"


def test_edits_take_over_the_indentation_of_the_file() -> None:
    nested = edit("if width < 0:\n    return 0", "if width < 0 or height < 0:\n    return 0")
    assert "    if width < 0 or height < 0:\n        return 0\n" in made(nested)["area.py"]


def test_lines_can_be_removed() -> None:
    assert made(edit("    if width < 0:\n        return 0\n", ""))["area.py"].count("\n") == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("I cannot help with that.", "no edit in the answer"),
        (edit("    return width / height", "    return 1"), "These lines are not in area.py"),
        (edit("", "x = 1"), "SEARCH part of an edit of area.py is empty"),
        (edit("    return width + height", "    return width + height"), "change nothing"),
        ("area.py\n<<<<<<< SEARCH\n    return width + height\n=======\n    return", "no >>>>>>> REPLACE"),
        ("area.py\n<<<<<<< SEARCH\n    return width", "no ======="),
        (f"area.py\n```python\n{MENDED}", "breaks off inside a file"),
        (f"area.py\n```\n{MENDED}```\narea.py\n```\n{MENDED}```\n", "same file twice"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(answer: str, said: str) -> None:
    assert said in refused(answer)


def test_an_edit_that_fits_in_two_places_asks_for_more_lines() -> None:
    twice = {"a.py": "x = 1\ny = 2\nx = 1\n"}
    assert "are in a.py 2 times" in refused(edit("x = 1", "x = 3", path="a.py"), twice)
    assert made(edit("y = 2\nx = 1", "y = 2\nx = 3", path="a.py"), twice)["a.py"] == "x = 1\ny = 2\nx = 3\n"


def test_files_that_are_not_there_are_not_written() -> None:
    answer = "evaluator.py\n```python\ndef evaluate(**_):\n    return {'score': 99}\n```\n"
    assert "no edit in the answer" in refused(answer, TWO)


@pytest.mark.parametrize(
    "answer",
    [
        edit("rate = 1", "rate = 2", "rate.py"),
        "rate.py\n```\n" + MARKED["rate.py"].replace("rate = 1", "rate = 2") + "```\n",
        "rate.py\n```\nimport os\n# EVOLVE-BLOCK-START\nrate = 2\n# EVOLVE-BLOCK-END\n```\n",
        "rate.py\n```\nrate = 2\n```\n",
    ],
)
def test_only_what_is_between_the_markers_is_taken(answer: str) -> None:
    assert made(answer, MARKED) == {"rate.py": MARKED["rate.py"].replace("rate = 1", "rate = 2")}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return rate * n", "    return 0"),
        ("# EVOLVE-BLOCK-END", "x = 1"),
        ("rate = 1\n# EVOLVE-BLOCK-END", "# EVOLVE-BLOCK-END\nrate = 1"),
    ],
)
def test_edits_outside_of_the_markers_are_refused(old: str, new: str) -> None:
    assert "only the lines between" in refused(edit(old, new, "rate.py"), MARKED)


def test_what_a_model_says_of_its_change_is_its_summary() -> None:
    assert READING.summary("Sure!\n**Change:** an area is a product\n") == "an area is a product"
    assert READING.summary("nothing to say") == ""


def test_programs_are_equal_but_for_layout_comments_and_docstrings() -> None:
    same = {"area.py": '"""Areas."""\n' + ONE["area.py"].replace("    return 0", "    return 0  # nothing")}
    assert NOVELTY.mark(same) == NOVELTY.mark(ONE)
    assert NOVELTY.mark({"area.py": MENDED}) != NOVELTY.mark(ONE)
    assert NOVELTY.mark({"area.md": "a\n\nb  \n"}) == NOVELTY.mark({"area.md": "a\nb\n"})


def test_what_is_no_python_is_named_with_its_line() -> None:
    assert NOVELTY.syntax_problem({"a.py": "x = 1\ny = (\n"}).startswith("a.py, line 2, is no valid Python")
    assert NOVELTY.syntax_problem({"a.py": "x = 1\n", "b.md": "y = ("}) == ""
