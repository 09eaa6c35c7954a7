#!/usr/bin/env python3
"""Verify a Countersign audit bundle offline: ``python3 verify.py BUNDLE --key FILE [--known CHECKPOINT] [--json]``.

This is the only file an auditor has to read and to trust. It needs Python 3.10 and its standard library, nothing of
Countersign and nothing of the bundle but data, so it can be copied elsewhere and run with ``python3 -I verify.py``.
That is why it is one file, longer than the others: signature, tree, strict reading, order, and the meaning of what
was recorded.

The format it reads is described in ``docs/audit-format.md``. Exit status: 0 all is well, 1 problems, 2 wrong use.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import os
import re
import stat
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

MAX_LINE = 4 * 1024 * 1024
MAX_TEXT = 1024 * 1024
MAX_SHOWN = 50
FORMAT = "countersign-audit-bundle"
PROOF_HEADER = "c2sp.org/tlog-proof@v1"


class Refused(Exception):
    """Something cannot be accepted; the text says what and where."""


# --- Ed25519 verification (RFC 8032, 5.1.7), in extended coordinates --------------------------------------------------

_Point = tuple[int, int, int, int]
_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)


def ed25519_verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether the 64-byte signature of the message is by the holder of the 32-byte public key."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment = _decode_point(public), _decode_point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= _ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _ORDER
    left, right = _multiply(scalar, _BASE), _add(commitment, _multiply(challenge, key))
    return (left[0] * right[2] - right[0] * left[2]) % _P == 0 and (left[1] * right[2] - right[1] * left[2]) % _P == 0


def _recover_x(y: int, sign: int) -> int | None:
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    if square == 0:
        return None if sign else 0
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if (x * x - square) % _P:
        return None
    return _P - x if (x & 1) != sign else x


def _decode_point(data: bytes) -> _Point | None:
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    x = _recover_x(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % _P)


def _add(p: _Point, q: _Point) -> _Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _multiply(scalar: int, point: _Point) -> _Point:
    result: _Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


_BASE: _Point = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
    1,
    46827403850823179245072216630277197565144205554125654976674165829533817101731,
)


# --- Signed checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint) ----------------------------------------------


class VerifierKey(NamedTuple):
    """The public half of a log's key: the log's name, the four bytes that signatures quote, and 32 bytes of Ed25519."""

    name: str
    key_id: bytes
    public: bytes


class Checkpoint(NamedTuple):
    """A log's head at one moment: which log, how many events, their Merkle root; ``body`` is what is signed."""

    origin: str
    size: int
    root: bytes
    body: str
    signatures: tuple[tuple[str, bytes], ...]


def parse_key(text: str) -> VerifierKey:
    """Return the verifier key that a ``.vkey`` text states (``name+id+base64``), or raise ``Refused``."""
    match = re.fullmatch(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)", text.strip())
    if match is None:
        raise Refused("The key is not a verifier key of the form name+id+base64.")
    name, key_id, data = match[1], bytes.fromhex(match[2]), _unbase64(match[3], "the key")
    if hashlib.sha256(name.encode() + b"\n" + data).digest()[:4] != key_id:
        raise Refused("The key is damaged: its id does not belong to its name and bytes.")
    if data[:1] != b"\x01" or len(data) != 33:
        raise Refused("The key is not an Ed25519 key, and no other kind is known.")
    return VerifierKey(name, key_id, data[1:])


def parse_checkpoint(text: str) -> Checkpoint:
    """Return what a checkpoint states, its signatures not yet checked, or raise ``Refused``."""
    head, separator, tail = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or len(lines) < 3 or "" in lines or len(text) > MAX_TEXT:
        raise Refused("it is not a checkpoint (origin, size, root, an empty line, signatures)")
    if re.fullmatch(r"0|[1-9][0-9]{0,17}", lines[1]) is None:
        raise Refused("its size is not a plain number")
    root = _unbase64(lines[2], "its root")
    if len(root) != 32:
        raise Refused("its root is not 32 bytes long")
    if not tail.endswith("\n"):
        raise Refused("its last line is cut off")
    signatures = tuple(_parse_signature(line) for line in tail[:-1].split("\n"))
    return Checkpoint(lines[0], int(lines[1]), root, head + "\n", signatures)


def open_checkpoint(text: str, key: VerifierKey) -> Checkpoint:
    """Return a checkpoint that this key signed, or raise ``Refused``; other signers' lines are ignored."""
    checkpoint = parse_checkpoint(text)
    if checkpoint.origin != key.name:
        raise Refused(f"it is of the log {checkpoint.origin!r}, and the key is of the log {key.name!r}")
    own = [data for name, data in checkpoint.signatures if name == key.name and data[:4] == key.key_id]
    if not own:
        raise Refused("it is not signed by the given key")
    if not all(ed25519_verify(key.public, data[4:], checkpoint.body.encode()) for data in own):
        raise Refused("its signature is wrong")
    return checkpoint


def _parse_signature(line: str) -> tuple[str, bytes]:
    match = re.fullmatch("\u2014 ([^\\s+]+) ([A-Za-z0-9+/=]+)", line)
    if match is None:
        raise Refused("it has a malformed signature line")
    return match[1], _unbase64(match[2], "its signature line")


