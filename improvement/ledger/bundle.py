"""Export bundles: the log, or the events of one run, as files that ``verify`` checks without this installation."""

from __future__ import annotations

import base64
import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from improvement.exceptions import LedgerError
from improvement.ledger.checkpoint import Checkpoint, read_checkpoint
from improvement.ledger.merkle import Tree, leaf_hash
from improvement.ledger.verify import FORMAT, PROOF_HEADER, Event, Refused, read_event

PayloadSource = Callable[[str], bytes | None]

_SHARED_EVENTS = ("log.started", "policy.changed", "halt.started", "halt.resume_requested", "halt.lifted")

_GUIDE = """\
# Verify this bundle

It is {scope} of the audit log `{log}`, up to event {size}, exported with everything needed to check it offline:

    python3 -m improvement.ledger.verify BUNDLE --key log.vkey --known CHECKPOINT

or, without Countersign, with Python 3.10 or newer and one file taken from its source, `improvement/ledger/verify.py`:

    python3 -I verify.py BUNDLE --key log.vkey --known CHECKPOINT

Two things must come from elsewhere than this bundle, or they prove nothing:

- the key: ask the people who run the log for its `.vkey`, or use the one you kept; the copy in here is for comparing;
- a checkpoint that you kept earlier (`--known`, may be repeated): only it shows that no newer events were cut off,
  and that the whole log was not rewritten by whoever holds its private key.

The format is described in `docs/audit-format.md` of Countersign's source, for whoever wants to write a second verifier.
"""


@dataclass(frozen=True, slots=True)
class Written:
    """What a bundle holds: the checkpoint it stands under, how many events and how many payload files."""

    path: Path
    checkpoint: Checkpoint
    events: int
    payloads: int


def write_bundle(
    out: Path,
    *,
    lines: Iterable[bytes],
    checkpoint: str,
    vkey: str,
    earlier: Iterable[str] = (),
    payloads: PayloadSource = lambda digest: None,
) -> Written:
    """Write the whole log up to the checkpoint to ``out``: a .tar when the name ends so, a directory otherwise.

    ``lines`` are the stored bytes of the events in order: a damaged log is exported too, and fails verification.
    ``payloads`` returns the bytes of a payload by its SHA-256 (hex), or nothing when it was erased.
    Raises ``LedgerError`` when ``out`` exists or cannot be written; then nothing is left behind.
    """
    signed = read_checkpoint(checkpoint)
    with _new_bundle(out) as folder:
        kept = _Payloads(folder, payloads)
        count = _write_lines(folder, islice(lines, signed.size), kept.take)
        _write_heads(folder, checkpoint, earlier, vkey, run=None)
    return Written(out, signed, count, kept.count)


def write_run_bundle(
    out: Path,
    *,
    run: str,
    lines: Iterable[bytes],
    checkpoint: str,
    vkey: str,
    earlier: Iterable[str] = (),
    payloads: PayloadSource = lambda digest: None,
) -> Written:
    """Write the events of one run, each with the proof of its place in the signed tree, as ``write_bundle`` does.

    ``lines`` is the whole log. Policy changes and halts go with every run. Raises ``LedgerError`` when the log has no
    event of this run, or is no longer the one that the checkpoint signs, since nothing could be proven then.
    """
    signed, tree = read_checkpoint(checkpoint), Tree()
    own: set[int] = set()
    chosen: list[tuple[int, bytes]] = []
    for seq, line in enumerate(islice(lines, signed.size)):
        event = _read(line)
        if _belongs(event, run):
            own.add(seq)
        if seq in own or event.get("type") in _SHARED_EVENTS:
            chosen.append((seq, line))
        tree.append(leaf_hash(line))
    if not own:
        raise LedgerError(f"The audit log has no event of {run} yet: name a run as the Runs page does.")
    if (tree.size, tree.root()) != (signed.size, signed.root):
        raise LedgerError("The stored events are not those that the checkpoint signs: export and verify the whole log.")
    with _new_bundle(out) as folder:
        kept = _Payloads(folder, payloads)
        _write_lines(folder, (line for _, line in chosen), kept.take)
        _write_heads(folder, checkpoint, earlier, vkey, run=run)
        _write_proofs(folder, tree, [seq for seq, _ in chosen], checkpoint, earlier)
    return Written(out, signed, len(chosen), kept.count)


