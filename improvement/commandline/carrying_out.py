"""Having a release done when the command returns: by the workers of a running server, else by this process."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from improvement import dispatch
from improvement.commandline import server
from improvement.exceptions import Conflict
from improvement.models import Release, Run
from improvement.runner import advancing, releasing
from improvement.states import RunState

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


def tell_run_of(candidate_id: int) -> None:
    """Let a run that waited only for people notice a decision about its candidate, where no worker does it."""
    parked = Run.objects.filter(candidates=candidate_id, state=RunState.PARKED.value).first()
    if parked is not None and not server.has_workers():
        advancing.advance(parked.pk, worker=f"{socket.gethostname()}-{os.getpid()}")


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