def _unbase64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(f"{what} is not base64") from None


# --- Merkle tree (RFC 6962, RFC 9162) ---------------------------------------------------------------------------------


def leaf_hash(line: bytes) -> bytes:
    """Return the hash of one event's bytes as a leaf of the tree."""
    return hashlib.sha256(b"\x00" + line).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node of the tree."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether the leaf stands at this index in the tree of this size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            result = node_hash(sibling, result)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and result == root


def verify_consistency(size: int, root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether the newer tree starts with the older one, unchanged (RFC 9162, 2.1.4.2)."""
    if size == new_size:
        return root == new_root and not proof
    if size == 0:
        return root == hashlib.sha256(b"").digest() and not proof
    if size > new_size or not proof:
        return False
    path = [root, *proof] if size & (size - 1) == 0 else list(proof)
    position, last = size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old == root and new == new_root


class _Tree:
    """The roots of the complete subtrees of the events read so far, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._roots: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        rest = self.size
        while rest & 1:
            leaf = node_hash(self._roots.pop(), leaf)
            rest >>= 1
        self._roots.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        if not self._roots:
            return hashlib.sha256(b"").digest()
        result = self._roots[-1]
        for left in self._roots[-2::-1]:
            result = node_hash(left, result)
        return result


# --- Strict reading of one event --------------------------------------------------------------------------------------

_TIME = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z", re.ASCII
)
Event = dict[str, Any]


def read_event(line: bytes) -> Event:
    """Return the event that a line states, or raise ``Refused`` when it is not strict JSON of version 1."""
    try:
        event = _decode(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Refused(f"it is not valid JSON: {error}") from None
    if not isinstance(event, dict) or event.get("v") != 1:
        raise Refused("it is not an event of version 1")
    for key, kind in (("seq", int), ("log", str), ("ts", str), ("type", str), ("actor", dict), ("subject", dict)):
        if type(event.get(key)) is not kind:
            raise Refused(f"its {key!r} is missing or of the wrong type")
    for key, empty in (("context", {}), ("data", {}), ("refs", []), ("payloads", [])):
        if type(event.setdefault(key, empty)) is not type(empty):
            raise Refused(f"its {key!r} is of the wrong type")
    if _TIME.fullmatch(event["ts"]) is None:
        raise Refused(f"its time {event['ts']!r} is not of the form 2026-05-01T12:00:00.123456Z")
    return event


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Refused("a key occurs twice in one object")
    return result


def _no_such_number(text: str) -> Any:
    raise Refused(f"the number {text} is not allowed (whole numbers only)")


_decode: Callable[[str], Any] = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_no_such_number, parse_constant=_no_such_number
).decode


# --- The meaning: what the recorded history must obey -----------------------------------------------------------------


class Binding(NamedTuple):
    """What a review, its votes, its evidence and its release must agree on."""

    candidate: str
    target: str
    run: str
    patch: str
    base: str
    evidence: str
    policy: str


_BINDING_WORDS = ("candidate", "target", "run", "patch", "base commit", "evidence", "policy")
_VERDICTS = frozenset({"approve", "reject", "request_changes", "abstain"})


class _Vote(NamedTuple):
    seq: int
    person: str
    verdict: str
    binding: Binding
    self_countersigned: bool
    preset: str


class _Review(NamedTuple):
    binding: Binding
    required: int
    closed_as: str


class _Order(NamedTuple):
    what: str
    commit: str
    previous: str
    person: str


