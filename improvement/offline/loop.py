"""The loop itself: ask, screen, measure, tell, and now and then confirm.

Without people nothing is released, so the base of every comparison is the start. The same
seed gives the same candidates with any number of workers, and after a kill (see record.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from improvement.engine.asktell import Proposal, Result, tell_message
from improvement.engine.budget import WARN_AT, Limit, Spent
from improvement.engine.cheats import cheat_files, check_cheats
from improvement.engine.confirmation import cost_of_one
from improvement.engine.consulting import TOO_LITTLE_LEFT, Cost
from improvement.engine.decisions import Decision, Verdict
from improvement.engine.evidence import Evidence
from improvement.engine.generation import MAX_BARREN, plan, score_of, settle
from improvement.engine.measurement import Measurement, Stage
from improvement.engine.nomination import Measured, Situation, beats, nominate
from improvement.engine.patches import files_digest, patch_digest
from improvement.engine.seeds import measure_seed, offline_key
from improvement.exceptions import TargetError
from improvement.offline.bench import Bench, Job, Stopped
from improvement.offline.confirming import confirm
from improvement.offline.models import OfflineModels
from improvement.offline.plan import Plan, Progress
from improvement.offline.programs import OfflinePrograms
from improvement.offline.proposer import Proposer
from improvement.offline.record import Record
from improvement.offline.result import Confirmation, OfflineResult, Standing, Tried
from improvement.sandbox.levels import require
from improvement.sandbox.strategies import start

Watch = Callable[[Progress], None]


def improve(
    what: Plan,
    *,
    workers: int = 2,
    state: Path | None = None,
    watch: Watch | None = None,
    warn: Callable[[str], None] | None = None,
) -> OfflineResult:
    """Run a whole loop and return what it came to.

    ``state`` names a file from which a killed run goes on; ``watch`` is called after every measurement, ``warn`` once
    for each limit of the budget that is nearly spent, with a sentence. A keyboard interrupt ends the run with state
    "stopped". Raises TargetError, StrategyError, SandboxUnavailable and Conflict.
    """
    require(what.min_level)
    record = Record(state, what.identity)
    try:
        with Bench(what.task, record, workers=workers) as bench:
            return _Loop(what, bench, record, watch, warn).run()
    finally:
        record.close()


class _Loop:
    """The state of a run, all of it made again from the record when a run is resumed."""

    def __init__(
        self, what: Plan, bench: Bench, record: Record, watch: Watch | None, warn: Callable[[str], None] | None
    ) -> None:
        self._what = what
        self._task = what.task
        self._metric = what.task.manifest.primary
        self._bench = bench
        self._record = record
        self._watch = watch
        self._warn = warn
        self._warned: set[Limit] = set()
        self._began = time.monotonic()
        self._spent = Spent()
        self._generation = 0
        self._barren = 0
        self._nominated_at: int | None = None
        self._best_confirmed: float | None = None
        self._seen: dict[str, int] = {}
        self._untried: dict[int, Standing] = {}
        self._decisions: list[Decision] = []
        self._history: list[Tried] = []
        self._confirmations: list[Confirmation] = []
        self._measured_start = self._measure_start()
        self._start = self._best = self._champion = self._standing(self._measured_start)

    def run(self) -> OfflineResult:
        """Go on until the budget is spent, the strategy has nothing more, or somebody stops it."""
        try:
            self._refuse_paying_cheats()
            why = self._explore()
            while self._confirm_next(ending=True):
                pass
        except (Stopped, KeyboardInterrupt):
            return self._result("stopped", "somebody stopped it")
        return self._result("completed", why)

    def _measure_start(self) -> Measurement:
        return self._bench.one(Job(self._task.editable, Stage.MEASURE, self._seed))

    def _standing(self, start: Measurement) -> Standing:
        score = score_of(self._task.manifest, start)
        if score is None:
            said = start.message or start.cause
            raise TargetError(f"The target {self._task.manifest.name!r} as it stands cannot be measured: {said}")
        return Standing(None, files_digest(self._task.editable), score, self._task.editable)

    def _refuse_paying_cheats(self) -> None:
        cheats = self._task.manifest.cheats
        jobs = {n: Job(cheat_files(self._task, cheat), Stage.SCREEN, self._seed) for n, cheat in enumerate(cheats)}
        measured = self._bench.all(jobs)
        scores = {cheat.name: score_of(self._task.manifest, measured[n]) for n, cheat in enumerate(cheats)}
        check_cheats(self._metric, self._start.score, scores)

    def _explore(self) -> str:
        """Go through the generations, and return why there are no more."""
        package, init = self._what.package, self._what.init(self._start.score, self._measured_start)
        models = OfflineModels(self._what.models, self._can_pay, self._record)
        programs = OfflinePrograms(self._task, self._record, self._what.programs)
        with Proposer(lambda: start(package), init, self._record, programs, models) as proposer:
            while (count := min(package.generation, self._what.budget.may_start(self._spent))) > 0:
                if self._barren >= MAX_BARREN:
                    return f"the strategy proposed nothing new in {MAX_BARREN} generations"
                proposals = proposer.ask(count)
                self._spent = replace(self._spent, tokens=models.spent.tokens, microusd=models.spent.microusd)
                if not proposals:
                    return "the strategy has nothing more to propose"
                self._tell(proposer, self._settle(proposals))
                self._confirm_next(ending=False)
                if models.lacking is not None:
                    return TOO_LITTLE_LEFT
        return self._what.budget.why_spent(self._spent)

    def _can_pay(self, cost: Cost) -> bool:
        return self._what.budget.can_pay(cost.tokens, cost.microusd)

    def _settle(self, proposals: Sequence[Proposal]) -> tuple[Result, ...]:
        """Screen and measure a generation, and take in what came of it."""
        planned = plan(self._task.manifest, self._task.editable, proposals, self._seen)
        new = [one for one in planned if one.to_measure]
        mark = self._measured_start.steps
        jobs = {one.proposal.number: Job(one.proposal.files, Stage.MEASURE, self._seed, champion=mark) for one in new}
        measured = self._bench.all(jobs, done=self._one_measured)
        self._charge(measured.values())
        results = settle(self._task.manifest, planned, measured)
        self._seen.update((one.screened.syntax_digest, one.proposal.number) for one in new)
        self._barren = 0 if new else self._barren + 1
        for proposal, result in zip(proposals, results, strict=True):
            self._take(proposal, result)
        return results

    def _tell(self, proposer: Proposer, results: Sequence[Result]) -> None:
        """The barrier between two generations: everything a strategy learns, it learns here and in order."""
        message = tell_message(results, self._decisions, None)
        seconds = self._elapsed()
        recorded = proposer.tell(message, seconds)
        self._began += seconds - recorded
        self._decisions = []
        self._generation += 1
        self._spent = replace(self._spent, seconds=recorded)
        self._say_what_is_nearly_spent()

    def _charge(self, measured: Iterable[Measurement]) -> None:
        """Count what measurements cost the processor, as it is recorded of them."""
        cost = sum(one.cpu_seconds for one in measured)
        self._spent = replace(self._spent, cpu_seconds=self._spent.cpu_seconds + cost)

    def _say_what_is_nearly_spent(self) -> None:
        for use in self._what.budget.uses(self._spent):
            if self._warn and use.share >= WARN_AT and use.limit not in self._warned:
                self._warned.add(use.limit)
                self._warn(f"The budget is nearly spent: {use.words}.")

    def _take(self, proposal: Proposal, result: Result) -> None:
        digest = patch_digest(self._task.editable, proposal.files)
        tried = Tried(
            number=proposal.number,
            generation=self._generation,
            digest=digest,
            parents=proposal.parents,
            operator=proposal.operator,
            outcome=result.outcome.value,
            score=result.score,
        )
        self._history.append(tried)
        if result.score is None or not beats(self._metric, result.score, self._start.score):
            return
        standing = Standing(proposal.number, digest, result.score, proposal.files)
        self._untried[proposal.number] = standing
        if beats(self._metric, result.score, self._best.score):
            self._best = standing

    def _confirm_next(self, *, ending: bool) -> bool:
        """Confirm the candidate that deserves it now, and say whether there was one."""
        number = self._nominated(ending=ending)
        if number is None:
            return False
        candidate = self._untried.pop(number)
        self._nominated_at = self._generation
        confirmation = Confirmation(number, candidate.digest, self._evidence(candidate))
        self._confirmations.append(confirmation)
        if confirmation.evidence.better:
            self._best_confirmed = candidate.score
            self._crown(candidate, confirmation)
        else:
            self._decisions.append(Decision(number, Verdict.UNCONFIRMED, "no better than the start on fresh seeds"))
        return True

    def _nominated(self, *, ending: bool) -> int | None:
        now = Situation(
            champion=self._start.score,
            best_confirmed=self._best_confirmed,
            best_open_review=None,
            generation=self._generation,
            nominated_at=self._nominated_at,
            confirming=False,
            open_reviews=0,
            budget=self._what.budget,
            spent=self._spent,
            needed=cost_of_one(self._task.manifest),
            ending=ending,
        )
        return nominate(self._metric, [Measured(n, one.score) for n, one in self._untried.items()], now).number

    def _evidence(self, candidate: Standing) -> Evidence:
        evidence = confirm(
            self._bench,
            self._task,
            candidate.files,
            score=candidate.score,
            key=offline_key(self._what.seed),
            holdout_uses=sum(one.evidence.holdout.cases > 0 for one in self._confirmations),
            min_level=self._what.min_level,
            allowance=self._what.budget.allowance_left(self._spent),
            tries=self._spent.measured,
            confirmations=len(self._confirmations) + 1,
        )
        self._spent = replace(
            self._spent,
            confirming=self._spent.confirming + evidence.cost.evaluations,
            cpu_seconds=self._spent.cpu_seconds + evidence.cost.cpu_seconds,
        )
        return evidence

    def _crown(self, candidate: Standing, confirmation: Confirmation) -> None:
        """Let the score on the fresh seeds count; the strategy is never told, for it rests on the holdout too."""
        row = confirmation.evidence.primary
        if not confirmation.stands or row is None:
            return
        if self._champion.number is None or beats(self._metric, row.candidate, self._champion.score):
            self._champion = replace(candidate, score=row.candidate)

    def _one_measured(self) -> None:
        self._spent = replace(self._spent, measured=self._spent.measured + 1)
        if self._watch:
            confirmed = None if self._champion.number is None else self._champion.score
            budget = self._what.budget.evaluations
            self._watch(Progress(self._spent.measured, budget, self._start.score, self._best.score, confirmed))

    @property
    def _seed(self) -> int:
        return measure_seed(self._what.seed)

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _result(self, state: str, why: str) -> OfflineResult:
        return OfflineResult(
            state=state,
            why=why,
            target=self._task.manifest.name,
            strategy=self._what.package.label,
            seed=self._what.seed,
            seconds=self._elapsed(),
            evaluations=self._spent.measured,
            confirm_evaluations=self._spent.confirming,
            cpu_seconds=self._spent.cpu_seconds,
            tokens=self._spent.tokens,
            microusd=self._spent.microusd,
            start=self._start,
            champion=self._champion,
            best=self._best,
            history=tuple(self._history),
            confirmations=tuple(self._confirmations),
        )
