"""Having a release done when the command returns: by the workers of a running server, else by this process."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from improvement import dispatch
from improvement.commandline import server
from improvement.exceptions import Conflict, CountersignError
from improvement.models import Candidate, Release, Run, Target
from improvement.runner import advancing, confirming, releasing
from improvement.runner.foreground import settle_target
from improvement.runner.identity import worker_name
from improvement.selectors import system
from improvement.states import CandidateState, RunState

PATIENCE_SECONDS = 20.0
_POLL_SECONDS = 0.1


@contextmanager
def by_whoever_is_there() -> Iterator[None]:
    """Enqueue nothing inside this block unless workers are there to take it."""
    with nullcontext() if server.has_workers() else dispatch.done_by_this_process():
        yield


def finish(release_id: int) -> Release:
    """Return a release that is over; raises ``Conflict`` when it failed or waits for the stop to be lifted."""
    if server.has_workers():
        _wait(release_id)
    else:
        releasing.finish_release(release_id)
    release = Release.objects.get(pk=release_id)
    if release.state == Release.State.FAILED:
        raise Conflict(f"The champion did not move: {release.reason}")
    if release.state == Release.State.INTENDED:
        raise Conflict("The decision is recorded, and the champion moves as soon as the workers get to it.")
    return release


def confirm_if_stale(candidate_id: int) -> None:
    """Confirm a stale candidate again because somebody opens it: by the workers where there are any, or here."""
    stale = Candidate.objects.filter(pk=candidate_id, state=CandidateState.STALE.value).select_related("target").first()
    if stale is None or system.halted():
        return
    if server.has_workers():
        dispatch.enqueue("confirm_again", candidate_id=candidate_id)
    else:
        confirming.confirm_again(candidate_id)
        settle_target(stale.target.name)


def confirm_next() -> None:
    """Carry out what is due, and confirm again what is next in each queue, where no worker does it.

    Says on the standard error what was done, and where that is refused; one target does not keep the others waiting.
    """
    if server.has_workers():
        return
    for name in Target.objects.order_by("name").values_list("name", flat=True):
        try:
            done = "carried out what was due." if settle_target(name) else ""
        except CountersignError as error:
            done = error.message
        if done:
            sys.stderr.write(f"{name}: {done}\n")


def tell_run_of(candidate_id: int) -> None:
    """Let a run that waited only for people notice a decision about its candidate, where no worker does it."""
    parked = Run.objects.filter(candidates=candidate_id, state=RunState.PARKED.value).first()
    if parked is not None and not server.has_workers():
        advancing.advance(parked.pk, worker=worker_name())


def in_flight(candidate_id: int) -> int | None:
    """Return the release of a candidate that is ordered and not done yet."""
    return (
        Release.objects.filter(candidate_id=candidate_id, state=Release.State.INTENDED)
        .values_list("pk", flat=True)
        .first()
    )


def _wait(release_id: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if Release.objects.values_list("state", flat=True).get(pk=release_id) != Release.State.INTENDED:
            return
        time.sleep(_POLL_SECONDS)
