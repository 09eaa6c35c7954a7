"""What strategy packages share: bandit, cells, fronts, and the places of numbers in a text."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as given_by

from tests.unit.strategies.loading import PACKAGES, modules

bandit, blocks, cells, cloud, edits, front, islands, said, selection = modules(
    PACKAGES / "kit",
    "kit.bandit", "kit.blocks", "kit.cells", "kit.cloud", "kit.edits", "kit.front", "kit.islands", "kit.remarks",
    "kit.selection",
)  # fmt: skip

POINTS = given_by.lists(given_by.tuples(given_by.integers(0, 9), given_by.integers(0, 9)), max_size=12)


def drawn(arms: object, times: int) -> dict[str, int]:
    """Count how often a bandit draws each of its arms."""
    chance = random.Random(1)
    names = [arms.choose(chance) for _ in range(times)]
    return {name: names.count(name) for name in sorted(set(names))}


def test_a_bandit_tries_everything_once_before_anything_twice() -> None:
    arms = bandit.Bandit({"a": 100.0, "b": 1.0, "c": 1.0})
    chance = random.Random(1)
    first = []
    for _ in range(3):
        first.append(arms.choose(chance))
        arms.note_use(first[-1])
    assert sorted(first) == ["a", "b", "c"]


def test_a_bandit_prefers_what_brought_more_and_forgets_nothing_entirely() -> None:
    arms = bandit.Bandit({"good": 1.0, "bad": 1.0})
    for name, gain in (("good", 1.0), ("bad", 0.0)) * 20:
        arms.note_use(name)
        arms.reward(name, gain)
    counts = drawn(arms, 600)
    assert 4 < counts["good"] / counts["bad"] < 6.5  # 1.25 : 0.25


def test_a_bandit_divides_gain_by_cost() -> None:
    arms = bandit.Bandit({"cheap": 1.0, "dear": 1.0})
    for name, cost in (("cheap", 1.0), ("dear", 10.0)) * 20:
        arms.note_use(name)
        arms.reward(name, 0.5, cost)
    assert arms.merit("cheap") == pytest.approx(10 * arms.merit("dear"))
    assert drawn(arms, 600)["cheap"] > 400


def test_a_cost_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        bandit.Bandit({"a": 1.0}).reward("a", 1.0, cost=0.0)


def test_a_restored_bandit_draws_what_the_first_would_have() -> None:
    arms = bandit.Bandit({"a": 1.0, "b": 2.0})
    for name, gain, cost in (("a", 0.3, 2.0), ("b", 0.1, 5.0), ("a", 0.9, 1.0)):
        arms.note_use(name)
        arms.reward(name, gain, cost)
    again = bandit.Bandit({"a": 1.0, "b": 2.0, "new": 1.0})
    again.restore(json.loads(json.dumps(arms.state())))
    assert (again.merit("a"), again.merit("b"), again.used["new"]) == (arms.merit("a"), arms.merit("b"), 0)


def grid() -> object:
    """Return cells over two features that hold (merit, name)."""
    axes = [cells.Feature("speed", 0.0, 10.0, 5), cells.Feature("size", 0.0, 1.0, 2)]
    return cells.Cells(axes, merit=lambda thing: thing[0])


@pytest.mark.parametrize(
    ("values", "cell"),
    [
        ({"speed": 0.0, "size": 0.0}, (0, 0)),
        ({"speed": 9.99, "size": 0.5}, (4, 1)),
        ({"speed": 10.0, "size": 1.0}, (4, 1)),
        ({"speed": -3.0, "size": 99.0}, (0, 1)),
        ({"speed": 1.0}, None),
        ({"speed": float("nan"), "size": 0.0}, None),
    ],
)
def test_values_lie_in_a_cell(values: dict[str, float], cell: tuple[int, ...] | None) -> None:
    assert grid().cell_of(values) == cell


def test_a_cell_keeps_the_best_and_of_equals_the_first() -> None:
    archive = grid()
    taken = [archive.add((0, 0), thing) for thing in [(1.0, "a"), (1.0, "b"), (2.0, "c"), (1.5, "d")]]
    assert (taken, archive.elites) == ([True, False, True, False], {(0, 0): (2.0, "c")})
    archive.add((4, 1), (9.0, "e"))
    assert archive.best() == (9.0, "e")


def test_cells_whose_children_enter_are_chosen_more_often() -> None:
    archive = grid()
    archive.add((0, 0), (1.0, "a"))
    archive.add((1, 0), (1.0, "b"))
    for _ in range(3):
        archive.note_child((0, 0), entered=True)
        archive.note_child((1, 0), entered=False)
    chance = random.Random(1)
    chosen = [archive.choose(chance) for _ in range(300)]
    assert chosen.count((0, 0)) > 250
    assert chosen.count((1, 0)) > 0


def test_empty_cells_offer_nothing() -> None:
    with pytest.raises(LookupError, match="every cell is empty"):
        grid().choose(random.Random(1))


def test_restored_cells_choose_the_same() -> None:
    archive, again = grid(), grid()
    for place in range(4):
        archive.add((place, 1), (float(place), f"{place}"))
    archive.note_child((2, 1), entered=True)
    again.restore(json.loads(json.dumps(archive.state(list))), tuple)
    first, second = random.Random(7), random.Random(7)
    assert [archive.choose(first) for _ in range(20)] == [again.choose(second) for _ in range(20)]
    assert again.elites == archive.elites


def test_length_is_a_feature_of_the_text() -> None:
    assert cells.features_of({"a.py": "x = 1\n", "b.py": "y"}, {"speed": 2.0}) == {"speed": 2.0, "program_length": 7.0}


@given(POINTS)
def test_no_point_of_a_front_beats_another_and_each_other_point_is_beaten(points: list[tuple[int, int]]) -> None:
    chosen = front.front(points)
    assert not any(front.dominates(points[a], points[b]) for a in chosen for b in chosen)
    assert all(
        any(front.dominates(points[a], points[b]) for a in chosen) for b in range(len(points)) if b not in chosen
    )


@given(POINTS)
def test_who_is_beaten_has_a_later_rank(points: list[tuple[int, int]]) -> None:
    ranks = front.ranks(points)
    pairs = [(a, b) for a in range(len(points)) for b in range(len(points)) if front.dominates(points[a], points[b])]
    assert all(ranks[a] < ranks[b] for a, b in pairs)


def test_order_is_by_rank_then_by_room_and_the_best_of_the_first_goal_leads() -> None:
    points = [(5.0, 0.0), (4.0, 1.0), (3.9, 1.1), (0.0, 5.0), (0.0, 0.0)]
    assert front.order(points) == [0, 3, 2, 1, 4]


PROGRAM = """A = 1.5
# EVOLVE-BLOCK-START
B = -2.5  # é: bytes are not characters
def f(x):
    é = 3.25; return f"{x * 7.5}" + x[4] * 6 - \
        9.0
