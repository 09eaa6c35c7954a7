"""Whether the database's rows say what the audit log says: index columns, policy versions, champions."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from improvement.ledger.merkle import leaf_hash
from improvement.models import AuditEvent, PolicyVersion, Target
from improvement.selectors.audit import CHUNK, stored_bytes

_CHAMPION_IN = {
    "target.added": "champion",
    "target.champion_set": "commit",
    "release.done": "commit",
    "rollback.done": "commit",
    "champion.external": "commit",
}
"""The events after which a target has another champion, and where each states its commit."""


def problems() -> list[str]:
    """Return every difference between the log and the rows that must agree with it, one sentence each."""
    found: list[str] = []
    policies: dict[int, dict[str, Any]] = {}
    champions: dict[str, str] = {}
    for row in AuditEvent.objects.order_by("seq").iterator(CHUNK):
        found += _of_columns(row)
        told = _told(row)
        kind = str(told.get("type"))
        if kind == "policy.changed":
            version = told["data"].get("version")
            if type(version) is int:
                policies[version] = told["data"]
            else:
                found.append(f"event {row.seq}: it puts a policy in force whose version is {version!r}, not a number.")
        elif kind in _CHAMPION_IN:
            name = told["context"].get("target", told["subject"].get("id"))
            champions[str(name)] = str(told["data"].get(_CHAMPION_IN[kind], ""))
    found += [*_of_policies(policies), *_of_champions(champions)]
    return [problem.encode(errors="backslashreplace").decode() for problem in found]


def _of_columns(row: AuditEvent) -> Iterator[str]:
    body: object = row.body
    if isinstance(body, str):
        yield f"event {row.seq}: its body is stored as text, not as the bytes that were hashed."
    if stored_bytes(row.leaf) != leaf_hash(stored_bytes(row.body)):
        yield f"event {row.seq}: its column leaf is not the hash of its body."
    told = _told(row)
    stated = {"seq": told.get("seq"), "ts": told.get("ts"), "type": told.get("type"), **_about(told)} if told else {}
    for column, value in stated.items():
        if getattr(row, column) != value:
            yield f"event {row.seq}: its column {column} says {getattr(row, column)!r}, but its body says {value!r}."


def _about(told: dict[str, Any]) -> dict[str, Any]:
    subject, run = told["subject"], re.fullmatch(r"R-([0-9]{1,18})", str(told["context"].get("run", "")))
    return {
        "actor": told["actor"].get("name"),
        "subject": str(subject.get("name") or subject.get("id"))[:120],
        "run_id": int(run[1]) if run else None,
        "target": told["context"].get("target", ""),
    }


def _told(row: AuditEvent) -> dict[str, Any]:
    """Return what an event states; nothing when its body is no event, which the check of the log itself tells."""
    try:
        told = json.loads(stored_bytes(row.body))
    except (ValueError, RecursionError):
        return {}
    parts = ("actor", "subject", "context", "data")
    whole = isinstance(told, dict) and all(isinstance(told.get(part), dict) for part in parts)
    return told if whole else {}


def _of_policies(recorded: dict[int, dict[str, Any]]) -> Iterator[str]:
    for version in PolicyVersion.objects.order_by("version"):
        told, name = recorded.pop(version.version, None), f"version {version.version} of the policy"
        if told is None:
            yield f"{name} is in the database, but the log does not tell of it."
        elif hashlib.sha256(version.text.encode()).hexdigest() != told.get("policy_sha256"):
            yield f"{name}: its stored text is not the one that the log names."
        elif (version.digest, version.preset) != (told.get("policy_sha256"), told.get("preset")):
            yield f"{name}: its stored digest or preset is not the one that the log names."
    for missing in sorted(recorded):
        yield f"version {missing} of the policy is in the log, but no longer in the database."


def _of_champions(recorded: dict[str, str]) -> Iterator[str]:
    stored = dict(Target.objects.values_list("name", "champion_commit"))
    for name in sorted(recorded.keys() | stored.keys()):
        told, kept = recorded.get(name, "none"), stored.get(name, "none")
        if told != kept:
            yield f"target {name}: its champion in the database is {kept[:9]}, but in the log it is {told[:9]}."
