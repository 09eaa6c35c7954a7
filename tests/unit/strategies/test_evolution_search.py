"""The search as a whole: it gets better on programs of any kind, and listens to people."""

from __future__ import annotations

from typing import Any

from tests.unit.strategies.loading import PACKAGES, modules, result
from tests.unit.strategies.programs import REGRESSION, regression_error

search_module, archive = modules(PACKAGES / "evolution", "search", "archive")


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
    return -state.archive.best().score


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
    best = state.archive.best()
    state.tell([], [{"number": best.number, "verdict": "rejected", "reason": "no"}], None)
    assert best.doubts == 2
    island = next(island for island in state.archive.islands if best in island.members)
    assert island.choose(state.chance, 1.0) is not best or len(island.members) == 1


def test_a_release_takes_doubts_away() -> None:
    state = search()
    advance(state, 10)
    best = state.archive.best()
    for verdict in ("rejected", "released"):
        state.tell([], [{"number": best.number, "verdict": verdict, "reason": ""}], None)
    assert best.doubts == 0


def test_a_champion_from_elsewhere_replaces_what_no_longer_fits_it() -> None:
    state = search()
    advance(state, 10)
    moved = REGRESSION.replace("LIMIT = 8", "LIMIT = 9")
    state.tell([], [], {"files": {"p.py": moved}, "score": 0.5})
    assert all("LIMIT = 9" in member.files["p.py"] for member in state.archive.members())
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


def test_of_two_programs_with_equal_score_the_older_stays_unless_the_new_one_is_much_cheaper() -> None:
    def member(work: float) -> Any:
        return archive.Member(1, {"p.py": "x = 1\n"}, 1.0, work, f"{work}")

    old, same, cheap = member(100.0), member(99.0), member(50.0)
    island = archive.Island([old])
    island.add(same, 5)
    assert island.members == [old]
    island.add(cheap, 5)
    assert island.members == [cheap]


LENGTHS = {"name": "program_length", "low": 400.0, "high": 1200.0, "cells": 8}


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
    advance(state, 25)
    elites = state.kinds.cells.elites
    assert len(elites) >= 3
    assert all(cell == (min(max((len(member.files["p.py"]) - 400) // 100, 0), 7),) for cell, member in elites.items())
    assert state.kinds.cells.best().merit() == state.archive.best().merit()
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
