"""The head of the log: what one row must hold so that the next event can be appended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from improvement.ledger.canonical import canonical
from improvement.ledger.event import compose, timestamp
from improvement.ledger.merkle import Frontier, leaf_hash


@dataclass(frozen=True, slots=True)
class Entry:
    """One appended event: ``line`` holds the bytes to store, ``leaf`` their hash in the tree (32 bytes)."""

    seq: int
    ts: str
    line: bytes
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """A log's name, how many events it has, its frontier's bytes, and the time of its last event (empty at first).

    Lock the row that holds it, ``append``, store the entry and the new head, all in the transaction of the change.
    """

    log: str
    size: int = 0
    frontier: bytes = b""
    last_ts: str = ""

    def append(
        self,
        *,
        now: datetime,
        type: str,
        actor: Mapping[str, Any],
        subject: Mapping[str, Any],
        context: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        refs: Iterable[Mapping[str, Any]] = (),
        payloads: Iterable[Mapping[str, Any]] = (),
    ) -> tuple[Head, Entry]:
        """Return the next head and the entry to store; time never goes back, whatever the clock says.

        Raises ``LedgerError`` when the event is not what its type requires, or this head is damaged.
        """
        ts = max(timestamp(now), self.last_ts)
        event = compose(
            seq=self.size, log=self.log, ts=ts, type=type, actor=actor, subject=subject,
            context=context, data=data, refs=refs, payloads=payloads,
        )  # fmt: skip
        line = canonical(event)
        entry = Entry(self.size, ts, line, leaf_hash(line))
        frontier = Frontier.load(self.size, self.frontier)
        frontier.append(entry.leaf)
        return replace(self, size=frontier.size, frontier=frontier.dump(), last_ts=ts), entry

    def root(self) -> bytes:
        """Return the Merkle root of all events so far (32 bytes): what a checkpoint signs."""
        return Frontier.load(self.size, self.frontier).root()
