"""The typed reader of the environment and of .env files."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from webapp.environment import Environment, Setting, example_file, parse_env_file, read_env_file


def test_unset_and_empty_variables_mean_the_default() -> None:
    environment = Environment({"EMPTY": "  "})
    assert environment.text("UNSET", "a", "Why.") == "a"
    assert environment.text("EMPTY", "b", "Why.") == "b"


def test_every_variable_asked_for_is_remembered_in_order() -> None:
    environment = Environment({})
    environment.flag("B", True, "Second letter.")
    environment.number("A", 3, "First letter.", low=0, high=5)
    assert environment.settings == [Setting("B", "1", "Second letter."), Setting("A", "3", "First letter.")]


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("FALSE", False)])
def test_flag_understands_usual_words(text: str, value: bool) -> None:
    assert Environment({"X": text}).flag("X", not value, "Why.") is value


@pytest.mark.parametrize("text", ["-1", "4", "3.0", "three", "٣", "1e0"])
def test_number_outside_its_range_or_no_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"X must be a whole number from 0 to 3, not"):
        Environment({"X": text}).number("X", 3, "Why.", low=0, high=3)


def test_unknown_word_is_refused_with_the_words_that_exist() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"X must be one of json, pretty, not 'yaml'"):
        Environment({"X": "yaml"}).choice("X", "json", "Why.", among=("json", "pretty"))


def test_flag_that_is_neither_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"DEBUG must be 1 or 0, not 'maybe'"):
        Environment({"DEBUG": "maybe"}).flag("DEBUG", False, "Why.")


def test_items_are_split_and_stripped() -> None:
    assert Environment({"X": " a , b,,c "}).items("X", (), "Why.") == ["a", "b", "c"]
    assert Environment({}).items("X", ("d",), "Why.") == ["d"]


def test_relative_path_counts_from_the_project(tmp_path: Path) -> None:
    environment = Environment({"X": "elsewhere"})
    assert environment.path("X", tmp_path / "data", "Why.", below=tmp_path) == (tmp_path / "elsewhere").resolve()
    assert environment.settings == [Setting("X", "./data", "Why.")]


def test_env_file_forms() -> None:
    text = "# comment\n\nA=1\nexport B = two words # said\nC='kept # here'\nD=\"\"\nE=x#y\n"
    assert parse_env_file(text) == {"A": "1", "B": "two words", "C": "kept # here", "D": "", "E": "x#y"}


@pytest.mark.parametrize("line", ["no assignment", "1A=x", "=x", "A B=x"])
def test_env_file_names_the_line_it_cannot_read(line: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"Line 2 of \.env is not of the form NAME=value"):
        parse_env_file(f"A=1\n{line}\n")


@given(
    st.dictionaries(st.from_regex(r"\A[A-Z_][A-Z0-9_]{0,8}\Z"), st.text(st.characters(exclude_categories=["C", "Z"])))
)
def test_env_file_gives_back_what_was_quoted(values: dict[str, str]) -> None:
    text = "\n".join(f'{name}="{value}"' for name, value in values.items())
    assert parse_env_file(text) == values


def test_missing_env_file_is_empty_and_binary_one_is_refused(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / "none") == {}
    broken = tmp_path / ".env"
    broken.write_bytes(b"A=\xff\xfe")
    with pytest.raises(ImproperlyConfigured, match=r"\.env cannot be read"):
        read_env_file(broken)


def test_example_file_shows_each_setting_commented_out() -> None:
    assert example_file([Setting("A", "1", "Why A.")]).endswith("\n\n# Why A.\n#A=1\n")
