"""Reading back texts by their digests."""

from __future__ import annotations

import hashlib
import zlib

from improvement.exceptions import LedgerError, NotFound
from improvement.models import Blob


def load(digest: str) -> bytes:
    """Return the bytes of a digest; raises ``NotFound``, and ``LedgerError`` for what is not what was stored."""
    row = Blob.objects.filter(pk=digest).first()
    if row is None:
        raise NotFound(f"The text {digest[:12]} is not stored here.")
    try:
        content = zlib.decompress(bytes(row.content))
    except zlib.error:
        content = b""
    if hashlib.sha256(content).hexdigest() != digest:
        raise LedgerError(f"The stored text {digest[:12]} is damaged: restore it from a backup.")
    return content
