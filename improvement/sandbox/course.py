"""The course of one measurement: one sandbox after the other, put together to one verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from improvement.engine.cascade import Leg, Step, why_dropped
from improvement.engine.foreign import with_score
from improvement.engine.manifest import Manifest
from improvement.engine.measurement import Outcome
from improvement.engine.stages import adds_up
from improvement.sandbox.process import Ending
from improvement.sandbox.verdict import Verdict, dropped, failed, scored

Once = Callable[[Leg, int], Verdict]
"""Evaluates one case of a leg."""


class Course:
    """A measurement on its way; ``steps`` says what came of its legs so far, ``champion`` what came of the champion's.

    Without the champion's steps nothing is dropped.
    """

    def __init__(self, manifest: Manifest, once: Once, champion: Sequence[Step]) -> None:
        self.steps: list[Step] = []
        self._manifest = manifest
        self._once = once
        self._champion = champion
        self._metrics: Mapping[str, float] = {}
        self._said: list[str] = []
        self._log = b""
        self._endings: list[Ending] = []

    def run(self, legs: Sequence[Leg]) -> Verdict:
        """Go through the legs until the last one is done, one fails, or the candidate is dropped."""
        several = len(legs) > 1 or len(legs[0].cases) > 1
        for leg in legs:
            scores: list[float] = []
            ended = self._leg(leg, scores, several)
            self.steps.append(Step(leg.stage, len(leg.cases), tuple(scores), leg.threshold))
            if ended is not None:
                return ended
        metrics = with_score(self._metrics, self._manifest.primary.name)
        return scored(metrics, feedback=self._feedback, log=self._log, endings=self._endings)

    def _leg(self, leg: Leg, scores: list[float], several: bool) -> Verdict | None:
        """Evaluate the cases of a leg; the verdict that ends the measurement, or None when it goes on."""
        found: list[Mapping[str, float]] = []
        for case in leg.cases:
            verdict = self._heard(self._once(leg, case), f"{leg.stage}, case {case + 1}" if several else "")
            if verdict.outcome is not Outcome.OK:
                return self._failed(verdict, leg if several else None)
            found.append({**self._metrics, **verdict.metrics} if self._adds_up else verdict.metrics)
            score = with_score(found[-1], self._manifest.primary.name).get(self._manifest.primary.name)
            if score is None:
                return self._without_score()
            scores.append(score)
            if why := why_dropped(self._manifest, leg, scores, self._champion):
                return dropped(why, feedback=self._feedback, log=self._log, endings=self._endings)
        self._metrics = {name: fmean(one[name] for one in found if name in one) for name in _names(found)}
        return None

    def _heard(self, verdict: Verdict, place: str) -> Verdict:
        if verdict.feedback:
            self._said.append(f"[{place}] {verdict.feedback}" if place else verdict.feedback)
        self._log += verdict.log
        self._endings += verdict.endings
        return verdict

    def _failed(self, verdict: Verdict, leg: Leg | None) -> Verdict:
        message = f"At stage {leg.stage}: {verdict.message}" if leg else verdict.message
        return failed(verdict.cause, message, feedback=self._feedback, log=self._log, endings=self._endings)

    def _without_score(self) -> Verdict:
        message = f'The evaluation returned no metric "{self._manifest.primary.name}" and nothing to compute it from.'
        return failed("no_score", message, feedback=self._feedback, log=self._log, endings=self._endings)

    @property
    def _adds_up(self) -> bool:
        return adds_up(self._manifest.evaluate.protocol)

    @property
    def _feedback(self) -> str:
        return "\n".join(self._said)


def _names(found: Sequence[Mapping[str, float]]) -> list[str]:
    """The names of all metrics, in the order in which they came."""
    return list(dict.fromkeys(name for one in found for name in one))
