"""What a run has done so far, line by line, so that a killed run goes on as if nothing had happened.

A resumed run takes the same steps from the start; every step that has a line here gets the
recorded answer, and the first one that has none is really done. So there is no second way of
building a run's state that could disagree with the first.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from improvement.engine.asktell import Message, Proposal
from improvement.engine.cascade import read_steps
from improvement.engine.errands import Done
from improvement.engine.measurement import Measurement, Outcome, Stage
from improvement.engine.session import HELP, Entry, Help, Snapshot, Tell, entry_for, entry_to_json
from improvement.exceptions import Conflict, Invalid

FORMAT = 1

Key = tuple[Stage, str, int, int]  # stage, digest of the files, seed, case
RecordedAsk = tuple[int, tuple[Proposal, ...], tuple[Help, ...]]
RecordedTell = tuple[Message, float]


class Record:
    """The lines of one run: in memory, and in a file where one is given.

    ``asks`` and ``tells`` are the recorded ones that the repeated steps have not come by yet, asks with their rounds of
    help; ``rounds`` are those of an ask that was cut short, and ``done`` is what came of the commands of a round that
    was, by place and digest. ``snapshot`` and ``journal`` are what brings a new strategy process to where the record
    ends.
    """

    def __init__(self, path: Path | None, identity: Mapping[str, Any]) -> None:
        self.evaluations: dict[Key, Measurement] = {}
        self.asks: deque[RecordedAsk] = deque()
        self.tells: deque[RecordedTell] = deque()
        self.rounds: list[Help] = []
        self.snapshot: Snapshot | None = None
        self.journal: list[Entry] = []
        self.done: dict[tuple[int, str], Done] = {}
        self._file: IO[bytes] | None = None
        if path is not None:
            self._file = _locked(path)
            self._open(path, {"kind": "run", "format": FORMAT, **identity})

    @property
    def is_kept(self) -> bool:
        """Whether there is a file that outlives the process."""
        return self._file is not None

    def evaluated(self, key: Key, measurement: Measurement) -> None:
        """Keep a measurement."""
        self.evaluations[key] = measurement
        self._write({"kind": "evaluation", "key": list(key), "measurement": dataclasses.asdict(measurement)})

    def asked(self, count: int, proposals: Sequence[Proposal]) -> None:
        """Keep the strategy's answer to ``ask``."""
        self.journal.append(entry_for(count, proposals))
        self._write({"kind": "ask", "count": count, "proposals": [proposal.as_json() for proposal in proposals]})

    def did(self, place: int, command: str, done: Done) -> None:
        """Keep what came of one command of a round, named by its digest: no program runs twice."""
        self.done[place, command] = done
        self._write({"kind": "done", "place": place, "command": command, "done": done.as_json()})
        self._sync()

    def kept(self, digest: str, text: str) -> None:
        """Keep a program's transcript."""
        self._write({"kind": "transcript", "digest": digest, "text": text})

    def helped(self, found: Help) -> None:
        """Keep a whole round of help, on the disk: no model is asked and no program run twice."""
        self.journal.append(found)
        self.done = {}
        self._write(entry_to_json(found))
        self._sync()

    def told(self, message: Message, seconds: float) -> None:
        """Keep what the strategy was told and the run's wall seconds then; from here on it is on the disk."""
        self.journal.append(Tell(message))
        self._write({"kind": "tell", "message": message, "seconds": seconds})
        self._sync()

    def snapshotted(self, snapshot: Snapshot) -> None:
        """Keep the strategy's state; the journal starts anew from it."""
        self.snapshot, self.journal = snapshot, []
        self._write({"kind": "snapshot", "state": snapshot.state, "next_number": snapshot.next_number})

    def close(self) -> None:
        """Close the file and let others have it."""
        if self._file is not None:
            self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(line, ensure_ascii=True, allow_nan=False).encode() + b"\n")
            self._file.flush()

    def _sync(self) -> None:
        if self._file is not None:
            os.fsync(self._file.fileno())

    def _open(self, path: Path, header: Mapping[str, Any]) -> None:
        try:
            self._load(path, header)
        except BaseException:
            self.close()
            raise

    def _load(self, path: Path, header: Mapping[str, Any]) -> None:
        lines = _whole_lines(self._file)
        if not lines:
            self._write(header)
            return
        first = _parsed(path, 1, lines[0])
        if first != json.loads(json.dumps(header)):
            raise Conflict(f"{path} is the state of another run ({_difference(first, header)}): name another file.")
        for number, line in enumerate(lines[1:], start=2):
            self._take(path, number, _parsed(path, number, line))

    def _take(self, path: Path, number: int, line: Mapping[str, Any]) -> None:
        try:
            self._take_kind(line)
        except (KeyError, TypeError, ValueError) as error:
            raise Invalid(f"Line {number} of {path} cannot be used ({error}): the state file is damaged.") from error

    def _take_kind(self, line: Mapping[str, Any]) -> None:
        kind = line["kind"]
        if kind == "evaluation":
            stage, digest, seed, case = line["key"]
            self.evaluations[(Stage(stage), digest, seed, case)] = _measurement(line["measurement"])
        elif kind == "ask":
            proposals = tuple(_proposal(one) for one in line["proposals"])
            self.asks.append((line["count"], proposals, tuple(self.rounds)))
            self.rounds = []
            self.journal.append(entry_for(line["count"], proposals))
        elif kind == "done":
            self.done[line["place"], line["command"]] = Done.from_json(line["done"])
        elif kind in HELP:
            self._take_help(HELP[kind].from_json(line))
        elif kind == "transcript":
            pass
        elif kind == "tell":
            self.tells.append((line["message"], line["seconds"]))
            self.journal.append(Tell(line["message"]))
        elif kind == "snapshot":
            self.snapshot, self.journal = Snapshot(line["state"], line["next_number"]), []
        else:
            raise ValueError(f"unknown kind {kind!r}")

    def _take_help(self, found: Help) -> None:
        self.rounds.append(found)
        self.journal.append(found)
        self.done = {}


def _locked(path: Path) -> IO[bytes]:
    try:
        file = path.open("a+b")
    except OSError as error:
        raise Invalid(f"The state file {path} cannot be opened: {error.strerror}.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise Conflict(f"Another run is writing the state file {path}: wait for it or name another file.") from error
    return file


def _whole_lines(file: IO[bytes] | None) -> list[bytes]:
    """Every finished line; what a kill left half written is cut off the file."""
    if file is None:
        return []
    file.seek(0)
    data = file.read()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        file.truncate(whole)
    file.seek(0, os.SEEK_END)
    return data[:whole].splitlines()


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise Invalid(
            f"Line {number} of {path} is not JSON: the state file is damaged, or is no state file."
        ) from error
    if not isinstance(value, dict):
        raise Invalid(f"Line {number} of {path} is not an object: the state file is damaged, or is no state file.")
    return value


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    names = [name for name in wanted if found.get(name) != wanted[name]]
    return ", ".join(names) + (" differs" if len(names) == 1 else " differ")


def _measurement(value: Mapping[str, Any]) -> Measurement:
    outcome, steps = Outcome(value["outcome"]), read_steps(value.get("steps", ()))
    return Measurement(**{**value, "outcome": outcome, "steps": steps})


def _proposal(value: Mapping[str, Any]) -> Proposal:
    return Proposal(
        value["number"], value["files"], tuple(value["parents"]), value["operator"], value["note"], value["transcript"]
    )