class History:
    """Replays the events in order and raises ``Refused`` at each one that the rules forbid.

    ``partial`` says that only one run's events are there: what other runs did to the champion is then not judged.
    """

    def __init__(self, partial: bool = False) -> None:
        self.partial = partial
        self.warnings: list[str] = []
        self._champions: dict[str, str] = {}
        self._trees: dict[tuple[str, str], str] = {}
        self._starters: dict[str, str] = {}
        self._proposers: dict[str, set[str]] = {}
        self._reviews: dict[str, _Review] = {}
        self._votes: dict[int, _Vote] = {}
        self._newest: dict[tuple[str, str], _Vote] = {}
        self._rebased: dict[str, int] = {}
        self._evidence: dict[tuple[str, str, str, str], str] = {}
        self._presets: dict[str, str] = {}
        self._policy = ""
        self._halted = False
        self._resume_asked_by = ""
        self._intended: dict[tuple[Binding, str], str] = {}
        self._orders: dict[str, _Order] = {}

    def read(self, event: Event) -> None:
        """Take in one event; raises ``Refused`` saying which rule it breaks (its effects are taken in all the same)."""
        handler = _HANDLERS.get(event["type"])
        if handler is not None:
            handler(self, event)

    # Who stands behind a candidate

    def _run_created(self, event: Event) -> None:
        run = _field(event, "subject", "id")
        if run in self._starters:
            raise Refused(f"run {run} is created a second time")
        self._starters[run] = _field(event, "actor", "id")

    def _candidate_proposed(self, event: Event) -> None:
        people = (_field(event, "actor", "id"), event["actor"].get("owner"), event["data"].get("author"))
        known = self._proposers.setdefault(_field(event, "subject", "id"), set())
        known.update(person for person in people if isinstance(person, str))

    def _evidence_recorded(self, event: Event) -> None:
        subject = [_field(event, "subject", key) for key in ("id", "patch_sha256", "base")]
        digest = _field(event, "context", "evidence_sha256")
        self._evidence[(subject[0], subject[1], subject[2], digest)] = str(event["subject"].get("tree", ""))

    def _involved(self, binding: Binding) -> set[str]:
        people = set(self._proposers.get(binding.candidate, ()))
        if binding.run in self._starters:
            return people | {self._starters[binding.run]}
        if binding.run:
            raise Refused(f"it belongs to run {binding.run}, and no event says who created that run")
        if not people:
            raise Refused(f"no event says who proposed {binding.candidate}, so nobody is known not to be its author")
        return people

    # Policy and halt

    def _policy_changed(self, event: Event) -> None:
        digest, preset = _field(event, "data", "policy_sha256"), _field(event, "data", "preset")
        self._policy = digest
        if self._presets.setdefault(digest, preset) != preset:
            raise Refused(f"one policy digest is recorded as {self._presets[digest]!r} and as {preset!r}")

    def _halt_started(self, event: Event) -> None:
        self._halted, self._resume_asked_by = True, ""

    def _resume_requested(self, event: Event) -> None:
        self._resume_asked_by = _person(event)

    def _halt_lifted(self, event: Event) -> None:
        asked_by, self._halted, self._resume_asked_by = self._resume_asked_by, False, ""
        person = _person(event)
        if self._presets.get(self._policy) == "team" and asked_by in ("", person):
            raise Refused("under the team policy a halt is lifted by a second person, after the first one asked")

    # Reviews and votes

    def _review_opened(self, event: Event) -> None:
        binding, required = _binding(event), event["data"].get("required")
        counted = required if type(required) is int else 0
        self._reviews[binding.candidate] = _Review(binding, counted, "")
        if counted < 1:
            raise Refused("a review must say how many approvals it requires, at least one")

    def _review_closed(self, event: Event) -> None:
        candidate = _field(event, "subject", "id")
        review = self._reviews.get(candidate)
        if review is not None:
            self._reviews[candidate] = review._replace(closed_as=event["type"])

    def _review_rebased(self, event: Event) -> None:
        self._review_closed(event)
        self._rebased[_field(event, "subject", "id")] = event["seq"]

    def _voted(self, event: Event) -> None:
        binding, data, person = _binding(event), event["data"], _person(event)
        preset = str(event["context"].get("preset", ""))
        marked = data.get("self_countersigned") is True
        verdict = _field(event, "data", "verdict")
        self._cast(_Vote(event["seq"], person, verdict, binding, marked, preset))
        if verdict not in _VERDICTS:
            raise Refused(f"the verdict {verdict!r} is unknown")
        self._check_open(binding)

    def _recounted(self, event: Event) -> None:
        binding, vote = _binding(event), self._votes.get(_number(event, "data", "vote"))
        if vote is None:
            raise Refused("it counts a vote again that was never cast")
        if self._newest.get((binding.candidate, vote.person)) != vote:
            raise Refused(f"it counts a vote again that {vote.person} has replaced or withdrawn")
        if self._rebased.get(binding.candidate, -1) < vote.seq:
            raise Refused("it counts a vote again, but nothing was rebased since that vote")
        _check_same("the vote", vote.binding, binding, ignoring=("base commit", "evidence"))
        self._check_open(binding)
        self._cast(vote._replace(seq=event["seq"], binding=binding))

    def _vote_withdrawn(self, event: Event) -> None:
        candidate, person = _field(event, "subject", "id"), _person(event)
        if self._newest.pop((candidate, person), None) is None:
            raise Refused(f"{person} withdraws a vote on {candidate} that was not cast")

    def _cast(self, vote: _Vote) -> None:
        self._votes[vote.seq] = vote
        self._newest[(vote.binding.candidate, vote.person)] = vote

    def _check_open(self, binding: Binding) -> _Review:
        review = self._reviews.get(binding.candidate)
        if review is None:
            raise Refused(f"no review of {binding.candidate} was opened")
        if review.closed_as:
            raise Refused(f"the review of {binding.candidate} was no longer open ({review.closed_as})")
        _check_same("the open review", review.binding, binding)
        return review

    # What moves the champion

    def _target_added(self, event: Event) -> None:
        target = _field(event, "subject", "id")
        if target in self._champions:
            raise Refused(f"target {target} is added a second time")
        if "champion" in event["data"]:
            self._move(target, _field(event, "data", "champion"), event)

    def _champion_set(self, event: Event) -> None:
        target, commit = _field(event, "subject", "id"), _field(event, "data", "commit")
        present = self._champions.get(target, commit)
        self._move(target, commit, event)
        if present != commit:
            raise Refused(f"{target} has a champion, which only a release or a rollback may move")

    def _takeover_ordered(self, event: Event) -> None:
        self._order("takeover", event, _field(event, "data", "commit"))
        if self._halted:
            raise Refused("a takeover was ordered while everything was halted")

    def _champion_external(self, event: Event) -> None:
        target, previous = _field(event, "subject", "id"), _field(event, "data", "previous")
        present, commit = self._champions.get(target, ""), _field(event, "data", "commit")
        self._move(target, commit, event)
        self._check_ordered("takeover", event, commit)
        self._check_chain(target, previous, present)
        if self._halted:
            self.warnings.append(f"event {event['seq']}: a takeover ordered before the halt was finished under it")

    def _rollback_ordered(self, event: Event) -> None:
        self._order("rollback", event, _field(event, "data", "to"))

    def _rolled_back(self, event: Event) -> None:
        target, to = _field(event, "subject", "id"), _field(event, "data", "to")
        present, old_tree = self._champions.get(target, ""), self._trees.get((target, to))
        self._move(target, _field(event, "data", "commit"), event)
        self._check_ordered("rollback", event, to)
        if not _field(event, "data", "reason").strip():
            raise Refused("a rollback needs a reason")
        self._check_chain(target, _field(event, "data", "previous"), present)
        if not self.partial and old_tree is None:
            raise Refused(f"it rolls {target} back to {to}, which was never its champion")
        if old_tree and event["data"].get("tree") != old_tree:
            raise Refused(f"it rolls {target} back to {to}, but the tree is another one")

    def _order(self, what: str, event: Event, commit: str) -> None:
        """A target has one order at a time, and it stands for one move."""
        target, previous = _field(event, "subject", "id"), _field(event, "data", "previous")
        self._orders[target] = _Order(what, commit, previous, _person(event))

    def _check_ordered(self, what: str, event: Event, commit: str) -> None:
        order = self._orders.pop(_field(event, "subject", "id"), None)
        done = _Order(what, commit, _field(event, "data", "previous"), _person(event))
        if order is None or (order.what, order.commit) != (what, commit):
            raise Refused(f"no event says that this {what} was ordered, or it was carried out or ended already")
        if order != done:
            raise Refused(
                f"{order.person} ordered that {order.previous} is replaced, {done.person} replaced {done.previous}"
            )

    def _release_failed(self, event: Event) -> None:
        """Whatever was ordered for the target is over, be it a release, a takeover or a rollback."""
        self._orders.pop(str(event["context"].get("target", "")), None)

    def _release_intended(self, event: Event) -> None:
        binding = _binding(event)
        self._intended[(binding, _field(event, "data", "commit"))] = self._policy
        if self._halted:
            raise Refused("a release was begun while everything was halted")
        self._check_policy(binding, self._policy)

    def _released(self, event: Event) -> None:
        binding = _binding(event)
        commit, previous = _field(event, "data", "commit"), _field(event, "data", "previous")
        present, review = self._champions.get(binding.target, ""), self._reviews.get(binding.candidate)
        self._move(binding.target, commit, event)
        self._review_closed(event)
        self._check_in_force(binding, commit, event["seq"])
        self._check_chain(binding.target, previous, present)
        if binding.base != previous:
            raise Refused(f"what was approved stands on {binding.base}, but the champion before it was {previous}")
        self._check_evidence(binding, _field(event, "data", "tree"))
        self._check_approved(event, binding, review)

    def _move(self, target: str, commit: str, event: Event) -> None:
        self._champions[target] = commit
        self._trees[(target, commit)] = str(event["data"].get("tree", ""))

    def _check_chain(self, target: str, previous: str, present: str) -> None:
        if not self.partial and previous != present:
            raise Refused(f"it replaces {previous}, but the champion of {target} was {present or 'never recorded'}")

    def _check_in_force(self, binding: Binding, commit: str, seq: int) -> None:
        """Judge halt and policy at the moment the release began: between then and its end the champion has moved."""
        policy = self._intended.get((binding, commit))
        if self._halted and policy is None:
            raise Refused("released while everything was halted")
        self._check_policy(binding, self._policy if policy is None else policy)
        if self._halted:
            self.warnings.append(f"event {seq}: a release that was begun before the halt was finished under it")
        if policy not in (None, self._policy):
            self.warnings.append(
                f"event {seq}: a release that was begun before a change of policy was finished after it"
            )

    def _check_policy(self, binding: Binding, in_force: str) -> None:
        if in_force and binding.policy != in_force:
            raise Refused("it rests on a policy that was no longer in force")

    def _check_evidence(self, binding: Binding, tree: str) -> None:
        measured = self._evidence.get((binding.candidate, binding.patch, binding.base, binding.evidence))
        if measured is None:
            raise Refused(f"no such evidence was recorded for this patch of {binding.candidate} on this base commit")
        if measured and measured != tree:
            raise Refused("the tree that was released is not the tree that was measured")

    def _check_approved(self, event: Event, binding: Binding, review: _Review | None) -> None:
        if review is None:
            raise Refused(f"RELEASED WITHOUT APPROVAL: no review of {binding.candidate} was opened")
        if review.closed_as not in ("", "review.approved"):
            raise Refused(f"RELEASED WITHOUT APPROVAL: the review of {binding.candidate} ended with {review.closed_as}")
        _check_same("the review", review.binding, binding)
        approvals = event["data"].get("approvals")
        listed = approvals if isinstance(approvals, list) else []
        people = {self._counted(approval, event, binding) for approval in listed}
        if review.required < 1 or len(people) < review.required:
            raise Refused(f"RELEASED WITHOUT APPROVAL: {len(people)} of {max(review.required, 1)} required approvals")
        for vote in self._newest.values():
            if vote.binding == binding and vote.verdict in ("reject", "request_changes"):
                raise Refused(f"released although {vote.person} objected (event {vote.seq})")

    def _counted(self, approval: Any, event: Event, binding: Binding) -> str:
        """Return the person behind one listed approval, or raise ``Refused`` saying why it does not count."""
        named = approval if isinstance(approval, dict) else {}
        seq = named.get("seq")
        vote = self._votes.get(seq) if type(seq) is int else None
        if vote is None:
            raise Refused(f"it counts event {seq} as an approval, but that is no vote before it")
        if vote.person != named.get("user"):
            raise Refused(f"it says the vote of event {seq} is by {named.get('user')}, but it is by {vote.person}")
        if vote.verdict != "approve":
            raise Refused(f"it counts event {seq} as an approval, but the verdict was {vote.verdict}")
        _check_same(f"the vote of event {seq}", vote.binding, binding)
        if self._newest.get((binding.candidate, vote.person)) != vote:
            raise Refused(f"it counts a vote (event {seq}) that {vote.person} has replaced or withdrawn")
        if vote.person in self._involved(binding) and not self._self_countersigned(vote, event, binding):
            raise Refused(f"it counts the vote of {vote.person}, who started or proposed it (event {seq})")
        return vote.person

    def _self_countersigned(self, vote: _Vote, event: Event, binding: Binding) -> bool:
        presets = {vote.preset, str(event["context"].get("preset", "")), self._presets.get(binding.policy, "solo")}
        return vote.self_countersigned and presets == {"solo"}


