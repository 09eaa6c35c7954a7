"""Live events as lines of a feed: a tone, an icon and the event's own sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from webapp.presenters.runs import FeedLine

_LOOKS = {
    "candidate.measured": ("", "circle"),
    "candidate.dropped": ("", "circle-slash"),
    "candidate.nominated": ("", "circle-dot"),
    "candidate.in_review": ("wait", "clock"),
    "candidate.changes_requested": ("wait", "undo-2"),
    "candidate.stale": ("wait", "refresh-cw"),
    "candidate.approved": ("ok", "check"),
    "candidate.released": ("ok", "circle-check"),
    "candidate.blocked": ("bad", "ban"),
    "candidate.failed": ("bad", "x"),
    "candidate.quarantined": ("bad", "shield-alert"),
    "candidate.rejected": ("bad", "x"),
    "candidate.unconfirmed": ("", "circle-slash"),
    "candidate.superseded": ("", "layers"),
    "vote": ("ok", "check"),
    "release.done": ("ok", "git-commit-horizontal"),
    "generation": ("", "layers"),
    "budget": ("wait", "triangle-alert"),
    "limits": ("ok", "plus"),
    "taken_over": ("", "rotate-ccw"),
    "halt": ("bad", "octagon-x"),
    "halt.lifted": ("ok", "play"),
    "problem": ("bad", "triangle-alert"),
    "state": ("", "activity"),
}
_STATES = {
    "queued": "this run is queued",
    "running": "this run is going",
    "paused": "this run is paused",
    "parked": "this run waits for people",
    "completed": "this run is complete",
    "stopped": "this run is stopped",
    "failed": "this run failed",
}


def text_of(event: Mapping[str, Any]) -> str:
    """Return the sentence of an event; a change of the run's state is put into words here."""
    if event.get("text"):
        return str(event["text"])
    if event["kind"] == "state":
        said = _STATES.get(str(event.get("state")), f"this run is {event.get('state')}")
        return f"{said}: {event['reason']}" if event.get("reason") else said
    return ""


def line(event: Mapping[str, Any]) -> FeedLine:
    """Return one line of the feed."""
    tone, icon = _LOOKS.get(event["kind"], ("", "circle"))
    at = event["at"] if isinstance(event["at"], datetime) else datetime.fromisoformat(event["at"])
    return FeedLine(number=event["number"], tone=tone, icon=icon, text=text_of(event), at=at)


def as_json(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event as the page's script reads it: its own fields, and how its line looks."""
    shown = line(event)
    return {**event, "at": shown.at.isoformat(), "tone": shown.tone, "icon": shown.icon, "text": shown.text}
