"""Following a stream: champion and shadow take what arrived, in the sandbox, and are compared; no champion moves."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone

from improvement import installation
from improvement.engine.streams import Learned, Stream, asked_along, moved, regression
from improvement.exceptions import CountersignError, Halted, SandboxUnavailable
from improvement.models import Serving
from improvement.models import Stream as StreamRow
from improvement.sandbox import levels
from improvement.sandbox import serving as sandboxed
from improvement.sandbox.serving import Question
from improvement.selectors import streams as read
from improvement.selectors.streams import Events
from improvement.selectors.targets import task_at
from improvement.services import proposals, serving, streams
from improvement.services.serving import Order, Step

logger = logging.getLogger(__name__)

MOST_WAITING = 5000
"""Predictions whose label did not come yet that are remembered, the newest."""


def follow(target_id: int) -> None:
    """Take everything that arrived on a target's stream, compare champion and shadow, and archive what is old."""
    if installation.halt_file().exists():
        return
    levels.require(settings.SANDBOX_MIN_LEVEL)
    for one in read.following(target_id).values():
        while _take_step(one):
            pass
    _compare(target_id)
    _archive_old(target_id)


def _take_step(one: Serving) -> bool:
    """Take one step of a serving; return whether another may follow at once."""
    seconds = task_at(one.stream.target.name, one.commit).manifest.evaluate.seconds
    order = serving.claim(one.pk, seconds=2 * seconds, now=timezone.now())
    if order is None:
        return False
    try:
        step = _carried_out(order, one.stream_id)
    except (Halted, SandboxUnavailable):
        serving.release_lease(order)
        return False
    except CountersignError as error:
        serving.refuse(order, reason=error.message, now=timezone.now())
        return False
    counts = serving.record(order, step, now=timezone.now())
    return counts and (order.state is None or step.last > order.position)


def _carried_out(order: Order, stream_id: int) -> Step:
    if order.state is None:
        return Step({"model": _Rule(order).begun(), "waiting": {}}, order.position)
    model, waiting = order.state["model"], order.state["waiting"]
    taken = read.next_events(stream_id, order.position, waiting, weights=len(model["weights"]))
    if taken.last == order.position:
        return Step(order.state, order.position)
    return _step(order, taken, _Rule(order), model, waiting)


def _step(order: Order, taken: Events, rule: _Rule, model: Mapping[str, Any], waiting: Mapping[str, str]) -> Step:
    learned = rule.learned(model, taken.events)
    known = {**waiting, **rule.predicted([model["weights"], *learned.path], taken.events, waiting)}
    told = {event["key"]: event["label"] for event in taken.events if "label" in event}
    left = {key: label for key, label in known.items() if key not in told}
    weights = learned.path[-1] if learned.path else model["weights"]
    return Step(
        state={
            "model": {"weights": weights, "memory": learned.memory},
            "waiting": dict(list(left.items())[-MOST_WAITING:]),
        },
        last=taken.last,
        outcomes=[(number, known[key] == told[key]) for number, key in taken.labels.items() if key in known],
        drifts=[number for number, key in taken.labels.items() if key in learned.drifts],
        labels=len(taken.labels),
        moved=moved(model["weights"], weights),
    )


class _Rule:
    """A commit's own files at work; what its manifest says of its stream is what binds them."""

    def __init__(self, order: Order) -> None:
        self._task = task_at(order.target_name, order.commit)
        self._stream = _stream_of(self._task.manifest.stream)
        self._stop = installation.halt_file().exists

    def begun(self) -> dict[str, Any]:
        return sandboxed.begin(self._task, self._stream, stop=self._stop)

    def learned(self, state: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Learned:
        return sandboxed.learn(self._task, self._stream, state=state, events=events, stop=self._stop)

    def predicted(
        self, path: Sequence[Sequence[float]], events: Sequence[Mapping[str, Any]], known: Mapping[str, str]
    ) -> dict[str, str]:
        """Return what is predicted, by key, for the features among events; what is known already stays as it was.

        ``path`` has the weights before the first label and after each.
        """
        asked = asked_along(events, known)
        questions = [Question(path[place], [event["features"] for event in group]) for place, group in asked.items()]
        answers = sandboxed.predict(self._task, self._stream, questions=questions, stop=self._stop) if asked else []
        return {
            event["key"]: label
            for group, labels in zip(asked.values(), answers, strict=True)
            for event, label in zip(group, labels, strict=True)
        }


def _stream_of(stream: Stream | None) -> Stream:
    assert stream is not None  # a serving begins only where the manifest has one
    return stream


def _compare(target_id: int) -> None:
    """Propose the rollback when the shadow did better on the last labels; end a shadow that was compared for long."""
    roles = read.following(target_id)
    champion, shadow = roles.get(Serving.Role.CHAMPION), roles.get(Serving.Role.SHADOW)
    if champion is None or shadow is None:
        return
    stream = _stream_of(task_at(champion.stream.target.name, champion.commit).manifest.stream)
    mine, theirs = (read.outcomes(one, after=champion.since) for one in (champion, shadow))
    common = sorted(mine.keys() & theirs.keys())
    last = common[-stream.window :]
    if len(last) == stream.window:
        _judge(champion, shadow, [mine[number] for number in last], [theirs[number] for number in last], last)
    if len(common) >= stream.shadow:
        serving.end_shadow(shadow.pk, now=timezone.now())


def _judge(champion: Serving, shadow: Serving, mine: list[bool], theirs: list[bool], numbers: list[int]) -> None:
    comparison = regression(mine, theirs)
    if comparison.high >= 0:
        return
    evidence = {
        "labels": len(numbers),
        "first_record": numbers[0],
        "last_record": numbers[-1],
        "champion": _share(mine),
        "shadow": _share(theirs),
        "difference": _per_cent(comparison.mean),
        "low": _per_cent(comparison.low),
        "high": _per_cent(comparison.high),
        "level": str(comparison.level),
    }
    summary = (
        f"on the last {len(numbers)} labels {champion.commit[:9]} had {evidence['champion']} % right, "
        f"{shadow.commit[:9]} {evidence['shadow']} %"
    )
    proposals.propose(champion.pk, shadow.pk, evidence=evidence, summary=summary, now=timezone.now())


def _share(right: list[bool]) -> str:
    return _per_cent(sum(right) / len(right))


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f}"


def _archive_old(target_id: int) -> None:
    """Write records beyond what is kept to a file that is named for its content, then take them out."""
    row = StreamRow.objects.select_related("target").get(target_id=target_id)
    stream = task_at(row.target.name, row.target.champion_commit).manifest.stream
    ends = read.archivable(row, stream.keep) if stream else None
    if ends is None:
        return
    lines = [
        json.dumps(
            {
                "number": one.number,
                "id": one.key,
                "features": one.features,
                "label": one.label,
                "source": one.source,
                "arrived_at": one.arrived_at.isoformat(),
                "digest": one.digest,
            }
        )
        for one in read.records(row, *ends)
    ]
    data = gzip.compress("\n".join([*lines, ""]).encode(), mtime=0)
    blob = hashlib.sha256(data).hexdigest()
    installation.keep_blob(blob, data)
    streams.archive(row.pk, first=ends[0], last=ends[1], blob=blob, now=timezone.now())