_HANDLERS: dict[str, Callable[[History, Event], None]] = {
    "target.added": History._target_added,
    "target.champion_set": History._champion_set,
    "champion.external_ordered": History._takeover_ordered,
    "champion.external": History._champion_external,
    "run.created": History._run_created,
    "candidate.proposed": History._candidate_proposed,
    "candidate.withdrawn": History._review_closed,
    "evidence.recorded": History._evidence_recorded,
    "review.opened": History._review_opened,
    "review.voted": History._voted,
    "review.vote_recounted": History._recounted,
    "review.vote_withdrawn": History._vote_withdrawn,
    "review.rejected": History._review_closed,
    "review.changes_requested": History._review_closed,
    "review.expired": History._review_closed,
    "review.superseded": History._review_closed,
    "review.withdrawn": History._review_closed,
    "review.stale": History._review_closed,
    "review.rebased": History._review_rebased,
    "review.approved": History._review_closed,
    "release.intended": History._release_intended,
    "release.failed": History._release_failed,
    "rollback.ordered": History._rollback_ordered,
    "release.done": History._released,
    "rollback.done": History._rolled_back,
    "policy.changed": History._policy_changed,
    "halt.started": History._halt_started,
    "halt.resume_requested": History._resume_requested,
    "halt.lifted": History._halt_lifted,
}


