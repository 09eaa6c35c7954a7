"""Events of the audit log as plain sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from improvement.ledger.event import sentence
from improvement.permissions import Person, Right, may
from improvement.selectors import audit
from improvement.selectors.audit import Filters
from webapp.presenters.audit import AuditFilters, AuditLine, AuditPage, TypeGroup, Verification
from webapp.presenters.paging import Pager
from webapp.presenters.runs import FeedLine

if TYPE_CHECKING:
    from improvement.models import AuditEvent

PAGE = 50
KEY_FILE = "countersign.vkey"
_LOOKS = (
    ("review.rejected", "bad", "x"),
    ("review.changes_requested", "wait", "undo-2"),
    ("review.approved", "ok", "check"),
    ("review.voted", "", "pen-line"),
    ("review.", "wait", "clock"),
    ("release.", "ok", "git-commit-horizontal"),
    ("rollback.", "wait", "rotate-ccw"),
    ("champion.", "wait", "git-commit-horizontal"),
    ("halt.lifted", "ok", "play"),
    ("halt.", "bad", "octagon-x"),
    ("candidate.blocked", "bad", "ban"),
    ("candidate.quarantined", "bad", "shield-alert"),
    ("candidate.", "", "circle-dot"),
    ("generation.", "", "layers"),
    ("run.", "", "activity"),
    ("model.", "", "bot"),
    ("policy.", "wait", "scroll-text"),
    ("user.", "", "user"),
    ("target.", "", "crosshair"),
)
_FROM_THE_SENTENCE = {"v", "seq", "ts"}


def page(
    person: Person, filters: Filters, shown: AuditFilters, *, number: int, verification: Verification | None
) -> AuditPage:
    """Return one page of the trail."""
    found, head = audit.page(filters, number, PAGE), audit.head()
    return AuditPage(
        lines=tuple(_line(event) for event in found.object_list),
        pager=Pager("Pages of events", found.number, PAGE, found.paginator.count),
        filters=shown,
        types=_types(audit.types()),
        actors=tuple(audit.actors()),
        size=head.size if head else 0,
        bundle=export_name(filters.run_id, "tar"),
        key_file=KEY_FILE,
        verified_at=head.verified_at if head else None,
        may_export=may(person, Right.EXPORT_AUDIT),
        verification=verification,
    )


def export_name(run_id: int | None, ending: str) -> str:
    """Return the name of an export as a file."""
    return f"countersign-audit{f'-R-{run_id}' if run_id else ''}.{ending}"


def as_feed(rows: Iterable[AuditEvent]) -> tuple[FeedLine, ...]:
    """Return events as lines of a feed."""
    return tuple(FeedLine(line.seq, line.tone, line.icon, line.text, line.at) for line in map(_line, rows))


def _line(event: AuditEvent) -> AuditLine:
    body = audit.body(event)
    tone, icon = next(((t, i) for start, t, i in _LOOKS if event.type.startswith(start)), ("", "circle"))
    if event.type == "review.voted":
        tone = {"approve": "ok", "reject": "bad"}.get(str(body["data"].get("verdict")), "wait")
    text = sentence(body)
    return AuditLine(
        seq=event.seq,
        at=datetime.fromisoformat(event.ts),
        text=text,
        kind=_spoken(event.type),
        icon=icon,
        tone=tone,
        run=None if re.search(rf"\bR-{event.run_id}\b", text) else event.run_id,
        reason=_reason(body, text),
        details=tuple(_flat("", {key: value for key, value in body.items() if key not in _FROM_THE_SENTENCE})),
    )


def _types(known: Iterable[str]) -> tuple[TypeGroup, ...]:
    """Return the types of events by what they are about, in words."""
    about: dict[str, list[tuple[str, str]]] = {}
    for kind in known:
        noun, _, what = kind.partition(".")
        about.setdefault(noun.capitalize(), []).append((kind, _words(what)))
    return tuple((noun, tuple(choices)) for noun, choices in sorted(about.items()))


def _spoken(kind: str) -> str:
    return _words(kind.replace(".", ": ", 1))


def _words(text: str) -> str:
    return text.replace("_", " ")


def _reason(body: dict[str, Any], text: str) -> str:
    reason = str(body["data"].get("reason") or "")
    return "" if reason in text else reason


def _flat(prefix: str, value: Any) -> Iterable[tuple[str, str]]:
    """Return everything an event states as rows of name and value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else key, inner)
    elif isinstance(value, list) and len(value) <= 12:
        for index, inner in enumerate(value):
            yield from _flat(f"{prefix}[{index}]", inner)
    elif value not in ("", None, []):
        yield prefix, f"{len(value)} entries" if isinstance(value, list) else str(value)
