"""The Connect Four example: the rules, the search, the rating, and what the referee refuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from improvement.engine.manifest import parse_manifest
from tests.unit.strategies.loading import EXAMPLE, PACKAGES, modules

FOLDER = EXAMPLE.parent / "connect_four"
SHIMS = PACKAGES.parent / "sandbox" / "inside" / "shims"
MANIFEST = parse_manifest((FOLDER / "countersign.toml").read_text())
NAMES = ("board", "search", "elo", "ladder", "match", "referee", "evaluator", "holdout")


@pytest.fixture(scope="module")
def task() -> Iterator[SimpleNamespace]:
    """The example's modules by name, as its evaluator and its player find them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "countersign", modules(SHIMS, "countersign")[0])
        loaded = dict(zip(NAMES, modules(FOLDER, *NAMES), strict=True))
        patch.setitem(sys.modules, "search", loaded["search"])
        yield SimpleNamespace(**loaded)


class Candidate:
    """A program whose functions are called by name; values pass through JSON as they do between sandboxes."""

    def __init__(self, path: Path) -> None:
        self.names: dict[str, Any] = {}
        exec(path.read_text(), self.names)

    def call(self, name: str, *arguments: Any) -> Any:
        return json.loads(json.dumps(self.names[name](*json.loads(json.dumps(arguments)))))


class Honest:
    """A player that plays by the settings that it says."""

    def __init__(self, task: SimpleNamespace, **settings: Any) -> None:
        self.search, self.settings = task.search, task.search.Settings(**settings)

    def call(self, name: str, *arguments: Any) -> Any:
        if name == "settings":
            return asdict(self.settings)
        return [self.search.choose(*position, self.settings, arguments[1]).column for position in arguments[0]]


def played(board: Any, columns: str) -> tuple[int, int]:
    """Return the position after these columns, the stones of the side to move first."""
    mine, theirs = 0, 0
    for column in columns:
        mine, theirs = theirs, mine | board.landing(mine | theirs, int(column))
    return mine, theirs


@pytest.mark.parametrize("columns", ["0101010", "0011223", "01123223363", "65543443303"])
def test_four_in_a_row_are_seen_in_every_direction(task: SimpleNamespace, columns: str) -> None:
    mine, theirs = played(task.board, columns)
    assert task.board.has_four(theirs)
    assert not task.board.has_four(mine)


def test_a_line_does_not_run_on_into_the_next_column(task: SimpleNamespace) -> None:
    assert not task.board.has_four(0b1011_1000)


def test_a_full_column_has_no_landing(task: SimpleNamespace) -> None:
    mine, theirs = played(task.board, "333333")
    assert task.board.landing(mine | theirs, 3) == 0
    assert task.board.playable(mine | theirs) == [0, 1, 2, 4, 5, 6]


@pytest.mark.parametrize("seed", range(20))
def test_completing_squares_are_those_that_make_four(task: SimpleNamespace, seed: int) -> None:
    board = task.board
    mine, theirs = task.match.Book(str(seed), 12).opening(0)
    empty = board.SQUARES & ~(mine | theirs)
    squares = [1 << place for place in range(49) if empty >> place & 1]
    assert board.completing(mine, empty) == sum(one for one in squares if board.has_four(mine | one))


@pytest.mark.parametrize(("columns", "depth", "column"), [("010101", 1, 0), ("01010", 2, 0)])
def test_the_search_wins_at_once_and_blocks(task: SimpleNamespace, columns: str, depth: int, column: int) -> None:
    settings = task.search.Settings(depth=depth, order="edges")
    mine, theirs = played(task.board, columns)
    assert task.search.choose(mine, theirs, settings, 10_000).column == column


@pytest.mark.parametrize("nodes", [1, 7, 40])
def test_the_search_keeps_to_its_nodes(task: SimpleNamespace, nodes: int) -> None:
    decision = task.search.choose(*played(task.board, "3321"), task.search.Settings(three=1.0, depth=12), nodes)
    assert decision.nodes == nodes
    assert decision.column in range(7)


