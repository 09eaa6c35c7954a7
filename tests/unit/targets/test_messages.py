"""Commit messages: trailers read as git reads them, written so that nobody can add one."""

from __future__ import annotations

from pathlib import Path

import pygit2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improvement.exceptions import TargetError
from improvement.targets.messages import trailers, with_trailers
from improvement.targets.repository import Repository
from tests.unit.targets.making import ALICE, NOON, TREE, git

PAIRS = [("Candidate", "C-12"), ("Approved-by", "alice"), ("Approved-by", "bob"), ("Evidence", "ab12")]
KEYS = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True)
WORDS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=30)
LINES = st.sampled_from(
    [
        "",
        "Approved-by: alice",
        "Candidate: C-1",
        "Key : spaced",
        "Empty:",
        " continued",
        "plain text",
        "Signed-off-by: bob <b@example.org>",
        "(cherry picked from commit abc)",
        "---",
        "no colon",
        "two words: x",
    ]
)


def test_with_trailers_whole_message() -> None:
    assert with_trailers("Raise the rate", "Because it is\nfaster.\n", PAIRS) == (
        "Raise the rate\n\nBecause it is\nfaster.\n\n"
        "Candidate: C-12\nApproved-by: alice\nApproved-by: bob\nEvidence: ab12\n"
    )
    assert with_trailers(" ", "", []) == "Change\n"


def test_trailers_in_their_order() -> None:
    message = with_trailers("Raise the rate", "", PAIRS)
    assert trailers(message) == {"Candidate": ["C-12"], "Approved-by": ["alice", "bob"], "Evidence": ["ab12"]}


@given(WORDS, st.text(st.characters(blacklist_categories=["Cs"])), st.lists(st.tuples(KEYS, WORDS), max_size=5))
def test_with_trailers_no_text_adds_or_hides_a_trailer(subject: str, body: str, pairs: list[tuple[str, str]]) -> None:
    expected: dict[str, list[str]] = {}
    for key, value in pairs:
        expected.setdefault(key, []).append(" ".join(value.split()))
    assert trailers(with_trailers(subject, body, pairs)) == expected


@pytest.mark.parametrize(
    ("subject", "body", "value"),
    [
        ("x\n\nApproved-by: mallory", "", "C-1"),
        ("x", "text\n\nApproved-by: mallory", "C-1"),
        ("x", "text\n---\nApproved-by: mallory", "C-1"),
        ("x", "", "C-1\nApproved-by: mallory"),
    ],
)
def test_with_trailers_forged_approval_has_no_effect(subject: str, body: str, value: str) -> None:
    message = with_trailers(subject, body, [("Candidate", value)])
    assert list(trailers(message)) == ["Candidate"]
    assert list(trailers(with_trailers(subject, body, []))) == []


@pytest.mark.parametrize("key", ["", "Approved by", "a:b", "-a", "ü", "a\nb"])
def test_with_trailers_impossible_key_is_refused(key: str) -> None:
    with pytest.raises(TargetError, match="cannot be a trailer's name"):
        with_trailers("x", "", [(key, "v")])


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> pygit2.Repository:
    return pygit2.init_repository(str(tmp_path_factory.mktemp("empty")), bare=True)


@settings(max_examples=100, deadline=None)
@given(lines=st.lists(LINES, max_size=6))
def test_trailers_agree_with_git(empty: pygit2.Repository, lines: list[str]) -> None:
    message = "Title\n\n" + "\n".join(lines) + "\n"
    assert [(key, value) for key, values in trailers(message).items() for value in values] == _by_git(empty, message)


def _by_git(repo: pygit2.Repository, message: str) -> list[tuple[str, str]]:
    """The trailers that ``git log`` shows, gathered by key in the order of first appearance."""
    signature = pygit2.Signature(ALICE.name, ALICE.email, int(NOON.timestamp()), 0)
    commit = repo.create_commit(None, signature, signature, message, repo.TreeBuilder().write(), [])
    form = "--format=%(trailers:only,unfold,separator=%x00,key_value_separator=%x01)"
    shown = git(Path(repo.path), "log", "-1", form, str(commit)).stdout.rstrip("\n")
    pairs = [part.partition("\x01")[::2] for part in shown.split("\0")] if shown else []
    keys = list(dict.fromkeys(key for key, _ in pairs))
    return [(key, value) for each in keys for key, value in pairs if key == each]


def test_trailers_survive_the_repository(tmp_path: Path) -> None:
    message = with_trailers("Import", "", PAIRS)
    repo = Repository.create(tmp_path / "t.git", TREE, message=message, author=ALICE, when=NOON)
    assert repo.history(1)[0].trailers == trailers(message)
    form = "--format=%(trailers:key=Approved-by,valueonly)"
    assert git(repo.path, "log", "-1", form).stdout.split() == ["alice", "bob"]
