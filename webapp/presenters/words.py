"""How numbers, times and states are written for people."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from improvement.policies import Tier
from improvement.states import LIVE_RUN_STATES, CandidateState, RunState

MINUS = "\u2212"
NOTHING = "\u2013"


@dataclass(frozen=True, slots=True)
class Chip:
    """A state as people see it: a tone (live, ok, wait, bad or none), an icon's name and a word."""

    tone: str
    icon: str
    text: str


_RUN = {
    RunState.DRAFT: Chip("", "circle", "Draft"),
    RunState.QUEUED: Chip("", "hourglass", "Queued"),
    RunState.RUNNING: Chip("live", "", "Running"),
    RunState.PAUSED: Chip("wait", "pause", "Paused"),
    RunState.PARKED: Chip("wait", "clock", "Waits for review"),
    RunState.COMPLETED: Chip("ok", "check", "Completed"),
    RunState.STOPPED: Chip("", "square", "Stopped"),
    RunState.FAILED: Chip("bad", "x", "Failed"),
}
_HALTED = Chip("bad", "octagon-x", "Halted")

_CANDIDATE = {
    CandidateState.PROPOSED: Chip("", "circle", "Proposed"),
    CandidateState.MEASURING: Chip("live", "", "Measuring"),
    CandidateState.MEASURED: Chip("", "circle", "Measured"),
    CandidateState.NOMINATED: Chip("live", "circle-dot", "Nominated"),
    CandidateState.CONFIRMING: Chip("live", "", "Confirming"),
    CandidateState.IN_REVIEW: Chip("wait", "clock", "Waiting"),
    CandidateState.CHANGES_REQUESTED: Chip("wait", "undo-2", "Changes asked for"),
    CandidateState.STALE: Chip("wait", "refresh-cw", "Stale, being confirmed again"),
    CandidateState.APPROVED: Chip("ok", "check", "Approved"),
    CandidateState.RELEASED: Chip("ok", "circle-check", "Released"),
    CandidateState.BLOCKED: Chip("bad", "ban", "Blocked"),
    CandidateState.FAILED: Chip("bad", "x", "Failed"),
    CandidateState.UNCONFIRMED: Chip("", "circle-slash", "Within noise"),
    CandidateState.REJECTED: Chip("bad", "x", "Rejected"),
    CandidateState.SUPERSEDED: Chip("", "layers", "Superseded"),
    CandidateState.WITHDRAWN: Chip("", "undo-2", "Withdrawn"),
    CandidateState.EXPIRED: Chip("", "hourglass", "Expired"),
    CandidateState.QUARANTINED: Chip("bad", "shield-alert", "Quarantined"),
    CandidateState.ROLLED_BACK: Chip("", "rotate-ccw", "Rolled back"),
}

_TIER = {
    Tier.LOW: Chip("", "circle", "Low risk"),
    Tier.MEDIUM: Chip("wait", "circle-dot", "Medium risk"),
    Tier.HIGH: Chip("bad", "triangle-alert", "High risk"),
}


def run_chip(state: str, *, halted: bool = False) -> Chip:
    """Return how a run's state is shown; under the stop over everything one that would go on is halted."""
    known = RunState(state)
    return _HALTED if halted and known in LIVE_RUN_STATES - {RunState.PAUSED} else _RUN[known]


def candidate_chip(state: str) -> Chip:
    """Return how a candidate's state is shown."""
    return _CANDIDATE[CandidateState(state)]


def tier_chip(tier: str) -> Chip:
    """Return how a risk tier is shown."""
    return _TIER[Tier(tier)]


def number(value: float | None, *, places: int = 4) -> str:
    """Return a score: four decimals, more significant digits for tiny ones, a dash for none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    extreme = value != 0 and (abs(value) < 0.001 or abs(value) >= 1e7)
    text = f"{value:.3g}" if extreme else f"{value:,.{places}f}"
    return text.replace("-", MINUS)


def signed(value: float | None, *, places: int = 4) -> str:
    """Return a difference with its sign; a difference of nothing is 0."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    return number(value, places=places) if value < 0 else f"+{number(value, places=places)}"


def percent_change(now: float | None, start: float | None) -> str:
    """Return how far a value moved from the start in percent, or an empty text where that has no meaning."""
    if now is None or start is None or start == 0 or now == start:
        return ""
    change = 100 * (now - start) / abs(start)
    return f"{change:+.1f} %".replace("-", MINUS)


def improves(now: float | None, start: float | None, better: str) -> bool | None:
    """Return whether a move is for the better, or ``None`` when there is none."""
    if now is None or start is None or now == start:
        return None
    return (now > start) == (better == "higher")


def tone_of(better: bool | None) -> str:
    """Return the colour class of a move: up, down or none."""
    return {True: "up", False: "down", None: ""}[better]


def seconds(value: float | None) -> str:
    """Return a duration in the largest units that say enough: 0.61 s, 38.4 min, 2 h 5 min."""
    if value is None:
        return NOTHING
    if value < 10:
        return f"{value:.2f} s"
    if value < 120:
        return f"{value:.0f} s"
    if value < 7200:
        return f"{value / 60:.1f} min"
    hours, rest = divmod(round(value / 60), 60)
    return f"{hours} h {rest} min"


def span(delta: timedelta) -> str:
    """Return how long something has been going on: now, 12 s, 6 min, 3 h, 2 days."""
    total = max(0, int(delta.total_seconds()))
    for size, unit in ((86400, "day"), (3600, "h"), (60, "min")):
        if total >= size:
            count = total // size
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
    return f"{total} s" if total else "now"


def ago(then: datetime, now: datetime) -> str:
    """Return how long ago something was."""
    text = span(now - then)
    return "just now" if text == "now" else f"{text} ago"


def money(microusd: int) -> str:
    """Return an amount of US dollars, given in millionths: cents from a dollar on, and two digits of less."""
    dollars = microusd / 1_000_000
    if microusd == 0 or dollars >= 1:
        return f"${dollars:,.2f}" if microusd else "$0"
    places = max(2, 1 - math.floor(math.log10(dollars)))
    return f"${dollars:.{places}f}"


def short(digest: str, length: int = 7) -> str:
    """Return the start of a commit or digest."""
    return digest[:length]


def ends(digest: str) -> str:
    """Return both ends of a digest, enough to compare by eye."""
    return f"{digest[:8]}\u2026{digest[-4:]}" if len(digest) > 16 else digest


def candidate_name(candidate_id: int) -> str:
    """Return what people call a candidate."""
    return f"C-{candidate_id}"


def origin(operator: str, source: str) -> str:
    """Return where a candidate comes from: the strategy's operator in words, or who made it."""
    return (operator or source).replace("_", " ")
