"""`target`: import, check, and commits that come in and go out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pygit2
import pytest

from improvement.targets.repository import Repository
from tests.integration.commands.console import (
    HOLDOUT,
    MANIFEST,
    SOLUTION,
    UNSTEADY_EVALUATOR,
    Console,
    clone,
    commit,
    refusal,
    write_task,
)
from tests.integration.imported.tasks import COARSE, SEARCH


def _repository(console: Console) -> Path:
    return console.data / "repos" / "parabola.git"


def test_add_show_list(empty: Console, task: Path) -> None:
    added = empty.json("target", "add", task, "--name", "mine")
    head = Repository.open(empty.data / "repos" / "mine.git").head()
    assert added.keys() >= {"target", "format", "champion", "score", "isolation", "warnings"}
    assert (added["target"], added["format"], added["isolation"]) == ("mine", "countersign", "separate")
    assert (added["champion"], added["score"]) == (head, -6.25)
    assert empty.json("target", "show", "mine") == added
    assert empty.json("target", "list") == {"targets": [added]}
    again = empty.run("target", "add", task, "--name", "mine", "--json").error
    assert again["code"] == "conflict"


def test_add_what_cannot_be_measured_leaves_nothing(empty: Console, tmp_path: Path) -> None:
    broken = write_task(tmp_path / "broken", evaluator="def evaluate(candidate, **kept):\n    return 1 / 0\n")
    refused = empty.run("target", "add", broken)
    assert (refused.status, refused.out, refused.err.count("\n")) == (1, "", 1)
    assert "cannot be measured" in refused.err
    assert empty.json("target", "list") == {"targets": []}
    assert not _repository(empty).exists()


def test_add_what_needs_a_package_that_is_not_there(empty: Console, task: Path, tmp_path: Path) -> None:
    needy = tmp_path / "needy"
    shutil.copytree(task, needy)
    manifest = (needy / "countersign.toml").read_text()
    (needy / "countersign.toml").write_text(
        manifest.replace("seconds = 10", 'seconds = 10\npackages = ["glass_beads"]')
    )
    refused = empty.run("target", "add", needy, "--json").error
    assert refused["message"].startswith("The target parabola needs glass_beads, which is not installed")
    assert empty.json("target", "list") == {"targets": []}


def test_extras_are_listed_with_their_size(empty: Console) -> None:
    listed = empty.json("extras")["extras"]
    assert {"name": "automl", "installed": True} in [{key: one[key] for key in ("name", "installed")} for one in listed]
    assert all(one["megabytes"] > 0 and one["for"] for one in listed)


def test_add_a_shinka_task_as_it_is(empty: Console, tmp_path: Path) -> None:
    (tmp_path / "Steps").mkdir()
    (tmp_path / "Steps" / "initial.py").write_text(COARSE)
    (tmp_path / "Steps" / "evaluate.py").write_text(SEARCH)
    added = empty.json("target", "add", tmp_path / "Steps")
    assert (added["target"], added["format"], added["isolation"]) == ("steps", "shinka", "cooperative")
    assert added["score"] < 0


@pytest.mark.django_db
@pytest.mark.parametrize("action", ["show", "check", "pull"])
def test_unknown_target(data_directory: Path, action: str) -> None:
    assert refusal("target", action, "nowhere")["code"] == "not_found"


def test_check_finds_a_sound_target_ready(reviewing: Console) -> None:
    found = reviewing.json("target", "check", "parabola")
    assert (found["ok"], found["deterministic"]) == (True, True)
    assert found["scores"] == {"0": -6.25, "1": -6.25, "2": -6.25}
    assert found["seconds"] > 0


def test_check_says_what_to_mend(empty: Console, tmp_path: Path) -> None:
    empty.json("target", "add", write_task(tmp_path / "unsteady", evaluator=UNSTEADY_EVALUATOR))
    done = empty.run("target", "check", "parabola", "--json")
    assert (done.status, done.value["ok"], done.value["deterministic"]) == (1, False, False)
    (bad,) = [check for check in done.value["checks"] if not check["ok"]]
    assert bad["name"] == "determinism"
    assert "from its seed argument" in bad["detail"]


def test_check_forgives_what_is_smaller_than_what_matters(empty: Console, tmp_path: Path) -> None:
    """Times are never exact: the manifest says how large a difference counts."""
    manifest = MANIFEST.replace("epsilon = 1e-9", "epsilon = 1000004")
    assert manifest != MANIFEST
    empty.json("target", "add", write_task(tmp_path / "timed", evaluator=UNSTEADY_EVALUATOR, manifest=manifest))
    found = empty.json("target", "check", "parabola")
    assert (found["ok"], found["deterministic"]) == (True, False)
    (said,) = [check["detail"] for check in found["checks"] if check["name"] == "determinism"]
    assert "only 1e+06 matters" in said


def test_pull_makes_a_candidate_that_people_decide_about(reviewing: Console, tmp_path: Path) -> None:
    champion = reviewing.json("target", "show", "parabola")["champion"]
    copy = clone(_repository(reviewing), tmp_path / "clone")
    commit(copy, {"solution.py": SOLUTION.format(value=2.75)})
    pulled = reviewing.json("target", "pull", "parabola", tmp_path / "clone", "--reason", "thought about it")
    assert (pulled["state"], pulled["score"], pulled["base"]) == ("in_review", -0.0625, champion)
    assert reviewing.json("target", "show", "parabola")["champion"] == champion
    done = reviewing.json("review", "approve", pulled["candidate"], "--as", "admin", "--reason", "it is mine")
    assert (done["state"], done["note"]) == ("released", "thought about it")
    reviewing.json("target", "push", "parabola", _bare(tmp_path / "theirs.git"))
    assert pygit2.Repository(str(tmp_path / "theirs.git")).references["refs/heads/main"].target == done["champion"]


def test_pull_of_no_improvement_is_withdrawn(reviewing: Console, tmp_path: Path) -> None:
    copy = clone(_repository(reviewing), tmp_path / "clone")
    commit(copy, {"solution.py": SOLUTION.format(value=-4.0)})
    pulled = reviewing.json("target", "pull", "parabola", tmp_path / "clone")
    assert pulled["state"] == "withdrawn"
    assert "no better than the champion" in pulled["message"]


def test_pull_what_was_pushed_into_the_own_repository(reviewing: Console, tmp_path: Path) -> None:
    champion = Repository.open(_repository(reviewing)).head()
    assert reviewing.run("target", "pull", "parabola", "--json").error["code"] == "conflict"
    copy = clone(_repository(reviewing), tmp_path / "clone")
    commit(copy, {"solution.py": SOLUTION.format(value=2.5)})
    copy.remotes["origin"].push(["refs/heads/main:refs/heads/main"])
    assert Repository.open(_repository(reviewing)).head() != champion
    assert reviewing.json("target", "pull", "parabola")["state"] == "in_review"
    assert Repository.open(_repository(reviewing)).head() == champion


def test_a_branch_that_was_moved_by_hand_is_told_and_put_back(reviewing: Console, tmp_path: Path) -> None:
    champion = Repository.open(_repository(reviewing)).head()
    copy = clone(_repository(reviewing), tmp_path / "clone")
    forged = commit(copy, {"solution.py": SOLUTION.format(value=2.5)})
    copy.remotes["origin"].push(["refs/heads/main:refs/heads/main"])
    refused = reviewing.run("improve", "parabola", "--json").error
    assert (refused["code"], "moved by hand" in refused["message"]) == ("conflict", True)
    found = reviewing.run("target", "check", "parabola", "--json").value
    (bad,) = [check for check in found["checks"] if not check["ok"]]
    assert bad["name"] == "repository"
    assert "target restore parabola" in bad["detail"]
    assert reviewing.json("target", "show", "parabola")["branch_moved_to"] == forged
    restored = reviewing.json("target", "restore", "parabola", "--as", "admin")
    assert (restored["champion"], restored["branch_moved_to"]) == (champion, None)
    assert Repository.open(_repository(reviewing)).head() == champion


def test_a_branch_that_is_gone_is_told_and_made_again(reviewing: Console) -> None:
    repository = pygit2.Repository(str(_repository(reviewing)))
    champion = Repository.open(_repository(reviewing)).head()
    repository.references.delete("refs/heads/main")
    found = reviewing.run("target", "check", "parabola", "--json").value
    (bad,) = [check for check in found["checks"] if not check["ok"]]
    assert bad["name"] == "repository"
    assert bad["detail"].startswith("its branch is gone, so no release and no run begins: target restore parabola")
    reviewing.json("target", "restore", "parabola", "--as", "admin")
    assert Repository.open(_repository(reviewing)).head() == champion


def test_pull_of_another_evaluator_only_by_an_administrator(reviewing: Console, tmp_path: Path) -> None:
    copy = clone(_repository(reviewing), tmp_path / "clone")
    made = commit(copy, {"holdout.py": HOLDOUT + "\n# read again\n", "solution.py": SOLUTION.format(value=2.0)})
    pull = ("target", "pull", "parabola", tmp_path / "clone")
    refused = reviewing.run(*pull, "--json").error
    assert refused["code"] == "target"
    assert "changes holdout.py" in refused["message"]
    take_over = (*pull, "--as-champion", "--as", "admin")
    assert "Say why" in reviewing.run(*take_over, "--json").error["message"]
    taken = reviewing.json(*take_over, "--reason", "agreed in the meeting")
    assert (taken["champion"], taken["score"]) == (made, -1.0)
    assert Repository.open(_repository(reviewing)).head() == made
    newest = reviewing.json("release", "list", "parabola")["history"][0]
    assert (newest["kind"], newest["reason"]) == ("external", "agreed in the meeting")


def test_pull_from_nowhere(reviewing: Console, tmp_path: Path) -> None:
    refused = reviewing.run("target", "pull", "parabola", tmp_path / "nowhere", "--json").error
    assert refused["code"] == "target"


def _bare(path: Path) -> Path:
    pygit2.init_repository(str(path), bare=True)
    return path
