"""Live strategy processes of this worker: a cache that is rebuilt from snapshot and journal when it is lost."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from improvement import installation
from improvement.engine.asktell import Init
from improvement.engine.consulting import Offer
from improvement.engine.packages import StrategyPackage, find_builtin
from improvement.engine.seeds import strategy_seed
from improvement.engine.session import Session
from improvement.exceptions import StrategyError
from improvement.models import Run
from improvement.sandbox import strategies
from improvement.sandbox.strategies import Running
from improvement.selectors import loop
from improvement.selectors.targets import task_at

KEPT = 6


@dataclass
class Conversation:
    """A live session with the journal index at which it stands."""

    process: Running
    session: Session
    journal_index: int


_live: OrderedDict[int, Conversation] = OrderedDict()


def with_strategy(run: Run) -> Conversation:
    """Return the conversation of a run, brought to where the journal is."""
    length = loop.journal_length(run.pk)
    kept = _live.get(run.pk)
    if kept is not None and kept.journal_index == length and kept.process.alive:
        _live.move_to_end(run.pk)
        return kept
    forget(run.pk)
    _live[run.pk] = _restored(run, length)
    while len(_live) > KEPT:
        forget(next(iter(_live)))
    return _live[run.pk]


def forget(run_id: int) -> None:
    """End the live process of a run; the next step rebuilds it from the record."""
    conversation = _live.pop(run_id, None)
    if conversation is not None:
        conversation.process.close()


@contextmanager
def ended_after(run_id: int) -> Iterator[None]:
    """Have this process keep no strategy of the run beyond this block."""
    try:
        yield
    finally:
        forget(run_id)


def needs_help(run: Run) -> bool:
    """Whether the strategy of a run asks programs or models for help before it proposes."""
    return package_of(run).asks_for_help


def package_of(run: Run) -> StrategyPackage:
    """Return the strategy package of a run, or raise ``StrategyError`` when its files changed since the run began."""
    package = find_builtin(run.strategy)
    if package.digest != run.strategy_digest:
        raise StrategyError(
            f"The files of strategy {run.strategy} changed since R-{run.pk} began, so it cannot go on. Start a new run."
        )
    return package


def _restored(run: Run, length: int) -> Conversation:
    package = package_of(run)
    task = task_at(run.target.name, run.start_commit)
    start = loop.champion_row(run, run.start_commit)
    init = Init.of(
        task.manifest,
        task.editable,
        score=run.start_score,
        seed=strategy_seed(run.seed),
        parameters=package.settings(run.parameters),
        start=start.metrics if start else None,
        feedback=start.feedback if start else "",
        models=[Offer(**offer) for offer in run.language_models],
    )
    snapshot, entries = loop.restoration(run.pk)
    process = strategies.start(package, stop=installation.halt_file().exists)
    try:
        session = Session.restore(process, init, snapshot, entries)
    except BaseException:
        process.close()
        raise
    return Conversation(process, session, length)