def _field(event: Event, part: str, key: str) -> str:
    value = event[part].get(key)
    if not isinstance(value, str) or not (value or key == "reason"):
        raise Refused(f"it lacks {part}.{key}")
    return value


def _number(event: Event, part: str, key: str) -> int:
    value = event[part].get(key)
    if type(value) is not int:
        raise Refused(f"it lacks {part}.{key}")
    return value


def _binding(event: Event) -> Binding:
    return Binding(
        candidate=_field(event, "subject", "id"),
        target=_field(event, "context", "target"),
        run=_field(event, "context", "run") if "run" in event["context"] else "",
        patch=_field(event, "subject", "patch_sha256"),
        base=_field(event, "subject", "base"),
        evidence=_field(event, "context", "evidence_sha256"),
        policy=_field(event, "context", "policy_sha256"),
    )


def _person(event: Event) -> str:
    """Return the id of the person who acted, or raise ``Refused``: tokens, workers and the system are not people."""
    actor = event["actor"]
    if actor.get("kind") not in ("human", "command line") or not str(actor.get("id", "")).startswith("user:"):
        raise Refused(f"only a person may do this, and the actor is {actor.get('kind')} {actor.get('id')}")
    return _field(event, "actor", "id")


def _check_same(what: str, there: Binding, here: Binding, ignoring: tuple[str, ...] = ()) -> None:
    for word, left, right in zip(_BINDING_WORDS, there, here, strict=True):
        if left != right and word not in ignoring:
            raise Refused(f"{what} is for another {word} ({left or 'none'}, here {right or 'none'})")


# --- Reading a bundle: a directory or a .tar, never extracted ---------------------------------------------------------


