"""Records of a stream that are old: written to a file that is named for its content, then taken out of the database."""

from __future__ import annotations

import gzip
import hashlib
import json

from django.utils import timezone

from improvement import installation
from improvement.models import Stream, StreamRecord
from improvement.selectors import stream_records
from improvement.selectors import streams as read
from improvement.selectors.targets import task_at
from improvement.services import streams


def archive_old(target_id: int) -> None:
    """Archive what is beyond the records that the manifest keeps; raises RecordsDiffer when one is not what arrived."""
    row = Stream.objects.select_related("target").get(target_id=target_id)
    stream = task_at(row.target.name, row.target.champion_commit).manifest.stream
    ends = read.archivable(row, stream.keep) if stream else None
    if ends is None:
        return
    lines = [_line(one) for one in stream_records.between(row, *ends)]
    data = gzip.compress("\n".join([*lines, ""]).encode(), mtime=0)
    blob = hashlib.sha256(data).hexdigest()
    installation.keep_blob(blob, data)
    streams.archive(row.pk, first=ends[0], last=ends[1], blob=blob, now=timezone.now())


def _line(record: StreamRecord) -> str:
    content = {
        "number": record.number,
        "id": record.key,
        "features": record.features,
        "label": record.label,
        "source": record.source,
        "arrived_at": record.arrived_at.isoformat(),
        "digest": record.digest,
    }
    return json.dumps(content)
