"""What people and fresh seeds said of earlier proposals, as a strategy is told: verdict, reason, grounds, comments."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

MAX_COMMENTS = 40


class Verdict(StrEnum):
    """What became of a nominated proposal; people's decisions and the verdict of the confirm seeds only."""

    RELEASED = "released"
    REJECTED = "rejected"
    CHANGES_REQUESTED = "changes_requested"
    UNCONFIRMED = "unconfirmed"
    SUPERSEDED = "superseded"


class Ground(StrEnum):
    """A reason that comes up often, which people tick beside the one they type."""

    TOO_COMPLEX = "too_complex"
    OVERFITS = "overfits"
    UNSAFE = "unsafe"
    WRONG_DIRECTION = "wrong_direction"
    UNCLEAR = "unclear"

    @property
    def words(self) -> str:
        """The ground as people read it."""
        return self.value.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class LineComment:
    """What somebody said of one line of a change.

    ``line`` counts from 1 in the file of its ``side``, "old" for the champion's and "new" for the candidate's; ``code``
    is the text of the line.
    """

    path: str
    side: str
    line: int
    code: str
    text: str
    resolved: bool


@dataclass(frozen=True)
class Decision:
    """What became of an earlier proposal; only what people let the strategy read is in it."""

    number: int
    verdict: Verdict
    reason: str = ""
    grounds: tuple[Ground, ...] = ()
    comments: tuple[LineComment, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give the decision as the protocol spells it, with the first comments up to their limit."""
        return {
            "number": self.number,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "grounds": [ground.value for ground in self.grounds],
            "comments": [asdict(comment) for comment in self.comments[:MAX_COMMENTS]],
        }