class _Directory:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.names = frozenset(self._walk(""))

    def _walk(self, prefix: str) -> Iterator[str]:
        with os.scandir(self._path / prefix) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            name = f"{prefix}{entry.name}"
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                yield from self._walk(f"{name}/")
            elif stat.S_ISREG(mode):
                yield name
            else:
                raise Refused(f"The bundle holds {name!r}, which is a link or a special file.")

    def open(self, name: str) -> IO[bytes]:
        return (self._path / name).open("rb")

    def close(self) -> None:
        """Nothing is held open."""


class _Tar:
    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._tar = tarfile.open(fileobj=self._file, mode="r:")  # noqa: SIM115  (it holds no file of its own)
            self._members = self._index()
        except (tarfile.TarError, ValueError) as error:
            self.close()
            raise Refused(f"The bundle is neither a directory nor a readable .tar: {error}.") from None
        except Refused:
            self.close()
            raise
        self.names = frozenset(self._members)

    def _index(self) -> dict[str, tarfile.TarInfo]:
        members: dict[str, tarfile.TarInfo] = {}
        for member in self._tar:
            name = member.name.removeprefix("./")
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                raise Refused(f"The bundle holds {member.name!r}, which is a link or a special file.")
            if name.startswith("/") or "\\" in name or {"", ".", ".."} & set(name.split("/")) or name in members:
                raise Refused(f"The bundle holds the unsafe or repeated name {member.name!r}.")
            members[name] = member
        return members

    def open(self, name: str) -> IO[bytes]:
        stream = self._tar.extractfile(self._members[name])
        if stream is None:
            raise Refused(f"The bundle's {name!r} cannot be read.")
        return stream

    def close(self) -> None:
        self._file.close()


class _Bundle:
    """The files of a bundle by name."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise Refused("There is no bundle at that path.")
        self._source = _Directory(path) if path.is_dir() else _Tar(path)
        self.names = self._source.names

    def text(self, name: str) -> str:
        if name not in self.names:
            raise Refused(f"The bundle has no {name!r}.")
        with self._source.open(name) as stream:
            data = stream.read(MAX_TEXT + 1)
        try:
            return data.decode("utf-8") if len(data) <= MAX_TEXT else _refuse(f"The bundle's {name!r} is too long.")
        except UnicodeDecodeError:
            raise Refused(f"The bundle's {name!r} is not text.") from None

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield each line without its newline; a missing last newline or an endless line is refused."""
        if name not in self.names:
            raise Refused(f"The bundle has no {name!r}.")
        with self._source.open(name) as stream:
            while raw := stream.readline(MAX_LINE):
                if not raw.endswith(b"\n"):
                    raise Refused(f"The bundle's {name!r} has a line that is cut off or too long.")
                yield raw[:-1]

    def digest(self, name: str) -> tuple[str, int]:
        """Return the SHA-256 (hex) and the size in bytes of a file."""
        digest, size = hashlib.sha256(), 0
        with self._source.open(name) as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                size += len(block)
        return digest.hexdigest(), size

    def under(self, folder: str) -> list[str]:
        return sorted(name for name in self.names if name.startswith(folder))

    def close(self) -> None:
        self._source.close()


def _refuse(message: str) -> Any:
    raise Refused(message)


# --- The verification -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """The answer: ``ok`` only without problems; ``size`` and ``root`` (hex) as signed, 0 and empty when unreadable."""

    ok: bool
    size: int
    root: str
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    log: str = ""
    events: int = 0
    partial: bool = False


class _Mark(NamedTuple):
    label: str
    checkpoint: Checkpoint


