"""Text that somebody wrote to break a page."""

from __future__ import annotations

from webapp.presenters.highlight import changed_words
from webapp.templatetags.countersign import linked


def test_digits_of_other_scripts_are_no_link() -> None:
    assert linked("x C-١ and C-" + "9" * 40) == "x C-١ and C-" + "9" * 40


def test_numbers_of_candidates_are_links() -> None:
    assert linked("C-7 <b>") == '<a href="/candidates/7/">C-7</a> &lt;b&gt;'


def test_very_long_lines_get_no_marks() -> None:
    old = " ".join(str(number) for number in range(4000))

    assert changed_words(old, old.replace("3999", "4000")) == ([], [])