# EVOLVE-BLOCK-END
C = 8
"""


def test_numbers_are_found_where_they_stand() -> None:
    found = blocks.numbers(PROGRAM, blocks.marked(PROGRAM))
    assert [number.value for number in found] == [2.5, 3.25, 6, 9.0]
    assert [PROGRAM[number.start : number.end] for number in found] == ["2.5", "3.25", "6", "9.0"]


def test_a_minus_belongs_to_a_number_where_that_is_asked_for() -> None:
    found = blocks.numbers(PROGRAM, blocks.marked(PROGRAM), signed=True)
    assert [number.value for number in found] == [-2.5, 3.25, 6, 9.0]


def test_without_markers_nothing_is_marked_and_everything_may_change() -> None:
    assert (blocks.marked("a = 1\nb = 2\n"), blocks.changeable("a = 1\nb = 2\n")) == ([], [range(1, 3)])


def test_several_blocks_are_found_and_one_that_does_not_end_is_none() -> None:
    text = "# EVOLVE-BLOCK-START\na\n# EVOLVE-BLOCK-END\nb\n# EVOLVE-BLOCK-START\nc\nd\n# EVOLVE-BLOCK-END\n"
    assert blocks.marked(text) == [range(2, 3), range(6, 8)]
    assert blocks.marked("# EVOLVE-BLOCK-START\na\n") == []


def test_edits_are_made_together_and_may_not_overlap() -> None:
    assert edits.edited("abcdef", [edits.Edit(4, 5, "E"), edits.Edit(0, 2, "")]) == "cdEf"
    with pytest.raises(ValueError, match="overlap"):
        edits.edited("abcdef", [edits.Edit(0, 3, ""), edits.Edit(2, 4, "")])


def test_what_people_said_is_told_line_by_line_but_for_what_is_settled() -> None:
    comment = {"path": "a.py", "side": "new", "line": 3, "code": "    x = 1", "text": "why 1?", "resolved": False}
    decision = {
        "number": 4,
        "verdict": "rejected",
        "reason": " use a name ",
        "grounds": ["too_complex", "unclear"],
        "comments": [comment, {**comment, "side": "old", "text": "gone"}, {**comment, "text": "ok", "resolved": True}],
    }
    assert said.remarks(decision) == [
        "too complex, unclear. use a name",
        "a.py, line 3 of the change (`x = 1`): why 1?",
        "a.py, line 3 of what was there (`x = 1`): gone",
    ]
    assert said.remarks({"number": 4, "verdict": "released", "reason": "", "grounds": [], "comments": []}) == []


def archipelago(count: int = 2, size: int = 3, start: str = "s0") -> object:
    """Return islands of texts such as "a5" and "b3,7": a form, and what it is worth by one goal or several."""
    rules = islands.Rules(
        worth=lambda text: tuple(float(part) for part in text[1:].rstrip("!").split(",")),
        form=lambda text: text[0],
        succeeds=lambda new, old: new.endswith("!"),
        doubts=lambda text: int(text.startswith("d")),
    )
    return islands.Islands(rules, start, count, size)


def test_an_island_keeps_the_best_of_every_form() -> None:
    found = archipelago()
    leads = [found.add(0, text) for text in ("a2", "a1", "b1", "a5", "c5", "c5!")]
    assert leads == [True, False, False, True, False, False]
    assert [island.members for island in found.all] == [["c5!", "b1", "s0"], ["s0"]]
    assert found.best() == "c5!"


def test_with_several_goals_an_island_keeps_the_front() -> None:
    found = archipelago(size=4, start="s0,0")
    for text in ("a5,0", "b4,4", "c3,3", "e1,6", "b3,5", "b3,4"):
        found.add(0, text)
    assert sorted(found.all[0].members) == ["a5,0", "b3,5", "b4,4", "e1,6"]
    assert found.best() == "a5,0"


def test_what_is_in_doubt_is_chosen_less_often() -> None:
    found = archipelago(size=6)
    for text in ("d9", "a8", "b7", "c6", "e5"):
        found.add(0, text)
    assert found.choose(0, random.Random(1), elitism=1.0) == "a8"


def test_the_best_of_an_island_visits_the_next_one() -> None:
    found = archipelago(count=3)
    found.add(0, "a5")
    found.add(2, "b7")
    found.migrate()
    assert [island.members[0] for island in found.all] == ["b7", "a5", "b7"]


def test_an_island_that_stands_still_begins_anew_but_for_the_one_with_the_best() -> None:
    found = archipelago()
    found.add(0, "a5")
    found.add(1, "b3")
    assert [found.age(2, "s0", random.Random(1)) for _ in range(2)] == [[], [0, 1]]
    assert [island.members for island in found.all] == [["a5", "s0"], ["a5", "s0"]]
    assert [island.stale for island in found.all] == [0, 0]


def test_restored_islands_hold_each_thing_once_and_go_on_alike() -> None:
    found, again = archipelago(), archipelago()
    for place, text in ((0, "a5"), (1, "b3"), (0, "c1")):
        found.add(place, text)
    found.migrate()
    state = json.loads(json.dumps(found.state(str)))
    again.restore(state, str)
    assert len(state["members"]) == len(set(state["members"])) == 4
    assert [vars(island) for island in again.all] == [vars(island) for island in found.all]


def test_a_tournament_mostly_finds_one_of_the_best() -> None:
    chance = random.Random(1)
    places = [selection.tournament(10, chance) for _ in range(2000)]
    assert 500 < places.count(0) < 590  # 1 - 0.9 ** 3
    assert set(places) == set(range(10))


def bowl(point: list[float]) -> float:
    """Return a score that is highest at (1, -2)."""
    return -((point[0] - 1) ** 2) - 10 * (point[1] + 2) ** 2


def moved(one: object, times: int) -> list[list[float]]:
    """Let a cloud follow the bowl, and return its points."""
    points = []
    for _ in range(times):
        points.append(one.points(1)[0].tolist())
        one.learn([(points[-1], bowl(points[-1]))])
    return points


def test_a_cloud_follows_its_better_points() -> None:
    one = cloud.Cloud([0.0, 0.0], 1, width=0.5)
    assert max(map(bowl, moved(one, 200)[-20:])) > -1e-3
    assert one.width < 0.1


@pytest.mark.parametrize("before", [1, 9, 20])
def test_a_restored_cloud_goes_on_exactly(before: int) -> None:
    one = cloud.Cloud([0.0, 0.0], 1, width=0.5)
    moved(one, before)
    again = cloud.Cloud.from_state(json.loads(json.dumps(one.state())))
    assert moved(again, 40) == moved(one, 40)