class _Check:
    """One verification in progress: collects every problem instead of stopping at the first."""

    def __init__(self, bundle: _Bundle, key: VerifierKey) -> None:
        self.bundle = bundle
        self.key = key
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.head = self._checkpoint("checkpoint", bundle.text("checkpoint"))
        self.run = self._manifest()
        self.history = History(partial=bool(self.run))
        self.payloads: dict[str, tuple[int, Any]] = {}
        self.events = 0
        self._last_time = ""

    def _checkpoint(self, label: str, text: str) -> Checkpoint:
        try:
            return open_checkpoint(text, self.key)
        except Refused as refusal:
            raise Refused(f"{label}: {refusal}.") from None

    def _manifest(self) -> str:
        """Return the run that the bundle is limited to, or an empty text; the manifest is a hint and proves nothing."""
        try:
            manifest = _decode(self.bundle.text("manifest.json"))
        except (ValueError, RecursionError):
            raise Refused("manifest.json: it is not valid JSON.") from None
        if not isinstance(manifest, dict) or (manifest.get("format"), manifest.get("version")) != (FORMAT, 1):
            raise Refused(f"manifest.json: it does not name the format {FORMAT}, version 1.")
        stated = (manifest.get("log"), manifest.get("size"), manifest.get("root"))
        if stated != (self.head.origin, self.head.size, self.head.root.hex()):
            self.problems.append("manifest.json: it states another log, size or root than the signed checkpoint.")
        run = manifest.get("run")
        return run if isinstance(run, str) else ""

    def marks(self, known: Iterable[str]) -> list[_Mark]:
        """Return the other checkpoints to agree with: the bundle's earlier ones and those kept elsewhere."""
        texts = [(name, self.bundle.text(name)) for name in self.bundle.under("checkpoints/")]
        texts += [(f"known checkpoint {number}", text) for number, text in enumerate(known, 1)]
        marks = []
        for label, text in texts:
            try:
                checkpoint = self._checkpoint(label, text)
            except Refused as refusal:
                self.problems.append(str(refusal))
                continue
            if checkpoint.size > self.head.size:
                self.problems.append(
                    f"CUT SHORT or out of date: {label} covers {checkpoint.size} events, this only {self.head.size}."
                )
            else:
                marks.append(_Mark(label, checkpoint))
        return sorted(marks, key=lambda mark: mark.checkpoint.size)

    def whole(self, marks: list[_Mark]) -> None:
        """Check a bundle of the whole log: every line is a leaf, in order, under every checkpoint."""
        tree, waiting, good = _Tree(), list(marks), True
        for line in self.bundle.lines("events.jsonl"):
            good = self._reach(tree, waiting, good)
            self._event(line, tree.size)
            tree.append(leaf_hash(line))
        self._reach(tree, waiting, good)
        if tree.size != self.head.size:
            self.problems.append(f"events.jsonl has {tree.size} events, but the checkpoint signs {self.head.size}.")
        elif tree.root() != self.head.root:
            self.problems.append("ALTERED: events.jsonl is not what the checkpoint signs (another Merkle root).")

    def _reach(self, tree: _Tree, waiting: list[_Mark], good: bool) -> bool:
        """Compare the tree with the checkpoints of exactly this size; report only the first that differs."""
        while waiting and waiting[0].checkpoint.size == tree.size:
            mark = waiting.pop(0)
            if good and mark.checkpoint.root != tree.root():
                good = False
                self.problems.append(f"INCONSISTENT: the first {tree.size} events are not what {mark.label} signs.")
        return good

    def part(self, marks: list[_Mark]) -> None:
        """Check a bundle of one run: each line proves its place in the signed tree."""
        last = -1
        for line in self.bundle.lines("events.jsonl"):
            event = self._event(line, None)
            if event is None:
                continue
            if event["seq"] <= last:
                self.problems.append(f"event {event['seq']}: it is out of order.")
            last = event["seq"]
            self._guarded(f"event {last}", partial(self._included, last, leaf_hash(line)))
        for mark in marks:
            self._guarded(mark.label, partial(self._consistent, mark))
        self.warnings.append(
            f"partial: {self.events} of {self.head.size} events, those of {self.run}; that nothing of it was left out, "
            "and what else moved the champion, only a bundle of the whole log shows"
        )

    def _included(self, seq: int, leaf: bytes) -> None:
        head, _, checkpoint = self.bundle.text(f"proofs/{seq}.tlog-proof").partition("\n\n")
        lines = head.split("\n")
        if lines[:2] != [PROOF_HEADER, f"index {seq}"]:
            raise Refused("its proof is malformed or for another event")
        if parse_checkpoint(checkpoint).body != self.head.body:
            raise Refused("its proof is under another checkpoint")
        proof = [_unbase64(text, "its proof") for text in lines[2:]]
        if not verify_inclusion(leaf, seq, self.head.size, proof, self.head.root):
            raise Refused("ALTERED: it is not the event that the signed tree holds at this place")

    def _consistent(self, mark: _Mark) -> None:
        old, name = mark.checkpoint, f"consistency/{mark.checkpoint.size}"
        if name not in self.bundle.names and 0 < old.size < self.head.size:
            raise Refused("it cannot be compared with this partial bundle; ask for a bundle of the whole log")
        text = self.bundle.text(name) if name in self.bundle.names else ""
        proof = [_unbase64(line, "its consistency proof") for line in text.splitlines()]
        if not verify_consistency(old.size, old.root, self.head.size, self.head.root, proof):
            raise Refused("INCONSISTENT: the signed tree is not a continuation of it")

    def _event(self, line: bytes, place: int | None) -> Event | None:
        """Check one event on its own and in the history; return it, or nothing when it could not even be read."""
        where = f"event {self.events if place is None else place}"
        self.events += 1
        try:
            event = read_event(line)
        except Refused as refusal:
            self.problems.append(f"{where}: {refusal}.")
            return None
        self._order(event, place)
        where = f"event {event['seq']} ({event['type']})"
        self._guarded(where, lambda: self._note_payloads(event))
        self._guarded(where, lambda: self.history.read(event))
        return event

    def _order(self, event: Event, place: int | None) -> None:
        where = f"event {event['seq'] if place is None else place}"
        if place is not None and event["seq"] != place:
            self.problems.append(f"{where}: it says it is number {event['seq']}.")
        if event["log"] != self.head.origin:
            self.problems.append(f"{where}: it belongs to another log, {event['log']!r}.")
        if event["ts"] < self._last_time:
            self.problems.append(f"{where}: the clock went back from {self._last_time} to {event['ts']}.")
        self._last_time = max(self._last_time, event["ts"])

    def _note_payloads(self, event: Event) -> None:
        for payload in event["payloads"]:
            digest = payload.get("sha256") if isinstance(payload, dict) else None
            if not isinstance(digest, str) or re.fullmatch(r"[0-9a-f]{64}", digest) is None:
                raise Refused("a payload has no SHA-256")
            self.payloads[digest] = (event["seq"], payload.get("size"))

    def check_payloads(self) -> None:
        """Check each payload file against its name; one that is left out (or was erased) is a warning."""
        present = {name[len("payloads/") :] for name in self.bundle.under("payloads/")}
        for name in sorted(present):
            digest, size = self.bundle.digest(f"payloads/{name}")
            if digest != name:
                self.problems.append(f"payloads/{name}: ALTERED, its content has another SHA-256.")
            elif name in self.payloads and self.payloads[name][1] != size:
                self.problems.append(f"payloads/{name}: event {self.payloads[name][0]} states another size.")
            elif name not in self.payloads:
                self.warnings.append(f"payloads/{name}: no event refers to it")
        missing = sum(digest not in present for digest in self.payloads)
        if missing:
            self.warnings.append(f"{missing} payload(s) that events refer to are not in the bundle")

    def _guarded(self, where: str, check: Callable[[], None]) -> None:
        try:
            check()
        except Refused as refusal:
            self.problems.append(f"{where}: {refusal}.")

    def verdict(self) -> Verdict:
        hidden = len(self.problems) - MAX_SHOWN
        more = (f"… and {hidden} more.",) if hidden > 0 else ()
        return Verdict(
            ok=not self.problems,
            size=self.head.size,
            root=self.head.root.hex(),
            problems=(*self.problems[:MAX_SHOWN], *more),
            warnings=(*self.warnings, *self.history.warnings),
            log=self.head.origin,
            events=self.events,
            partial=bool(self.run),
        )


