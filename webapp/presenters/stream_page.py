"""The live stream on a target's page: who follows it, how right they were over time, drifts, releases, proposals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from improvement.engine.manifest import Manifest
from improvement.permissions import Person, Right, may
from improvement.selectors import streams
from webapp.presenters import words
from webapp.presenters.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Point, Scale, Tick, ticks

if TYPE_CHECKING:
    from improvement.models import RollbackProposal, Serving, ServingStep, Target

SHOWN = 5000
"""The newest records that the chart shows."""
FEWEST = 20
"""Labels before a share says anything."""
MOST_POINTS = 400
LATEST_DRIFTS = 5


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment on the record axis: a drift that was seen, or a release."""

    record: int
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Lines:
    """What the chart shows: the share of right predictions, in per cent by record, as unbroken pieces of each line."""

    champion: tuple[tuple[Point, ...], ...]
    shadow: tuple[tuple[Point, ...], ...]
    drifts: tuple[Mark, ...]
    releases: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class StreamPaint:
    """The chart in a 760 × 360 box, as the page shows it before, and without, its script."""

    champion: tuple[str, ...]
    shadow: tuple[str, ...]
    drifts: tuple[float, ...]
    releases: tuple[float, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rollback that is proposed, with its evidence in per cent."""

    id: int
    target: str
    to: str
    from_commit: str
    labels: int
    champion: str
    shadow: str
    difference: str
    interval: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the champion or its shadow does not go on; ``last`` is 0 where skipping records is of no use."""

    serving: int
    who: str
    commit: str
    text: str
    first: int
    last: int
    is_shadow: bool


@dataclass(frozen=True, slots=True)
class StreamPage:
    """The stream of one target."""

    serving: str
    records: int
    archived: int
    problems: tuple[Problem, ...]
    shadow: str
    now: str
    window: int
    paint: StreamPaint
    series: dict[str, Any]
    drifts: tuple[Mark, ...]
    proposal: Proposal | None
    may_decide: bool


def page(target: Target, manifest: Manifest, person: Person) -> StreamPage | None:
    """Return the stream of a target, None where it follows none."""
    row = streams.of_target(target.pk)
    if row is None or manifest.stream is None:
        return None
    stream = manifest.stream
    servings, steps = streams.servings(target), streams.steps(target, after=max(0, row.count - SHOWN))
    lines = chart(servings, steps, window=stream.window)
    last = lines.champion[-1][-1][1] if lines.champion else None
    following = {one.role: one for one in servings if one.ended_at is None}
    champion, shadow = following.get("champion"), following.get("shadow")
    proposed = streams.proposal_of(target)
    bounded = f"bounded: one label moves the weights by at most {stream.bound:g}"
    return StreamPage(
        serving=bounded if stream.serving == "bounded" else "frozen: the weights stay as they were at the release",
        records=row.count,
        archived=row.archived,
        problems=tuple(_problem(one) for one in (champion, shadow) if one and one.problem),
        shadow=shadow.commit if shadow else "",
        now="" if last is None else f"{last:.1f} %",
        window=stream.window,
        paint=paint(lines),
        series=series(lines),
        drifts=lines.drifts[: -LATEST_DRIFTS - 1 : -1],
        proposal=proposal(proposed) if proposed else None,
        may_decide=may(person, Right.ROLL_BACK, target.pk),
    )


def _problem(row: Serving) -> Problem:
    is_shadow, refused = row.role == "shadow", row.refused_last or 0
    return Problem(
        serving=row.pk,
        who="The old champion, which shadows," if is_shadow else "The champion",
        commit=row.commit,
        text=row.problem,
        first=row.position + 1,
        last=refused if refused > row.position else 0,
        is_shadow=is_shadow,
    )


def proposal(row: RollbackProposal) -> Proposal:
    """Return a proposed rollback with its evidence."""
    said = row.evidence
    return Proposal(
        id=row.pk,
        target=row.target.name,
        to=row.to_commit,
        from_commit=row.release.commit,
        labels=said["labels"],
        champion=said["champion"],
        shadow=said["shadow"],
        difference=_signed(said["difference"]),
        interval=f"{_signed(said['low'])} to {_signed(said['high'])}",
        opened_at=row.opened_at,
    )


def _signed(number: str) -> str:
    return number.replace("-", "\u2212")


def proposals(person: Person) -> tuple[Proposal, ...]:
    """Return the rollbacks that wait for a person."""
    return tuple(map(proposal, streams.proposals(person)))


def chart(servings: Sequence[Serving], steps: Iterable[ServingStep], *, window: int) -> Lines:
    """Return the lines of everybody who followed the stream: champion until the next one began, shadow after that."""
    ordered = sorted(servings, key=lambda one: one.pk)
    ends = {one.pk: later.since for one, later in pairwise(ordered)}
    outcomes: dict[int, list[tuple[int, int]]] = {one.pk: [] for one in ordered}
    drifts = []
    for step in steps:
        one, end = step.serving, ends.get(step.serving_id)
        outcomes[one.pk] += [(number, right) for number, right in step.outcomes if number > one.since]
        seen = [number for number in step.drifts if number > one.since and (end is None or number <= end)]
        drifts += [Mark(number, step.at, f"at record {number:,}") for number in seen]
    champion, shadow = [], []
    for one in ordered:
        points, end = rolling(outcomes[one.pk], window), ends.get(one.pk)
        champion.append(tuple(point for point in points if end is None or point[0] <= end))
        shadow.append(tuple(point for point in points if end is not None and point[0] > end))
    releases = tuple(Mark(one.since, one.began_at, words.short(one.commit)) for one in ordered[1:])
    return Lines(_pieces(champion), _pieces(shadow), tuple(sorted(drifts, key=lambda mark: mark.record)), releases)


def rolling(outcomes: Sequence[tuple[int, int]], window: int) -> list[Point]:
    """Return the share of the last ``window`` labels that were right, by record, in per cent; none while too few."""
    right, points, every = 0, [], max(1, len(outcomes) // MOST_POINTS)
    for place, (number, was_right) in enumerate(outcomes):
        right += was_right - (outcomes[place - window][1] if place >= window else 0)
        if place + 1 >= FEWEST and (place % every == 0 or place + 1 == len(outcomes)):
            points.append((float(number), round(100.0 * right / min(place + 1, window), 2)))
    return points


def _pieces(lines: Iterable[tuple[Point, ...]]) -> tuple[tuple[Point, ...], ...]:
    return tuple(line for line in lines if line)


def series(lines: Lines) -> dict[str, Any]:
    """Return the chart for the page's script: each line with gaps between its pieces."""
    return {
        "champion": _joined(lines.champion),
        "shadow": _joined(lines.shadow),
        "drifts": [mark.record for mark in lines.drifts],
        "releases": [{"x": mark.record, "text": mark.text} for mark in lines.releases],
    }


def _joined(pieces: Iterable[tuple[Point, ...]]) -> dict[str, list[float | None]]:
    x: list[float | None] = []
    y: list[float | None] = []
    for piece in pieces:
        x += [*(point[0] for point in piece), None]
        y += [*(point[1] for point in piece), None]
    return {"x": x, "y": y}


def paint(lines: Lines) -> StreamPaint:
    """Return the chart's first paint; an empty one is a box with its grid."""
    points = [point for piece in (*lines.champion, *lines.shadow) for point in piece]
    left, right = min((point[0] for point in points), default=0.0), max((point[0] for point in points), default=1.0)
    low = min((point[1] for point in points), default=0.0)
    x = Scale(left, max(right, left + 1.0), LEFT, WIDTH - RIGHT)
    y = Scale(max(0.0, low - 5.0), 100.0, HEIGHT - BOTTOM, TOP)
    return StreamPaint(
        champion=tuple(_path(piece, x, y) for piece in lines.champion),
        shadow=tuple(_path(piece, x, y) for piece in lines.shadow),
        drifts=tuple(x(mark.record) for mark in lines.drifts if left <= mark.record <= right),
        releases=tuple(x(mark.record) for mark in lines.releases if left <= mark.record <= right),
        across=tuple(Tick(x(value), f"{value:g}") for value in ticks(x.low, x.high)),
        up=tuple(Tick(y(value), f"{value:g}") for value in ticks(y.low, y.high)),
        summary=_summary(lines),
    )


def _path(piece: Sequence[Point], x: Scale, y: Scale) -> str:
    return "M" + "L".join(f"{x(a):g} {y(b):g}" for a, b in piece)


def _summary(lines: Lines) -> str:
    if not lines.champion:
        return "No label has arrived yet for a prediction of the champion."
    last = lines.champion[-1][-1]
    return f"{last[1]:.1f} per cent right at record {last[0]:,.0f}; drifts seen: {len(lines.drifts)}."
