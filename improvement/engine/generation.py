"""One generation: the proposals of one ask, settled in their order whatever order the workers finish in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from improvement.engine.asktell import Proposal, Result, ToldOutcome
from improvement.engine.manifest import Manifest
from improvement.engine.measurement import Measurement, Outcome
from improvement.engine.nomination import is_beyond_bound
from improvement.engine.parameter_values import read_values
from improvement.engine.pipeline_space import space_of
from improvement.engine.screening import Screened, screen
from improvement.engine.setting_changes import Plain
from improvement.exceptions import Conflict

MAX_BARREN = 50  # generations in a row without one new candidate, after which a run ends


@dataclass(frozen=True)
class Planned:
    """A proposal with the answer of screening, and what it sets the declared parameters to."""

    proposal: Proposal
    screened: Screened
    values: Mapping[str, Plain] = field(default_factory=dict)

    @property
    def to_measure(self) -> bool:
        """Whether the candidate is new and may run."""
        return self.screened.verdict == "pass"


def plan(
    manifest: Manifest, base: Mapping[str, str], proposals: Iterable[Proposal], seen: Mapping[str, int]
) -> tuple[Planned, ...]:
    """Screen proposals in their order, each knowing the syntax digests of all before it.

    ``base`` are the editable files that a change is compared with; ``seen`` maps the syntax digests of earlier
    candidates to their numbers.
    """
    known, space = dict(seen), space_of(manifest)
    planned = []
    for proposal in proposals:
        screened = screen(manifest, base, proposal.files, seen=known)
        planned.append(Planned(proposal, screened, read_values(space, proposal.files)))
        if screened.verdict == "pass":
            known[screened.syntax_digest] = proposal.number
    return tuple(planned)


def settle(manifest: Manifest, planned: Sequence[Planned], measured: Mapping[int, Measurement]) -> tuple[Result, ...]:
    """Turn a finished generation into the results to tell, in proposal order.

    ``measured`` maps proposal numbers to measurements; raises Conflict while one is missing.
    """
    return tuple(_result(manifest, one, measured) for one in planned)


def score_of(manifest: Manifest, measurement: Measurement) -> float | None:
    """Return the raw primary score, or None when the evaluation failed or gave none."""
    if measurement.outcome is not Outcome.OK:
        return None
    return measurement.metrics.get(manifest.primary.name)


def _result(manifest: Manifest, one: Planned, measured: Mapping[int, Measurement]) -> Result:
    number = one.proposal.number
    if not one.to_measure:
        return Result(number, ToldOutcome(one.screened.verdict), feedback=one.screened.message, of=one.screened.of)
    if number not in measured:
        raise Conflict(f"Proposal {number} is not measured yet: a generation is told only when all of it is.")
    return told(manifest, number, measured[number])


def told(manifest: Manifest, number: int, measurement: Measurement) -> Result:
    """Turn one measurement into what the strategy is told; never a log, it may name host details.

    A score that is too good to be true is told as blocked, without the score: nothing is learnt from a cheat.
    """
    score = score_of(manifest, measurement)
    if measurement.outcome is Outcome.DROPPED:
        return Result(number, ToldOutcome.DROPPED, feedback=f"{measurement.message}\n{measurement.feedback}".strip())
    if score is None:
        outcome = ToldOutcome.BLOCKED if measurement.outcome is Outcome.BLOCKED else ToldOutcome.FAILED
        return Result(number, outcome, feedback=measurement.message)
    if is_beyond_bound(manifest.primary, score):
        return Result(number, ToldOutcome.BLOCKED, feedback="The score is beyond what is possible; a person will look.")
    return Result(number, ToldOutcome.OK, score, dict(measurement.metrics), measurement.feedback)