def verify_bundle(path: str | os.PathLike[str], key_text: str, known: Iterable[str] = ()) -> Verdict:
    """Return the verdict on the bundle at a path (directory or .tar) under a pinned ``.vkey`` text.

    ``known`` holds the texts of checkpoints kept elsewhere; each must be a beginning of what the bundle shows.
    Never raises for what a bundle contains: whatever is wrong becomes a problem in the verdict.
    """
    try:
        key, bundle = parse_key(key_text), _Bundle(Path(path))
    except (Refused, OSError) as error:
        return Verdict(False, 0, "", (str(error),), ())
    try:
        return _verify(bundle, key, known)
    except (Refused, OSError, tarfile.TarError) as error:
        return Verdict(False, 0, "", (str(error),), ())
    finally:
        bundle.close()


def _verify(bundle: _Bundle, key: VerifierKey, known: Iterable[str]) -> Verdict:
    check = _Check(bundle, key)
    marks = check.marks(known)
    check._guarded("bundle", lambda: check.part(marks) if check.run else check.whole(marks))
    check.check_payloads()
    return check.verdict()


# --- Command line -----------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify the bundle that the arguments name, print what was found, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="verify", description="Verify a Countersign audit bundle offline.", allow_abbrev=False
    )
    parser.add_argument("bundle", help="the bundle: a directory or a .tar")
    parser.add_argument("--key", required=True, metavar="FILE", help="the log's .vkey, not the bundle's copy")
    parser.add_argument("--known", action="append", default=[], metavar="CHECKPOINT", help="one you kept; repeatable")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    chosen = parser.parse_args(arguments)
    if not Path(chosen.bundle).exists():
        parser.error(f"there is no bundle at {chosen.bundle}")
    try:
        key_text = _read_text(chosen.key)
        parse_key(key_text)
        known = [_read_text(path) for path in chosen.known]
    except Refused as refusal:
        parser.error(str(refusal))
    verdict = verify_bundle(chosen.bundle, key_text, known)
    sys.stdout.write((_as_json(verdict) if chosen.json else "\n".join(_as_lines(verdict))) + "\n")
    return 0 if verdict.ok else 1


def _read_text(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8", newline="") as stream:
            return stream.read(MAX_TEXT)
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be read: {error}") from None


def _as_json(verdict: Verdict) -> str:
    return json.dumps(
        {
            "ok": verdict.ok,
            "size": verdict.size,
            "root": verdict.root,
            "problems": list(verdict.problems),
            "warnings": list(verdict.warnings),
            "log": verdict.log,
            "events": verdict.events,
            "partial": verdict.partial,
        }
    )


def _as_lines(verdict: Verdict) -> Iterator[str]:
    yield from (f"warning: {_plain(text)}" for text in verdict.warnings)
    yield from (f"PROBLEM: {_plain(text)}" for text in verdict.problems)
    if verdict.ok:
        scope = "part of the log" if verdict.partial else "the whole log"
        yield f"OK: log {verdict.log}, {verdict.events} events ({scope}), root {verdict.root}"
        yield "Signature, order, every checkpoint and the rules of review and release hold."
    else:
        yield f"NOT OK: {len(verdict.problems)} problem(s)."


def _plain(text: str) -> str:
    """Return a text that no terminal obeys: what a bundle says may hold control characters."""
    return "".join(character if character.isprintable() else "?" for character in text)


if __name__ == "__main__":
    sys.exit(main())