def receipt(tree: Tree, seq: int, checkpoint: str) -> str:
    """Return the proof that event ``seq`` stands under a checkpoint, self-contained (c2sp.org/tlog-proof)."""
    path = tree.inclusion_proof(seq, read_checkpoint(checkpoint).size)
    return "\n".join([PROOF_HEADER, f"index {seq}", *map(_base64, path), "", checkpoint])


class _Payloads:
    """Copies each payload that an event refers to into the bundle, once."""

    def __init__(self, folder: Path, source: PayloadSource) -> None:
        self._folder = folder / "payloads"
        self._source = source
        self._seen: set[str] = set()
        self.count = 0

    def take(self, line: bytes) -> None:
        if b'"payloads":[]' in line:
            return
        for digest in _payload_digests(_read(line)):
            data = None if digest in self._seen else self._source(digest)
            self._seen.add(digest)
            if data is not None:
                self._folder.mkdir(exist_ok=True)
                (self._folder / digest).write_bytes(data)
                self.count += 1


def _write_lines(folder: Path, lines: Iterable[bytes], take: Callable[[bytes], None]) -> int:
    count = 0
    with (folder / "events.jsonl").open("wb") as stream:
        for line in lines:
            stream.write(line + b"\n")
            take(line)
            count += 1
    return count


def _write_heads(folder: Path, checkpoint: str, earlier: Iterable[str], vkey: str, *, run: str | None) -> None:
    signed = read_checkpoint(checkpoint)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "version": 1,
        "log": signed.origin,
        "size": signed.size,
        "root": signed.root.hex(),
        "run": run,
    }
    _write_text(folder / "manifest.json", json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    _write_text(folder / "checkpoint", checkpoint)
    _write_text(folder / "log.vkey", vkey.strip() + "\n")
    scope = "the whole" if run is None else f"the part about {run}"
    _write_text(folder / "VERIFY.md", _GUIDE.format(scope=scope, log=signed.origin, size=signed.size))
    for number, text in enumerate(_before(signed, earlier)):
        _write_text(folder / "checkpoints" / f"{number:04d}", text)


def _write_proofs(folder: Path, tree: Tree, seqs: Iterable[int], checkpoint: str, earlier: Iterable[str]) -> None:
    for seq in seqs:
        _write_text(folder / "proofs" / f"{seq}.tlog-proof", receipt(tree, seq, checkpoint))
    for text in _before(read_checkpoint(checkpoint), earlier):
        size = read_checkpoint(text).size
        proof = tree.consistency_proof(size)
        _write_text(folder / "consistency" / str(size), "".join(_base64(node) + "\n" for node in proof))


def _before(signed: Checkpoint, earlier: Iterable[str]) -> list[str]:
    """Return the earlier checkpoints that this one continues, by size."""
    sized = sorted((read_checkpoint(text).size, text) for text in earlier)
    return [text for size, text in sized if size <= signed.size]


def _read(line: bytes) -> Event:
    """Return an event, or an empty one for a damaged line: it is exported too, and the verifier names it."""
    try:
        return read_event(line)
    except Refused:
        return {}


def _belongs(event: Event, run: str) -> bool:
    subject, context = event.get("subject", {}), event.get("context", {})
    return context.get("run") == run or (subject.get("kind"), subject.get("id")) == ("run", run)


def _payload_digests(event: Event) -> list[str]:
    digests = [payload.get("sha256") for payload in event.get("payloads", ()) if isinstance(payload, dict)]
    return [digest for digest in digests if isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest)]


@contextmanager
def _new_bundle(out: Path) -> Iterator[Path]:
    """Give an empty folder beside ``out`` and turn it into ``out`` at the end, or leave nothing."""
    if out.exists():
        raise LedgerError(f"{out} exists already: name a new file or directory for the export.")
    try:
        scratch = Path(tempfile.mkdtemp(prefix=".export-", dir=out.parent))
    except OSError as error:
        raise LedgerError(f"The export cannot be written to {out.parent}: {error.strerror}.") from error
    try:
        folder = scratch / "bundle"
        folder.mkdir()
        yield folder
        whole = _pack(folder) if out.suffix == ".tar" else folder
        whole.rename(out)
    except OSError as error:
        raise LedgerError(f"The export cannot be written to {out}: {error.strerror}.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _pack(folder: Path) -> Path:
    """Pack a folder into a .tar that is the same for the same content, on every machine and day."""
    packed = folder.with_name("bundle.tar")
    with tarfile.open(packed, "w:", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size, member.mode = path.stat().st_size, 0o644
            with path.open("rb") as stream:
                tar.addfile(member, stream)
    return packed


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(text)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
