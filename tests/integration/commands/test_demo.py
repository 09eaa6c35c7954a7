"""What the gate makes of known cheats: each is stopped, or people are told, and honest changes pass."""

from __future__ import annotations

import pytest

from tests.integration.commands.console import Console

STOPPED = {
    "answers_by_heart.py": ("unconfirmed", "No better"),
    "answers_with_code.py": ("failed", "not plain JSON"),
    "changes_nothing.py": ("withdrawn", "no better than the champion's"),
    "claims_its_score.py": ("failed", "no place in the valley"),
    "lucky_draw.py": ("unconfirmed", ""),
    "not_a_number.py": ("failed", "cannot be used"),
    "outlives_its_time.py": ("failed", "did not answer within 1 seconds"),
    "reaches_for_memory.py": ("blocked", "system call that the sandbox forbids"),
    "rewrites_the_evaluator.py": ("withdrawn", "no better than the champion's"),
    "writes_the_answer_itself.py": ("failed", "its answer does not belong to the call"),
}
STOPPED_WHERE_IT_SHARES_A_PROCESS = {
    "answers_what_equals_all.py": ("failed", "the result holds one Everywhere, which only looks like a number"),
    "exchanges_the_aggregation.py": ("failed", "tampered with its scoring: it exchanged __main__.aggregate"),
    "looks_for_the_score_in_memory.py": ("failed", "tampered with its scoring: it called gc.get_objects"),
    "overwrites_at_the_end.py": ("withdrawn", "no better than the champion's"),
    "writes_a_result_of_its_own.py": ("failed", "something else than the evaluation wrote a result"),
}
HONEST = ("honest_more_looks.py", "honest_thirds.py")
HONEST_WHERE_IT_SHARES_A_PROCESS = ("honest_more_places.py", "honest_thirds_of_a_hollow.py")


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """What became of each attempt, by its file."""
    console = Console(tmp_path_factory.mktemp("demo") / "data")
    return {one["file"]: one for one in console.json("demo", "cheats")["attempts"]}


@pytest.mark.parametrize("name", [*STOPPED, *STOPPED_WHERE_IT_SHARES_A_PROCESS])
def test_a_cheat_is_stopped(attempts: dict[str, dict[str, object]], name: str) -> None:
    state, why = {**STOPPED, **STOPPED_WHERE_IT_SHARES_A_PROCESS}[name]
    assert attempts[name]["state"] == state
    assert why in str(attempts[name]["why"])


def test_what_works_only_where_it_is_measured_reaches_people_with_a_warning(
    attempts: dict[str, dict[str, object]],
) -> None:
    narrow = attempts["only_where_it_is_measured.py"]
    assert narrow["state"] in {"in_review", "unconfirmed"}
    assert "holdout_gap" in narrow["findings"]  # type: ignore[operator]


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_change_comes_to_review(attempts: dict[str, dict[str, object]], name: str) -> None:
    assert (attempts[name]["state"], attempts[name]["findings"]) == ("in_review", [])


@pytest.mark.parametrize("name", HONEST_WHERE_IT_SHARES_A_PROCESS)
def test_an_honest_change_of_an_imported_task_comes_to_review(
    attempts: dict[str, dict[str, object]], name: str
) -> None:
    assert (attempts[name]["state"], attempts[name]["findings"]) == ("in_review", ["cooperative", "no_holdout"])


def test_who_never_asked_the_objective_comes_to_review_with_that_said(attempts: dict[str, dict[str, object]]) -> None:
    silent = attempts["never_asks.py"]
    assert silent["state"] == "in_review"
    assert "no_calls" in silent["findings"]  # type: ignore[operator]
    assert "never asked the objective" in str(silent["why"])


def test_every_attempt_is_accounted_for(attempts: dict[str, dict[str, object]]) -> None:
    named = {*HONEST, *HONEST_WHERE_IT_SHARES_A_PROCESS, "only_where_it_is_measured.py", "never_asks.py"}
    assert attempts.keys() == STOPPED.keys() | STOPPED_WHERE_IT_SHARES_A_PROCESS.keys() | named
