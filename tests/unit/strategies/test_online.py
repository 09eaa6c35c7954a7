"""The online strategy: challengers of the champion, the league, and what decisions and champions change."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from tests.unit.strategies.loading import PACKAGES, init, modules, result
from tests.unit.strategies.programs import TUNABLE, TUNABLE_SPACE, knobs_score, run

dimensions, league, challengers = modules(PACKAGES / "online", "kit.dimensions", "league", "challengers")


def searching(files: dict[str, str] | None = None, **settings: Any) -> Any:
    files = files or {"knobs.py": TUNABLE}
    task = init(files, space=TUNABLE_SPACE, score=knobs_score(TUNABLE))["task"]
    return challengers.Challengers(task, 1, challengers.Settings(**settings))


def advanced(search: Any, generations: int) -> float:
    """Let a search work, and return the best score that it met."""
    best = -math.inf
    for _ in range(generations):
        first = search.number
        proposals = search.ask(8)
        scores = [knobs_score(proposal["files"]["knobs.py"]) for proposal in proposals]
        search.tell([result(first + place, score) for place, score in enumerate(scores)], [], None)
        best = max([best, *(score for score in scores if score is not None)])
    return best


def test_challengers_come_far_above_the_champion() -> None:
    assert advanced(searching(), 25) > knobs_score(TUNABLE) / 10  # 0 is best


def test_no_challenger_is_proposed_twice_and_each_says_what_it_sets() -> None:
    search = searching()
    proposals = [proposal for _ in range(10) for proposal in search.ask(8)]
    assert len({proposal["files"]["knobs.py"] for proposal in proposals}) == len(proposals)
    assert TUNABLE not in {proposal["files"]["knobs.py"] for proposal in proposals}
    for proposal in proposals:
        text = proposal["note"].removeprefix("set ").split(", ")[0]
        name, _, value = text.partition(" = ")
        assert str(run(proposal["files"]["knobs.py"])[name]) == value


def test_a_small_space_ends_with_an_empty_list() -> None:
    entry = {"name": "KIND", "type": "choice", "choices": ["flat", "steep"]}
    task = init({"knobs.py": 'KIND = "flat"\n'}, space=[entry], score=0.0)["task"]
    search = challengers.Challengers(task, 1, challengers.Settings())
    assert [proposal["files"]["knobs.py"] for proposal in search.ask(8)] == ["KIND = 'steep'\n"]
    assert search.ask(8) == []


def test_a_rejected_rule_is_the_parent_of_no_more() -> None:
    search = searching()
    advanced(search, 6)
    best = search.league.members[0].number
    search.tell([], [{"number": best, "verdict": "rejected", "reason": "too eager"}], None)
    assert best not in [member.number for member in search.league.members]


def test_a_league_that_people_emptied_begins_with_the_champion_again() -> None:
    search = searching(league=2)
    advanced(search, 6)
    rejected = [{"number": one.number, "verdict": "rejected", "reason": ""} for one in search.league.members]
    search.tell([], rejected, None)
    assert search.league.members == [search.champion]
    assert search.ask(8)


def test_a_rule_that_fresh_streams_did_not_confirm_counts_as_the_champion() -> None:
    search = searching()
    advanced(search, 6)
    best = search.league.members[0]
    search.tell([], [{"number": best.number, "verdict": "unconfirmed", "reason": ""}], None)
    lowered = next(member for member in search.league.members if member.values == best.values)
    assert lowered.worth == search.champion.worth < best.worth


def test_a_champion_that_moved_is_what_challengers_are_written_into() -> None:
    search = searching()
    moved = TUNABLE.replace("\n", "\n# by hand\n", 1)
    search.tell([], [], {"files": {"knobs.py": moved}, "score": 5.0, "metrics": {}})
    assert search.champion.worth == 5.0
    assert all("# by hand" in proposal["files"]["knobs.py"] for proposal in search.ask(8))


def test_steps_that_help_become_longer_and_others_shorter() -> None:
    search = searching()
    advanced(search, 8)
    widths = set(search.widths.values())
    assert min(widths) < challengers.Settings().width
    assert all(challengers.NARROWEST <= width <= challengers.WIDEST for width in widths)


@pytest.mark.parametrize("entry", [entry for entry in TUNABLE_SPACE if entry["type"] != "choice"])
def test_steps_stay_within_the_declared_range(entry: dict[str, Any]) -> None:
    dimension, chance = dimensions.read(entry), random.Random(3)
    value = dimension.fresh(chance)
    for _ in range(200):
        value = dimension.near(value, 0.5, chance)
        assert entry["low"] <= value <= entry["high"]
        assert type(value) is (int if entry["type"] == "int" else float)


def test_a_target_without_declared_settings_is_refused() -> None:
    with pytest.raises(challengers.RefusalError, match="declares no"):
        challengers.Challengers(init({"knobs.py": TUNABLE}, space=[], score=0.0)["task"], 1, challengers.Settings())
