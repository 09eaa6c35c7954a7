"""Keeping an uploaded archive until a worker has read it; nothing is unpacked in the web process."""

from __future__ import annotations

import re
import secrets
from pathlib import PurePath

from django.conf import settings
from django.core.files import File

from improvement.exceptions import Invalid

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz")
LARGEST = 20_000_000


def keep(upload: File[bytes]) -> str:
    """Store an archive under a name of our own that ends as its own did, and return its path.

    Raises ``Invalid`` for what cannot be an archive.
    """
    name = PurePath(upload.name or "").name.lower()
    ending = next((one for one in ENDINGS if name.endswith(one)), None)
    if ending is None:
        raise Invalid(
            f"{name or 'The upload'} is no archive that can be read: upload a .zip, .tar or .tar.gz of the folder."
        )
    if upload.size > LARGEST:
        raise Invalid(
            f"The archive is larger than {LARGEST // 1_000_000} MB. Leave out what the evaluator does not need."
        )
    folder = settings.COUNTERSIGN_DATA / "uploads"
    folder.mkdir(mode=0o700, exist_ok=True)
    said = re.sub(r"[^a-z0-9]+", "-", name.removesuffix(ending)).strip("-")[:60] or "target"
    path = folder / f"{secrets.token_hex(16)}-{said}{ending}"
    with path.open("xb") as file:
        for chunk in upload.chunks():
            file.write(chunk)
    return str(path)
