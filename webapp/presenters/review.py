"""The page of one candidate: what changes, on which evidence, and the box where people sign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from improvement.selectors.reviews import Shown
from webapp.presenters.comments import Talk
from webapp.presenters.evidence import EvidenceView
from webapp.presenters.parameter_moves import ParameterMove
from webapp.presenters.pipeline_picture import PipelinePicture
from webapp.presenters.words import Chip


@dataclass(frozen=True, slots=True)
class VoteLine:
    """One person's verdict, and why it does not count when it does not."""

    person: str
    icon: str
    tone: str
    text: str
    at: datetime
    reason: str
    grounds: tuple[str, ...]
    marks: str


@dataclass(frozen=True, slots=True)
class Need:
    """One requirement of the policy."""

    name: str
    met: bool
    why: str


@dataclass(frozen=True, slots=True)
class Signing:
    """What a vote names, in full; the page shows the ends and the form carries all of it."""

    patch: str
    base: str
    evidence: str
    policy: str
    policy_version: int


@dataclass(frozen=True, slots=True)
class DecisionBox:
    """The box where people decide; without ``signing`` there is nothing to decide any more.

    ``nobody_answers``: the run proposes nothing more, so that asking for changes ends in a withdrawal.
    ``own_approval``: the reader countersigned already, and may still say something else.
    ``open_comments`` wait to be resolved before anybody can countersign; ``grounds`` can be ticked: key and words.
    """

    policy: str
    votes: tuple[VoteLine, ...]
    needs: tuple[Need, ...]
    signing: Signing | None
    can_vote: bool
    why_not: str
    self_countersign: bool
    outcome: str = ""
    nobody_answers: bool = False
    own_approval: bool = False
    open_comments: int = 0
    grounds: tuple[tuple[str, str], ...] = ()

    @property
    def met(self) -> tuple[Need, ...]:
        """The requirements that are met."""
        return tuple(need for need in self.needs if need.met)

    @property
    def unmet(self) -> tuple[Need, ...]:
        """The requirements that are not met yet."""
        return tuple(need for need in self.needs if not need.met)


@dataclass(frozen=True, slots=True)
class EvaluationLine:
    """One measurement behind the evidence: candidate and champion on the same seed, side by side."""

    stage: str
    index: int
    candidate: str
    champion: str
    difference: str
    tone: str
    seconds: str
    memory: str
    level: int
    isolation: str
    message: str
    log: str


@dataclass(frozen=True, slots=True)
class StageLine:
    """One stage of how a candidate was measured: what it needed and reached, on how many of its cases."""

    name: str
    needed: str
    score: str
    cases: str
    chip: Chip


@dataclass(frozen=True, slots=True)
class Relative:
    """A candidate in another one's lineage."""

    id: int
    chip: Chip
    score: str
    title: str
    relation: str


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Where this candidate is in the reader's queue."""

    position: int | None
    total: int
    previous: int | None
    next: int | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a model was asked (who says what, in order) and what it answered, without secrets, and what that took."""

    messages: tuple[tuple[str, str], ...]
    answer: str
    took: str


@dataclass(frozen=True, slots=True)
class CandidatePage:
    """One candidate.

    ``shown`` stands for what people read before they decide (change, champion, evidence, policy); ``moving`` says that
    the candidate goes on without them, so that the page asks again by itself.
    """

    id: int
    title: str
    run_id: int | None
    target: str
    chip: Chip
    approvals: str
    risk: Chip | None
    files_changed: int
    added: int
    removed: int
    base: str
    origin: str
    note: str
    parents: tuple[int, ...]
    isolation: str
    score: str
    proposed_at: datetime
    message: str
    tab: str
    tabs: tuple[tuple[str, str], ...]
    view: str
    neighbours: Neighbours
    shown: str
    moving: bool
    put_aside: Shown
    decision: DecisionBox
    quarantined: bool
    why_not_clear: str
    evidence: EvidenceView | None
    talk: Talk | None = None
    moves: tuple[ParameterMove, ...] = ()
    pipeline: PipelinePicture | None = None
    evaluations: tuple[EvaluationLine, ...] = ()
    transcript: str = ""
    model: str = ""
    exchange: Exchange | None = None
    relatives: tuple[Relative, ...] = ()
    stages: tuple[StageLine, ...] = ()

    @property
    def has_log(self) -> bool:
        """Whether any measurement said something."""
        return any(row.log or row.message for row in self.evaluations)
