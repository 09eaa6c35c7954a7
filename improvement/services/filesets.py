"""Sets of editable files, stored once for each digest."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping

from improvement.engine.patches import files_digest
from improvement.models import FileSet


def store(files: Mapping[str, str]) -> str:
    """Store a set of files (path to text) unless it is there already, and return its digest."""
    digest = files_digest(files)
    content = zlib.compress(json.dumps(dict(files), sort_keys=True, ensure_ascii=False).encode())
    FileSet.objects.get_or_create(digest=digest, defaults={"content": content})
    return digest
