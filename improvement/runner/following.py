"""Following a stream: champion and shadow take what arrived, in the sandbox, and are compared; no champion moves."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone

from improvement import installation
from improvement.engine.streams import Learned, asked_along, moved
from improvement.exceptions import CountersignError, Halted, SandboxUnavailable
from improvement.models import Serving
from improvement.runner import shadowing, stream_archives
from improvement.sandbox import levels
from improvement.sandbox import serving as sandboxed
from improvement.sandbox.serving import Question
from improvement.selectors import streams as read
from improvement.selectors.streams import Events
from improvement.selectors.targets import stream_of, task_at
from improvement.services import serving
from improvement.services.serving import Order, Step

logger = logging.getLogger(__name__)

MOST_WAITING = 5000
"""Predictions whose label did not come yet that are remembered, the newest."""
MARGIN_SECONDS = 60
"""For what a step needs beside learning and predicting, each of which may take as long as an evaluation."""


def follow(target_id: int) -> None:
    """Take everything that arrived on a target's stream, compare champion and shadow, and archive what is old.

    What fails of that keeps nothing else of it from being done.
    """
    if installation.halt_file().exists():
        return
    levels.require(settings.SANDBOX_MIN_LEVEL)
    for one in read.following(target_id).values():
        while _take_step(one):
            pass
    for duty in (shadowing.compare, stream_archives.archive_old):
        try:
            duty(target_id)
        except Exception:  # it is due again when the next records come
            logger.exception("the stream of target %s: %s failed", target_id, duty.__name__)


def _take_step(one: Serving) -> bool:
    """Take one step of a serving; return whether another may follow at once. What goes wrong is told on its row."""
    order = serving.claim(one.pk, now=timezone.now())
    if order is None:
        return False
    most = 0
    try:
        state = order.state()
        most = read.at_once(weights=len(state["model"]["weights"]), refusals=order.refusals) if state else 0
        step = _carried_out(order, state, most)
    except (Halted, SandboxUnavailable):
        serving.release_lease(order)
        return False
    except CountersignError as error:
        _refuse(order, error.message, most)
        return False
    except Exception as error:  # whatever broke, people see it and the other duties go on
        logger.exception("a step of %s on the stream of %s failed", order.commit[:9], order.target_name)
        _refuse(order, f"Something broke while it was taken: {error!r:.200}", most)
        return False
    counts = serving.record(order, step, now=timezone.now())
    return counts and (state is None or step.last > order.position)


def _refuse(order: Order, reason: str, most: int) -> None:
    last = read.last_after(order.stream_id, order.position, most)
    serving.refuse(order, reason=reason, last=last, now=timezone.now())


def _carried_out(order: Order, state: Mapping[str, Any] | None, most: int) -> Step:
    rule = _Rule(order)
    serving.keep_lease(order, seconds=rule.seconds, now=timezone.now())
    if state is None:
        return Step({"model": rule.begun(), "waiting": {}}, order.position)
    model, waiting = state["model"], state["waiting"]
    taken = read.next_events(order.stream_id, order.position, waiting, most=most)
    if taken.last == order.position:
        return Step(state, order.position)
    return _step(taken, rule, model, waiting)


def _step(taken: Events, rule: _Rule, model: Mapping[str, Any], waiting: Mapping[str, str]) -> Step:
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
        self._stream = stream_of(self._task.manifest)
        self._stop = installation.halt_file().exists
        self.seconds = 2 * self._task.manifest.evaluate.seconds + MARGIN_SECONDS

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
