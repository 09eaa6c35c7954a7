"""The log's Merkle tree (RFC 6962): the frontier that appends, and the tree that makes proofs.

Whoever checks a proof uses ``verify``, one file of its own; its functions are offered here under the same names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from improvement.exceptions import LedgerError
from improvement.ledger.verify import leaf_hash, node_hash, verify_consistency, verify_inclusion

__all__ = ["EMPTY_ROOT", "Frontier", "Tree", "leaf_hash", "node_hash", "verify_consistency", "verify_inclusion"]

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class Frontier:
    """The least one must keep to append to the log and to know its root: a hash per complete subtree, at most 64.

    Store ``size`` and ``dump()`` in one row; ``Frontier.load(size, bytes)`` brings it back.
    """

    __slots__ = ("_roots", "size")

    def __init__(self) -> None:
        self.size = 0
        self._roots: list[bytes] = []

    @classmethod
    def load(cls, size: int, data: bytes) -> Frontier:
        """Return the frontier that ``dump`` wrote, or raise ``LedgerError`` when size and bytes do not match."""
        if size < 0 or len(data) != size.bit_count() * HASH_BYTES:
            raise LedgerError(f"The audit log's head is damaged: {len(data)} bytes are no frontier of {size} events.")
        frontier = cls()
        frontier.size = size
        frontier._roots = [bytes(data[start : start + HASH_BYTES]) for start in range(0, len(data), HASH_BYTES)]
        return frontier

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        rest = self.size
        while rest & 1:
            leaf = node_hash(self._roots.pop(), leaf)
            rest >>= 1
        self._roots.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the Merkle root of all leaves so far (32 bytes)."""
        if not self._roots:
            return EMPTY_ROOT
        result = self._roots[-1]
        for left in self._roots[-2::-1]:
            result = node_hash(left, result)
        return result

    def dump(self) -> bytes:
        """Return the subtree roots, largest subtree first, 32 bytes each."""
        return b"".join(self._roots)


class Tree:
    """All nodes of a log's tree, for proofs: level k holds the roots of complete runs of 2**k leaves."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash and every node that it completes."""
        level = 0
        self._levels[0].append(leaf)
        while len(self._levels[level]) % 2 == 0:
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(node_hash(*self._levels[level][-2:]))
            level += 1

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the first ``size`` leaves (of all of them by default)."""
        size = self._checked(self.size if size is None else size)
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the audit path of one leaf in the tree of the first ``size`` leaves (RFC 9162, 2.1.3.1)."""
        size = self._checked(self.size if size is None else size)
        if not 0 <= index < size:
            raise LedgerError(f"There is no event {index} among the first {size} of the audit log.")
        path: list[bytes] = []
        low, high = 0, size
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low = middle
        return path[::-1]

    def consistency_proof(self, old_size: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the tree of ``old_size`` leaves begins the one of ``size`` (RFC 9162, 2.1.4.1)."""
        size = self._checked(self.size if size is None else size)
        if not 0 <= old_size <= size:
            raise LedgerError(f"An audit log of {size} events has no beginning of {old_size} events.")
        if old_size in {0, size}:
            return []
        path: list[bytes] = []
        low, high, whole = 0, size, True
        while old_size != high:
            middle = low + _split(high - low)
            if old_size <= middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low, whole = middle, False
        return ([] if whole else [self._range(low, high)]) + path[::-1]

    def _range(self, low: int, high: int) -> bytes:
        """Return the root over the leaves [low, high); ``low`` is a multiple of the power of two that covers it."""
        count = high - low
        level = count.bit_length() - 1
        if count == 1 << level:
            return self._levels[level][low >> level]
        middle = low + _split(count)
        return node_hash(self._range(low, middle), self._range(middle, high))

    def _checked(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise LedgerError(f"The audit log has {self.size} events, not {size}.")
        return size


def _split(count: int) -> int:
    """Return the largest power of two below ``count`` (at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)
