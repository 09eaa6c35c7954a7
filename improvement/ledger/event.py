"""One audit event, version 1: composing it, its time, and the sentence that people read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from improvement.exceptions import LedgerError
from improvement.ledger.event_types import EVENT_TYPES, VERDICTS, VOTED_BY_WAY_OF, EventType

VERSION = 1
ACTOR_KINDS = ("human", "command line", "system", "token")
PERSON_KINDS = ("human", "command line")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def compose(
    *,
    seq: int,
    log: str,
    ts: str,
    type: str,
    actor: Mapping[str, Any],
    subject: Mapping[str, Any],
    context: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    refs: Iterable[Mapping[str, Any]] = (),
    payloads: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the event as it is recorded, or raise ``LedgerError`` naming what its type requires and it lacks."""
    event: dict[str, Any] = {
        "v": VERSION,
        "seq": seq,
        "log": log,
        "ts": ts,
        "type": type,
        "actor": dict(actor),
        "subject": dict(subject),
        "context": dict(context or {}),
        "data": dict(data or {}),
        "refs": [dict(ref) for ref in refs],
        "payloads": [dict(payload) for payload in payloads],
    }
    _check(event)
    return event


def timestamp(when: datetime) -> str:
    """Return an aware time as fixed-width UTC text with microseconds: texts sort as times do."""
    if when.tzinfo is None:
        raise LedgerError("An audit event needs a time with a time zone.")
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def decimal_text(value: float) -> str:
    """Return a finite number as plain decimal text that reads back as the same number: how scores are recorded."""
    if not math.isfinite(value):
        raise LedgerError(f"{value} cannot be recorded as a score: a score is a finite number.")
    return format(Decimal(repr(value)), "f")


def is_person(actor: Mapping[str, Any]) -> bool:
    """Tell whether a person acted, rather than a token, a worker or the system."""
    return actor.get("kind") in PERSON_KINDS and str(actor.get("id", "")).startswith("user:")


def sentence(event: Mapping[str, Any]) -> str:
    """Return one plain English sentence about an event, without markup; escape it like any other text."""
    kind = _type_of(event["type"])
    told = kind.sentence.format_map({field: _told(event, field) for field in kind.fields})
    return told.rstrip(": ") + "".join(f" ({remark})" for remark in _remarks(event))


def _told(event: Mapping[str, Any], field: str) -> str:
    if field in {"actor", "subject"}:
        return str(event[field].get("name") or event[field]["id"])
    stated = [event[part][field] for part in ("data", "context", "subject") if field in event.get(part, {})]
    value = str(stated[0]) if stated else "(not stated)"
    return _WORDING.get(field, str)(value)


def _figure(text: str) -> str:
    """Return a score as people write it: four decimals, or three digits of a tiny or huge one."""
    try:
        value = float(text)
    except ValueError:
        return text
    ordinary = value == 0 or 0.001 <= abs(value) < 1e7
    return f"{value:.4f}" if ordinary else f"{value:.3g}"


_WORDING: Mapping[str, Callable[[str], str]] = {
    "verdict": lambda text: VERDICTS.get(text, text),
    "score": _figure,
}


def _remarks(event: Mapping[str, Any]) -> list[str]:
    data = event.get("data", {})
    remarks = ["self-countersigned"] if data.get("self_countersigned") is True else []
    by_command_line = "command line" in (event["actor"]["kind"], data.get("via"))
    return [*remarks, "by command line"] if by_command_line else remarks


def _check(event: Mapping[str, Any]) -> None:
    kind = _type_of(event["type"])
    _check_actor(event, kind)
    if not {"kind", "id"} <= event["subject"].keys():
        raise LedgerError(f"{event['type']}: the subject needs a kind and an id.")
    for part, keys in (("subject", kind.subject), ("context", kind.context), ("data", kind.data)):
        for key in keys:
            if event[part].get(key) is None:
                raise LedgerError(f"{event['type']}: {part}.{key} is missing.")
    for field in kind.fields - {"actor", "subject"}:
        if not any(event[part].get(field) is not None for part in ("data", "context", "subject")):
            raise LedgerError(f"{event['type']}: data.{field} is missing, its sentence tells it.")
    _check_digests(event)
    _check_decision(event)


def _check_actor(event: Mapping[str, Any], kind: EventType) -> None:
    actor = event["actor"]
    if actor.get("kind") not in ACTOR_KINDS or not actor.get("id"):
        raise LedgerError(f"{event['type']}: the actor needs an id and a kind ({', '.join(ACTOR_KINDS)}).")
    if kind.people_only and not is_person(actor):
        raise LedgerError(f"{event['type']}: only a person may do this, not {actor['kind']} {actor['id']}.")


def _check_digests(event: Mapping[str, Any]) -> None:
    stated = [(f"{part}.{key}", value) for part in ("subject", "context", "data") for key, value in event[part].items()]
    stated += [("payload sha256", payload.get("sha256")) for payload in event["payloads"]]
    for where, value in stated:
        if where.endswith("sha256") and not (isinstance(value, str) and _SHA256.fullmatch(value)):
            raise LedgerError(f"{event['type']}: {where} is not a SHA-256 in lower-case hex.")


def _check_decision(event: Mapping[str, Any]) -> None:
    """Refuse votes, reviews and releases that the verifier could not read."""
    data = event["data"]
    if event["type"] == "review.voted" and (data["verdict"] not in VERDICTS or data["via"] not in VOTED_BY_WAY_OF):
        raise LedgerError(
            f"review.voted: the verdict is one of {', '.join(VERDICTS)}, via one of {', '.join(VOTED_BY_WAY_OF)}."
        )
    if event["type"] == "review.opened" and not (isinstance(data["required"], int) and data["required"] >= 1):
        raise LedgerError("review.opened: data.required is the number of approvals, at least one.")
    if event["type"] == "release.done" and not all(
        isinstance(approval.get("user"), str) and isinstance(approval.get("seq"), int) for approval in data["approvals"]
    ):
        raise LedgerError("release.done: each approval names its user and the seq of the vote event.")
    if event["type"] == "rollback.done" and not str(data["reason"]).strip():
        raise LedgerError("rollback.done: a rollback needs a reason.")


def _type_of(name: str) -> EventType:
    try:
        return EVENT_TYPES[name]
    except KeyError:
        raise LedgerError(f"{name!r} is not a type of audit event: add it to the registry with its sentence.") from None
