"""The whole loop in the real sandbox, with a small strategy of which everything is known."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from improvement.engine.budget import Budget
from improvement.engine.exhibits import HoldoutVerdict, Verdict
from improvement.engine.measurement import Task
from improvement.engine.packages import find_package, load_package
from improvement.exceptions import Conflict, Invalid, StrategyError, TargetError
from improvement.offline import OfflineResult, Plan, Progress, improve
from improvement.targets.importing import load
from tests.integration.offline_factories import SOLUTION, write_strategy, write_task

CIRCLES = Path(__file__).parents[2] / "examples" / "circle_packing"


def _plan(task: Path, strategy: Path, *, budget: int = 24, seed: int = 1, mode: str = "climb", **more: float) -> Plan:
    imported, package = load(task), load_package(strategy)
    limits = Budget.of(budget, **more)  # type: ignore[arg-type]
    return Plan(Task(imported.manifest, imported.tree), package, package.settings({"mode": mode}), limits, seed)


@pytest.fixture
def strategy(tmp_path: Path) -> Path:
    return write_strategy(tmp_path / "step")


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return write_task(tmp_path / "parabola")


def _outcomes(result: OfflineResult) -> set[str]:
    return {tried.outcome for tried in result.history}


def test_improve_climbs_confirms_and_keeps_to_its_budget(task: Path, strategy: Path) -> None:
    result = improve(_plan(task, strategy))
    assert (result.state, result.why) == ("completed", "the budget of 24 evaluations is spent")
    assert (result.evaluations, len(result.history)) == (24, 24)
    assert result.start.score == -9.0
    assert result.best.score > -1.0
    assert result.champion.digest == result.best.digest
    assert result.champion.score == result.best.score
    last = result.confirmations[-1]
    assert last.stands
    assert last.evidence.verdict is Verdict.EXACT_BETTER
    assert last.evidence.holdout.verdict is HoldoutVerdict.AGREES
    assert last.evidence.sandbox_level == 3
    assert result.confirm_evaluations == sum(one.evidence.cost.evaluations for one in result.confirmations) <= 64


def test_improve_processor_seconds_end_a_run_and_change_nothing_before_its_end(
    tmp_path: Path, task: Path, strategy: Path
) -> None:
    whole, state, said = improve(_plan(task, strategy)), tmp_path / "state", list[str]()
    limited = _plan(task, strategy, cpu_seconds=whole.cpu_seconds / 1000)
    result = improve(limited, state=state, warn=said.append)
    assert result.why.startswith("the budget of 0.00")
    assert result.why.endswith("CPU seconds is spent")
    assert 0 < len(result.history) < len(whole.history)
    assert result.history == whole.history[: len(result.history)]
    assert len(said) == 1
    assert said[0].startswith("The budget is nearly spent: ")
    assert said[0].endswith(" CPU seconds.")
    again = improve(limited, state=state)
    assert (again.history, again.cpu_seconds) == (result.history, result.cpu_seconds), "as recorded, not as it is now"


def test_improve_lower_is_better(tmp_path: Path, strategy: Path) -> None:
    result = improve(_plan(write_task(tmp_path / "low", better="lower"), strategy))
    assert result.start.score == 9.0
    assert result.champion.score == result.best.score < 1.0


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_improve_same_seed_same_candidates_with_one_or_two_workers(
    tmp_path: Path, strategy: Path, noise: float
) -> None:
    task = write_task(tmp_path / "task", noise=noise)
    one, two = (improve(_plan(task, strategy), workers=workers) for workers in (1, 2))
    assert one.history == two.history
    assert [(c.number, c.digest, c.evidence.verdict) for c in one.confirmations] == [
        (c.number, c.digest, c.evidence.verdict) for c in two.confirmations
    ]
    assert one.champion == two.champion
    assert improve(_plan(task, strategy, seed=2)).history != one.history


def test_improve_real_target_and_strategy_same_seed_same_candidates() -> None:
    imported, package = load(CIRCLES), find_package("evolution")
    task = Task(imported.manifest, imported.tree)
    plan = Plan(task, package, package.settings({}), Budget.of(24), seed=3)
    one, two = improve(plan, workers=1), improve(plan, workers=2)
    assert len(one.history) >= 24
    assert one.history == two.history
    assert one.start.score == pytest.approx(0.9597642169962064)


def test_improve_luck_is_not_confirmed(tmp_path: Path, strategy: Path) -> None:
    """Nothing can be gained near the optimum, and large noise makes many candidates look better: none may stand."""
    task = write_task(tmp_path / "noisy", noise=20.0, solution=SOLUTION.format(value=3.0))
    result = improve(_plan(task, strategy, budget=32))
    assert result.best.score > result.start.score
    assert result.confirmations
    assert not any(one.stands for one in result.confirmations)
    assert result.champion == result.start


def test_improve_unconfirmed_is_told_to_the_strategy(tmp_path: Path, strategy: Path) -> None:
    task = write_task(tmp_path / "noisy", noise=20.0, solution=SOLUTION.format(value=3.0))
    state = tmp_path / "state"
    first = improve(_plan(task, strategy, budget=32), state=state).confirmations[0]
    assert f'"decisions": [{{"number": {first.number}, "verdict": "unconfirmed"' in state.read_text()


def test_improve_close_calls_are_confirmed_on_more_seeds(tmp_path: Path, strategy: Path) -> None:
    task = write_task(tmp_path / "noisy", noise=1.0, solution=SOLUTION.format(value=2.5))
    result = improve(_plan(task, strategy, budget=32))
    taken = {len(one.evidence.seeds) for one in result.confirmations}
    assert taken <= {8, 12, 16, 24, 40}
    assert max(taken) > 8
    assert result.confirm_evaluations == sum(one.evidence.cost.evaluations for one in result.confirmations) <= 64


def test_improve_holdout_that_disagrees_keeps_the_start(tmp_path: Path, strategy: Path) -> None:
    result = improve(_plan(write_task(tmp_path / "overfit", holdout_best=-3.0), strategy))
    assert all(one.evidence.better and not one.stands for one in result.confirmations)
    assert result.confirmations
    assert result.champion == result.start


def test_improve_beyond_the_bound_is_blocked_and_never_best(tmp_path: Path, strategy: Path) -> None:
    result = improve(_plan(write_task(tmp_path / "bounded", bound=-5.0), strategy))
    assert "blocked" in _outcomes(result)
    assert result.best.score <= -5.0
    assert all(tried.score is None for tried in result.history if tried.outcome == "blocked")


def test_improve_strategy_that_repeats_itself_ends(task: Path, strategy: Path) -> None:
    result = improve(_plan(task, strategy, mode="repeat"))
    assert result.why == "the strategy proposed nothing new in 50 generations"
    assert result.evaluations == 1
    assert _outcomes(result) == {"ok", "duplicate"}


def test_improve_exhausted_strategy_still_gets_its_best_confirmed(task: Path, strategy: Path) -> None:
    result = improve(_plan(task, strategy, mode="once"))
    assert result.why == "the strategy has nothing more to propose"
    assert (result.state, result.evaluations) == ("completed", 4)
    assert result.champion.digest == result.best.digest


@pytest.mark.parametrize("mode", ["outside", "broken"])
def test_improve_what_screening_refuses_is_never_measured(task: Path, strategy: Path, mode: str) -> None:
    result = improve(_plan(task, strategy, mode=mode))
    assert result.evaluations == 0
    assert _outcomes(result) == {"blocked"}
    assert result.best == result.start


def test_improve_paying_cheat_refused(tmp_path: Path, strategy: Path) -> None:
    task = write_task(tmp_path / "cheated", cheat=SOLUTION.format(value=2.0))
    with pytest.raises(TargetError, match=r"cheat 'known' scores -1 and the start -9"):
        improve(_plan(task, strategy))


def test_improve_harmless_cheat_accepted(tmp_path: Path, strategy: Path) -> None:
    task = write_task(tmp_path / "guarded", cheat=SOLUTION.format(value=-5.0))
    assert improve(_plan(task, strategy, budget=4)).evaluations == 4


def test_improve_start_that_crashes_refused(tmp_path: Path, strategy: Path) -> None:
    task = write_task(tmp_path / "broken", solution="def answer():\n    return 1 / 0\n")
    with pytest.raises(TargetError, match=r"'parabola' as it stands cannot be measured: .*ZeroDivisionError"):
        improve(_plan(task, strategy))


def test_improve_seconds_used_up_starts_no_generation(task: Path, strategy: Path) -> None:
    result = improve(_plan(task, strategy, budget=10_000, seconds=0.5))
    assert result.state == "completed"
    assert 4 <= result.evaluations < 1000


def test_improve_watch_sees_every_measurement(task: Path, strategy: Path) -> None:
    seen: list[Progress] = []
    thread = threading.get_ident()

    def watch(progress: Progress) -> None:
        assert threading.get_ident() == thread
        seen.append(progress)

    improve(_plan(task, strategy, budget=12), watch=watch)
    assert [progress.evaluations for progress in seen] == list(range(1, 13))
    assert {(progress.budget, progress.start) for progress in seen} == {(12, -9.0)}


def test_improve_finished_run_read_from_its_state(task: Path, strategy: Path, tmp_path: Path) -> None:
    first = improve(_plan(task, strategy), state=tmp_path / "state")
    lines = (tmp_path / "state").read_bytes()
    again = improve(_plan(task, strategy), state=tmp_path / "state")
    assert (again.history, again.champion, again.best) == (first.history, first.champion, first.best)
    assert [one.evidence for one in again.confirmations] == [one.evidence for one in first.confirmations]
    assert (tmp_path / "state").read_bytes() == lines


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, OfflineResult, bytes]:
    """A run of 18 generations, long enough for a snapshot, with its state file."""
    folder = tmp_path_factory.mktemp("whole")
    plan = _plan(write_task(folder / "parabola", noise=0.1), write_strategy(folder / "step"), budget=72)
    return plan, improve(plan, state=folder / "state"), (folder / "state").read_bytes()


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.77, 0.99])
def test_improve_goes_on_from_any_point_of_its_state(
    whole: tuple[Plan, OfflineResult, bytes], tmp_path: Path, share: float
) -> None:
    """The file cut anywhere, also in the middle of a line, gives the same run, with or without a snapshot before."""
    plan, expected, state = whole
    assert b'"kind": "snapshot"' in state[: int(len(state) * 0.99)]
    (tmp_path / "cut").write_bytes(state[: int(len(state) * share)])
    resumed = improve(plan, state=tmp_path / "cut")
    assert (resumed.history, resumed.champion, resumed.best) == (expected.history, expected.champion, expected.best)


def test_improve_state_of_another_run_refused(task: Path, strategy: Path, tmp_path: Path) -> None:
    improve(_plan(task, strategy, budget=4), state=tmp_path / "state")
    with pytest.raises(Conflict, match=r"state of another run \(seed differs\)"):
        improve(_plan(task, strategy, budget=4, seed=2), state=tmp_path / "state")


def test_improve_damaged_state_refused(task: Path, strategy: Path, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("shopping list\n")
    with pytest.raises(Invalid, match="is no state file"):
        improve(_plan(task, strategy, budget=4), state=tmp_path / "state")


def test_improve_strategy_that_forgets_refused_on_resume(task: Path, strategy: Path, tmp_path: Path) -> None:
    plan = _plan(task, strategy, mode="forget")
    improve(plan, state=tmp_path / "state")
    lines = (tmp_path / "state").read_bytes().splitlines(keepends=True)
    (tmp_path / "state").write_bytes(b"".join(lines[: len(lines) // 2]))
    with pytest.raises(StrategyError, match="not deterministic"):
        improve(plan, state=tmp_path / "state")
