"""Reading back texts by their digests."""

from __future__ import annotations

import zlib

from improvement.exceptions import NotFound
from improvement.models import Blob


def load(digest: str) -> bytes:
    """Return the bytes of a digest, or raise ``NotFound``."""
    row = Blob.objects.filter(pk=digest).first()
    if row is None:
        raise NotFound(f"The text {digest[:12]} is not stored here.")
    return zlib.decompress(bytes(row.content))
