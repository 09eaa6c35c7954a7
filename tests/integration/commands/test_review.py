"""`review` and `release`: who may decide, what a decision does, and going back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from improvement.commandline import caller
from improvement.exceptions import NotAllowed
from improvement.targets.repository import Repository
from tests import factories
from tests.integration.commands.console import Console, refusal

PASSWORD = "correct horse battery"


def _head(console: Console) -> Any:
    return Repository.open(console.data / "repos" / "parabola.git").history(1)[0]


def test_approve_moves_the_champion(reviewing: Console, first_run: Any, candidate: str) -> None:
    case = reviewing.json("review", "show", candidate)
    done = reviewing.json("review", "approve", candidate, "--as", "admin", "--reason", "small and sound")
    assert (done["candidate"], done["state"]) == (candidate, "released")
    assert done["digests"] == case["digests"]
    assert [(vote["person"], vote["via"], vote["self_countersigned"]) for vote in done["votes"]] == [
        ("admin", "command line", True)
    ]
    head = _head(reviewing)
    assert head.id == done["champion"] != first_run["champion"]["commit"]
    assert head.trailers["Candidate"] == [candidate]
    assert head.trailers["Approved-by"] == ["admin"]
    assert head.trailers["Evidence"] == [case["digests"]["evidence"]]
    assert head.trailers["Policy"] == [f"v1 {case['digests']['policy']}"]
    assert len(head.trailers["Checkpoint"]) == 1
    assert reviewing.json("run", "show", first_run["run"])["state"] != "parked"


def test_own_run_needs_a_reason(reviewing: Console, first_run: Any, candidate: str) -> None:
    refused = reviewing.run("review", "approve", candidate, "--as", "admin", "--json").error
    assert refused["code"] == "invalid"
    assert "typed reason" in refused["message"]
    assert _head(reviewing).id == first_run["start"]["commit"]


def test_reject_leaves_the_champion(reviewing: Console, first_run: Any, candidate: str) -> None:
    done = reviewing.json("review", "reject", candidate, "--as", "admin", "--reason", "too clever")
    assert done["state"] == "rejected"
    assert _head(reviewing).id == first_run["start"]["commit"]
    late = reviewing.run("review", "approve", candidate, "--as", "admin", "--reason", "after all", "--json").error
    assert late["code"] == "already_decided"
    assert "admin: reject" in late["message"]
    listed = json.loads(reviewing.run("review", "list", "--json").out)
    assert candidate not in [one["candidate"] for one in listed["reviews"]]


def test_request_changes_of_a_loop_that_is_over(reviewing: Console, candidate: str) -> None:
    done = reviewing.json("review", "request-changes", candidate, "--as", "admin", "--reason", "name the constant")
    assert done["state"] == "withdrawn"
    assert "name the constant" in reviewing.run("review", "show", candidate).out


def test_a_comment_on_a_line_stops_an_approval_until_it_is_resolved(reviewing: Console, candidate: str) -> None:
    path = reviewing.json("review", "show", candidate)["patch"].split("+++ b/")[1].split("\n")[0]
    saying = ("review", "comment", candidate, "--file", path, "--line", "1", "--text", "why?", "--as", "admin")
    (thread,) = reviewing.json(*saying)["comments"]
    assert (thread["path"], thread["side"], thread["line"], thread["open"]) == (path, "new", 1, True)
    assert f"comment {thread['number']}, open: {path}, line 1 of the candidate" in reviewing.run(*saying).out
    deciding = (candidate, "--as", "admin", "--reason", "reads well")
    assert reviewing.run("review", "approve", *deciding, "--json").error["code"] == "conflict"
    resolved = reviewing.json("review", "resolve", candidate, str(thread["number"]), "--as", "admin")["comments"][0]
    assert (resolved["open"], [one["text"] for one in resolved["said"]]) == (False, ["why?"])
    assert reviewing.json("review", "approve", *deciding)["state"] == "released"


def test_what_a_decision_comes_down_to_is_kept_beside_its_reason(reviewing: Console, candidate: str) -> None:
    said = ("--as", "admin", "--reason", "no", "--ground", "unclear", "--ground", "too_complex")
    (vote,) = reviewing.json("review", "reject", candidate, *said)["votes"]
    assert vote["grounds"] == ["too_complex", "unclear"]


def test_decision_on_another_change_is_refused(reviewing: Console, candidate: str) -> None:
    shown = reviewing.json("review", "show", candidate)["digests"]
    named = ("review", "approve", candidate, "--as", "admin", "--reason", "read it")
    refused = reviewing.run(*named, "--patch", shown["evidence"], "--json").error
    assert refused["code"] == "stale_decision"
    done = reviewing.json(*named, "--patch", shown["patch"][:12], "--evidence", shown["evidence"])
    assert done["state"] == "released"


def test_review_list_and_show_in_words(reviewing: Console, candidate: str) -> None:
    (waiting,) = reviewing.json("review", "list")["reviews"]
    assert (waiting["candidate"], waiting["target"], waiting["run"]) == (candidate, "parabola", "R-1")
    shown = reviewing.run("review", "show", candidate)
    assert shown.out.startswith(f"{candidate} for parabola: in review\n")
    assert "--- a/solution.py\n+++ b/solution.py\n" in shown.out


@pytest.mark.django_db
def test_review_of_what_was_never_in_review(data_directory: Path, nothing_enqueued: None) -> None:
    (measured,) = factories.measured_candidates(factories.run(), 0.5)
    assert refusal("review", "show", "C-999999")["code"] == "not_found"
    assert "it is measured" in refusal("review", "show", f"C-{measured.pk}")["message"]
    refused = refusal("review", "approve", f"C-{measured.pk}", "--as", "alice", "--reason", "early")
    assert refused["code"] == "not_found"


def test_team_asks_for_the_password(reviewing: Console, candidate: str) -> None:
    reviewing.json("user", "create", "bob", "--role", "reviewer")
    approve = ("review", "approve", candidate, "--as", "bob", "--reason", "reads well")
    assert "has none yet" in reviewing.run(*approve, "--json").error["message"]
    reviewing.set_password("bob", PASSWORD)
    assert "--password-stdin" in reviewing.run(*approve, "--json").error["message"]
    wrong = reviewing.run(*approve, "--password-stdin", "--json", typed="guess\n").error
    assert wrong == {"code": "not_allowed", "message": "This is not bob's password, so nothing was decided."}
    done = reviewing.json(*approve, "--password-stdin", typed=f"{PASSWORD}\n")
    assert done["state"] == "released"
    assert [(vote["person"], vote["self_countersigned"]) for vote in done["votes"]] == [("bob", False)]


def test_team_refuses_who_started_the_run(reviewing: Console, candidate: str) -> None:
    reviewing.json("user", "create", "bob", "--role", "reviewer")
    reviewing.set_password("admin", PASSWORD)
    own = ("review", "approve", candidate, "--as", "admin", "--reason", "mine", "--password-stdin", "--json")
    refused = reviewing.run(*own, typed=f"{PASSWORD}\n").error
    assert refused["code"] == "not_allowed"
    assert "somebody else must decide" in refused["message"]


def test_rollback_is_a_new_commit_with_the_old_tree(reviewing: Console, first_run: Any, candidate: str) -> None:
    reviewing.json("review", "approve", candidate, "--as", "admin", "--reason", "small and sound")
    start = first_run["start"]["commit"]
    back = ("release", "rollback", "parabola", "--to", start[:9], "--as", "admin")
    done = reviewing.json(*back, "--reason", "it was too clever")
    moves = [(move["kind"], move["candidate"], move["approved_by"], move["ordered_by"]) for move in done["history"]]
    assert moves == [
        ("rollback", None, [], "admin"),
        ("release", candidate, ["admin"], None),
        ("start", None, [], "admin"),
    ]
    assert done["history"][0]["restores"] == start
    repo = Repository.open(reviewing.data / "repos" / "parabola.git")
    assert repo.head() == done["champion"] == done["history"][0]["commit"]
    assert repo.read_tree(done["champion"]) == repo.read_tree(start)
    assert reviewing.json("release", "list", "parabola") == done
    assert reviewing.run(*back, "--reason", "again", "--json").status == 0


@pytest.mark.django_db
@pytest.mark.parametrize(("to", "code"), [("abc", "invalid"), ("0123456789", "not_found"), ("", "conflict")])
def test_rollback_refused(data_directory: Path, to: str, code: str) -> None:
    champion = factories.target().champion_commit
    back = ("--to", to or champion, "--as", "alice", "--reason", "why not")
    assert refusal("release", "rollback", "small", *back)["code"] == code


@pytest.mark.django_db
def test_only_the_owner_acts(data_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert caller.reader().name == "admin"
    somebody_else = data_directory.stat().st_uid + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody_else)
    with pytest.raises(NotAllowed, match="only its owner may act on the command line"):
        caller.reader()
