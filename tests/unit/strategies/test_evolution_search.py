"""The search as a whole: it gets better on programs of any kind, and listens to people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.strategies.loading import PACKAGES, modules, result
from tests.unit.strategies.programs import REGRESSION, regression_error

search_module, programs, refining = modules(PACKAGES / "evolution", "search", "member", "refining")
(islands,) = modules(PACKAGES / "kit", "kit.islands")


def search(text: str = REGRESSION, *, seed: int = 1, **settings: Any) -> Any:
    """Return a search on the regression program, where a lower error is better."""
    score = regression_error(text)
    task = {"files": {"p.py": text}, "metric": {"name": "error", "better": "lower"}, "score": score}
    return search_module.Search(task, seed, search_module.Settings(**settings))


def advance(state: Any, generations: int) -> float:
    """Run some generations and return the lowest error."""
    for _ in range(generations):
        first = state.proposed
        proposals = state.ask(8)
        scores = [regression_error(proposal["files"]["p.py"]) for proposal in proposals]
        state.tell([result(first + i, score) for i, score in enumerate(scores)], [], None)
    return -state.islands.best().score


def test_symbolic_regression_gets_far_better() -> None:
    start = regression_error(REGRESSION)
    assert start is not None
    assert sorted(advance(search(seed=seed), 30) for seed in (1, 2, 3))[1] < 0.4 * start


def test_no_program_is_proposed_twice() -> None:
    state = search()
    seen = []
    for _ in range(15):
        first = state.proposed
        proposals = state.ask(8)
        seen += [search_module.sources(p["files"])[0].text for p in proposals]
        state.tell([result(first + i, 1.0) for i in range(len(proposals))], [], None)
    assert len(seen) == len(set(seen)) == 120
    assert REGRESSION not in seen


def test_parents_are_earlier_proposals() -> None:
    state = search()
    advance(state, 10)
    first = state.proposed
    for proposal in state.ask(8):
        assert all(0 <= number < first for number in proposal["parents"])


def test_programs_without_idioms_are_evolved_too() -> None:
    start = regression_error(REGRESSION)
    assert start is not None
    assert advance(search(idioms=False), 30) < start


def test_a_rejected_program_and_its_line_fall_behind() -> None:
    state = search()
    advance(state, 10)
    best = state.islands.best()
    state.tell([], [{"number": best.number, "verdict": "rejected", "reason": "no"}], None)
    assert best.doubts == 2
    island = next(place for place, one in enumerate(state.islands.all) if best in one.members)
    assert state.islands.choose(island, state.chance, 1.0) is not best or len(state.islands.all[island].members) == 1


def test_a_release_takes_doubts_away() -> None:
    state = search()
    advance(state, 10)
    best = state.islands.best()
    for verdict in ("rejected", "released"):
        state.tell([], [{"number": best.number, "verdict": verdict, "reason": ""}], None)
    assert best.doubts == 0


def test_a_champion_from_elsewhere_replaces_what_no_longer_fits_it() -> None:
    state = search()
    advance(state, 10)
    moved = REGRESSION.replace("LIMIT = 8", "LIMIT = 9")
    state.tell([], [], {"files": {"p.py": moved}, "score": 0.5})
    assert all("LIMIT = 9" in member.files["p.py"] for member in state.islands.members())
    assert all("LIMIT = 9" in proposal["files"]["p.py"] for proposal in state.ask(8))


TOO_SLOW = "The candidate did not finish within 5 seconds."


def test_a_program_that_took_too_long_lowers_the_limit_on_work() -> None:
    state = search()
    state.ask(1)
    state.waiting[0].work = 0.9 * state.limit
    before = state.limit
    state.tell([result(0, None, TOO_SLOW)], [], None)
    assert state.limit == search_module.SLOWER * 0.9 * before


def test_a_program_that_seemed_quick_does_not_lower_the_limit() -> None:
    state = search()
    before = state.limit
    state.ask(1)
    state.waiting[0].work = 0.1 * state.limit
    state.tell([result(0, None, TOO_SLOW)], [], None)
    assert state.limit == before


def test_a_crash_that_mentions_its_runtime_does_not_lower_the_limit() -> None:
    state = search()
    before = state.limit
    state.ask(1)
    state.waiting[0].work = state.limit
    state.tell([result(0, None, "RuntimeError: no")], [], None)
    assert state.limit == before


def test_many_slow_programs_do_not_leave_the_search_without_anything_to_propose() -> None:
    state = search()
    advance(state, 10)
    for _ in range(20):
        first = state.proposed
        assert len(state.ask(8)) == 8
        for child in state.waiting.values():
            child.work = max(child.work, 0.8 * state.limit)
        state.tell([result(first + i, None, TOO_SLOW) for i in range(8)], [], None)
    assert state.limit == search_module.LEAST_WORK * state.start.work


@pytest.mark.parametrize(
    ("work", "text", "stays"),
    [
        (99.0, "x = 1\ny = 2\nz = 3\n", "old"),
        (50.0, "x = 1\ny = 2\nz = 3\n", "new"),
        (100.0, "x = 1\n", "new"),
        (101.0, "x = 1\n", "old"),
    ],
)
def test_of_equal_scores_the_older_stays_unless_the_new_one_is_much_cheaper_or_a_shorter_change(
    work: float, text: str, stays: str
) -> None:
    old = programs.Member(1, {"p.py": "x = 1\ny = 3\n"}, 1.0, 100.0, "old")
    new = programs.Member(2, {"p.py": text}, 1.0, work, "new")
    archive = islands.Islands(programs.rules({"p.py": "x = 1\n"}), old, 1, 5)
    archive.add(0, new)
    assert [member.digest for member in archive.members()] == [stays]


LENGTHS = {"name": "program_length", "low": 400.0, "high": 800.0, "cells": 8}


def search_of_kinds(*features: dict[str, Any]) -> Any:
    """Return a search on the regression program with features."""
    error = regression_error(REGRESSION)
    task = {
        "files": {"p.py": REGRESSION},
        "metric": {"name": "error", "better": "lower"},
        "score": error,
        "start": {"error": error},
        "features": list(features),
    }
    return search_module.Search(task, 1, search_module.Settings())


def test_the_best_program_of_every_length_is_kept_and_bred_from() -> None:
    state = search_of_kinds(LENGTHS)
    advance(state, 40)
    elites = state.kinds.cells.elites
    assert len(elites) >= 3
    assert all(cell == (min(max((len(member.files["p.py"]) - 400) // 50, 0), 7),) for cell, member in elites.items())
    assert state.kinds.cells.best().merit() == state.islands.best().merit()
    assert {member.number for member in elites.values()} <= {state.parents(0)[0].number for _ in range(400)}


def test_a_metric_can_be_a_feature() -> None:
    state = search_of_kinds({"name": "error", "low": 0.0, "high": 100.0, "cells": 10})
    state.ask(2)
    state.tell([result(0, 95.0, error=95.0), result(1, 0.5, error=0.5)], [], None)
    assert {cell: member.number for cell, member in state.kinds.cells.elites.items() if member.number is not None} == {
        (9,): 0,
        (0,): 1,
    }


def test_a_rejected_program_is_no_longer_the_best_of_its_kind() -> None:
    state = search_of_kinds(LENGTHS)
    advance(state, 10)
    rejected = next(member.number for member in state.kinds.cells.elites.values() if member.number is not None)
    state.tell([], [{"number": rejected, "verdict": "rejected", "reason": ""}], None)
    assert all(member.number != rejected for member in state.kinds.cells.elites.values())


def test_a_search_with_kinds_goes_on_exactly_where_a_snapshot_was_taken() -> None:
    first, second = search_of_kinds(LENGTHS), search_of_kinds(LENGTHS)
    advance(first, 12)
    second.restore(first.snapshot())
    advance(first, 5)
    advance(second, 5)
    assert [p["files"] for p in first.ask(8)] == [p["files"] for p in second.ask(8)]


def test_the_numbers_of_a_form_are_refined_until_they_fit() -> None:
    text = REGRESSION.replace("height = SLOPE * x", "height = SLOPE * x * x - 0.3 * x")
    error = regression_error(text)
    assert error is not None
    one = refining.Refinement.of(programs.Member.of({"p.py": text}, -error, 1.0, {}), 1)
    for _ in range(400):
        files, point = one.next()
        reached = regression_error(files["p.py"])
        one.learn(point, None if reached is None else -reached)
    assert one.best > -1e-4 * error
    assert one.form == programs.Member.of(files, None, 1.0, {}).form


def test_a_running_refinement_goes_on_exactly_where_a_snapshot_was_taken() -> None:
    first, second = search(), search(seed=2)
    while not any(one.moves and one.cloud.known for one in first.refinements.running.values()):
        advance(first, 1)
    second.restore(json.loads(json.dumps(first.snapshot())))
    assert second.snapshot() == first.snapshot()
    advance(first, 8)
    advance(second, 8)
    assert second.snapshot() == first.snapshot()


def test_a_change_that_makes_no_difference_is_taken_back() -> None:
    state = search()
    needless = REGRESSION.replace(
        "    height = SLOPE * x\n", "    height = SLOPE * x\n    height -= abs(-9.5) * 0.0 * x\n"
    )
    better = needless.replace("SLOPE = 0.5", "SLOPE = -1.0")
    member = programs.Member.of({"p.py": better}, -regression_error(better), state.start.work, {})
    state.islands.add(0, member)
    advance(state, 12)
    best = state.islands.best()
    assert "9.5" not in best.files["p.py"]


def guarded(**more: Any) -> Any:
    """Return a search whose second metric, the time, is guarded or another goal."""
    metrics = [{"name": "error", "better": "lower", "guard": None}, {"name": "time", "better": "lower", **more}]
    task = {"files": {"p.py": REGRESSION}, "metric": metrics[0], "metrics": metrics, "score": 2.0}
    return search_module.Search({**task, "start": {"error": 2.0, "time": 5.0}}, 1, search_module.Settings())


def told_of_three(state: Any) -> list[int | None]:
    """Tell of a better but slow program, a worse but quick one, and one that is neither; return who is kept."""
    first = state.proposed
    state.ask(3)
    scored = [(1.0, 9.0), (3.0, 1.0), (3.5, 8.0)]
    state.tell([result(first + n, error, error=error, time=time) for n, (error, time) in enumerate(scored)], [], None)
    return [member.number for member in state.islands.members()]


def test_what_breaks_a_guard_is_not_followed() -> None:
    assert 0 not in told_of_three(guarded(guard=1.0))


def test_with_several_goals_the_best_trades_between_them_lead() -> None:
    state = guarded(guard=None)
    assert {None, 0, 1} <= set(told_of_three(state))
    ranked = [member.number for member in state.islands.sorted(state.islands.members())]
    assert ranked[:3] == [0, 1, None]
    assert state.islands.best().number == 0


def test_a_refinement_is_credited_only_for_what_beats_the_best_of_its_island() -> None:
    state = search()
    advance(state, 5)
    while not (child := state.breed(0)) or not child.point:
        pass
    leader = state.islands.leader(state.islands.all[0])
    assert child.parent_score == leader.score
    assert state.gain(child, leader.score - 1e-6) == 0.0
    assert state.gain(child, leader.score + 1e-6) > 0.0


def test_what_another_strategy_found_breeds_like_ones_own() -> None:
    state = search()
    better = REGRESSION.replace("SLOPE", "GRADE")
    found = {"number": -7, "files": {"p.py": better}, "score": 0.001, "metrics": {}, "feedback": "", "by": "llm"}
    state.meet([found, found])
    assert state.islands.best().number == -7
    state.islands.migrate(), state.islands.migrate()
    assert any(-7 in proposal["parents"] for proposal in state.ask(24))