def test_a_rating_is_where_the_points_are_those_expected(task: SimpleNamespace) -> None:
    elo = task.elo
    assert elo.expected(400.0, 0.0) == pytest.approx(10 / 11)
    assert elo.rate([elo.Score(900.0, 5.0, 10)]).elo == pytest.approx(900.0)
    won = elo.rate([elo.Score(900.0, 9.5, 10)])  # with a drawn game beside them 10 of 11
    assert won.elo == pytest.approx(1300.0)
    assert sum(elo.expected(won.elo, 900.0) for _ in range(11)) == pytest.approx(10.0)


def test_a_rating_stays_finite_and_its_error_falls_with_games(task: SimpleNamespace) -> None:
    elo = task.elo
    few, many = (elo.rate([elo.Score(900.0, float(games), games)]) for games in (10, 100))
    assert 900.0 < few.elo < many.elo < 2000.0
    even, more = (elo.rate([elo.Score(900.0, games / 2, games)]) for games in (10, 100))
    assert even.error > 2 * more.error


def test_every_opening_is_played_with_both_colours_and_decides_nothing(task: SimpleNamespace) -> None:
    match = task.match.Match(task.ladder.LADDER, task.match.Book("5", 4), 10)
    for one, other in zip(match.games[::2], match.games[1::2], strict=True):
        assert (one.opponent, one.position) == (other.opponent, other.position)
        assert (one.candidate_moves, other.candidate_moves) == (True, False)
        assert task.match.is_quiet(*one.position)
    assert len({game.position for game in match.games}) > 5
    assert task.match.Book("6", 4).opening(0) != task.match.Book("5", 4).opening(0)


@pytest.mark.parametrize("columns", [None, [3], [3, 3, 3], [3, 7], [3, -1], [3, True], [3, 3.0], [3, "3"]])
def test_an_answer_that_is_not_one_column_each_is_refused(task: SimpleNamespace, columns: Any) -> None:
    with pytest.raises(task.match.RuleBroken, match="column"):
        task.match.checked(columns, 2)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"depth": 13}, "depth is 13"),
        ({"depth": True}, "depth is True"),
        ({"three": float("nan")}, "three is nan"),
        ({"two": 11.0}, "two is 11.0"),
        ({"order": "best"}, "order is 'best'"),
        ({"nodes": 900}, "has to answer a dict with"),
    ],
)
def test_settings_beyond_their_ranges_are_refused(task: SimpleNamespace, change: dict[str, Any], why: str) -> None:
    with pytest.raises(task.match.RuleBroken, match=why):
        task.referee.read_settings(asdict(task.search.Settings()) | change)


@pytest.mark.parametrize("cheat", MANIFEST.cheats, ids=lambda cheat: cheat.name)
def test_a_known_cheat_is_refused(task: SimpleNamespace, cheat: Any) -> None:
    with pytest.raises(task.evaluator.CandidateFailed):
        task.evaluator.evaluate(Candidate(FOLDER / cheat.files["player.py"]), seed=0, stage="measure", case=0)


def test_the_start_is_rated_the_same_each_time_and_below_a_better_player(task: SimpleNamespace) -> None:
    once, again = (
        task.evaluator.evaluate(Candidate(FOLDER / "player.py"), seed=2, stage="measure", case=0) for _ in "12"
    )
    assert once == again
    better = Honest(task, three=2.0, two=0.2, middle=0.5, beside=0.2, depth=4, order="centre")
    rated = task.evaluator.evaluate(better, seed=2, stage="measure", case=0)
    assert rated["metrics"]["elo"] > once["metrics"]["elo"]
    assert rated["metrics"].keys() == {"elo", "error", "nodes"}


def test_the_holdout_has_opponents_of_its_own(task: SimpleNamespace) -> None:
    names = [rung.name for rung in (*task.ladder.LADDER, *task.ladder.HOLDOUT)]
    assert len(names) == len(set(names))
    first, second = (task.match.Book(f"holdout 1 {case}", task.holdout.PLIES).opening(0) for case in (0, 1))
    assert first != second


def test_the_declared_space_names_what_the_player_sets(task: SimpleNamespace) -> None:
    start = Candidate(FOLDER / "player.py").call("settings")
    assert {parameter.name.lower() for parameter in MANIFEST.parameters} == start.keys()
