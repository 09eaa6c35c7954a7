"""Measures candidates, several at a time, never the same thing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from threading import Event
from typing import Self

from improvement.engine.measurement import Measurement, Stage, Step, Task
from improvement.engine.patches import files_digest
from improvement.offline.record import Key, Record
from improvement.sandbox.measure import measure

STOPPED = "stopped"  # the cause that the sandbox gives for an evaluation that was asked to end


class Stopped(Exception):
    """Somebody stopped the run; what was being measured is void."""


@dataclass(frozen=True)
class Job:
    """One evaluation to make; with what came of the ``champion``, a candidate may be dropped on the way."""

    files: Mapping[str, str]
    stage: Stage
    seed: int
    case: int = 0
    champion: Sequence[Step] = ()


class Bench:
    """A pool of workers over the sandbox, and the record of what they measured."""

    def __init__(self, task: Task, record: Record, *, workers: int) -> None:
        self._task = task
        self._record = record
        self._stop = Event()
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="measure")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def one(self, job: Job) -> Measurement:
        """Make one evaluation."""
        return self.all({0: job})[0]

    def all(self, jobs: Mapping[int, Job], *, done: Callable[[], None] | None = None) -> dict[int, Measurement]:
        """Make these evaluations, in any order; what was made before is not made again.

        ``done`` is called, in the caller's thread, as each different job is answered. Raises Stopped.
        """
        keys = {number: _key(job) for number, job in jobs.items()}
        missing = {key: jobs[number] for number, key in keys.items() if key not in self._record.evaluations}
        tick = done or _nothing
        for _ in set(keys.values()) - missing.keys():
            tick()
        self._collect({self._submit(job): key for key, job in missing.items()}, tick)
        return {number: self._record.evaluations[key] for number, key in keys.items()}

    def _submit(self, job: Job) -> Future[Measurement]:
        return self._pool.submit(
            measure,
            self._task,
            job.files,
            stage=job.stage,
            seed=job.seed,
            case=job.case,
            champion=job.champion,
            stop=self._stop.is_set,
        )

    def _collect(self, running: Mapping[Future[Measurement], Key], tick: Callable[[], None]) -> None:
        try:
            for future in as_completed(running):
                self._keep(running[future], future.result())
                tick()
        except BaseException:
            self._abandon(running)
            raise

    def _keep(self, key: Key, measurement: Measurement) -> None:
        if measurement.cause == STOPPED:
            raise Stopped
        self._record.evaluated(key, measurement)

    def _abandon(self, running: Iterable[Future[Measurement]]) -> None:
        self._stop.set()
        for future in running:
            future.cancel()


def _key(job: Job) -> Key:
    return (job.stage, files_digest(job.files), job.seed, job.case)


def _nothing() -> None:
    """What happens after a measurement when nobody watches."""
