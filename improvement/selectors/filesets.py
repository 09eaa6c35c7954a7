"""Reading back sets of editable files."""

from __future__ import annotations

import json
import zlib

from improvement.exceptions import NotFound
from improvement.models import FileSet


def load(digest: str) -> dict[str, str]:
    """Return the files (path to text) of a digest, or raise ``NotFound``."""
    row = FileSet.objects.filter(pk=digest).first()
    if row is None:
        raise NotFound(f"The files {digest[:12]} are not stored here.")
    files: dict[str, str] = json.loads(zlib.decompress(bytes(row.content)))
    return files
