"""Texts that the trail names by their digests, stored once for each."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

from improvement.models import Blob


@dataclass(frozen=True, slots=True)
class Packed:
    """Some bytes as they are stored: made before the transaction that stores them."""

    digest: str
    content: bytes


def pack(content: bytes) -> Packed:
    """Return some bytes as they are stored, under their SHA-256."""
    return Packed(hashlib.sha256(content).hexdigest(), zlib.compress(content))


def store(packed: Packed) -> Blob:
    """Store what was packed unless it is there already, and return its row."""
    return Blob.objects.get_or_create(digest=packed.digest, defaults={"content": packed.content})[0]
