"""WebSocket consumers: who may watch, where their page stands, and forwarding what is new. They never write."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Sequence
from time import monotonic
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import path

from improvement.exceptions import CountersignError
from improvement.selectors import events, people, runs
from webapp.live import Event, Viewer, hub
from webapp.presenters import feed

logger = logging.getLogger(__name__)

SIGNED_OUT = 4401
NOT_FOR_YOU = 4403
COALESCE_SECONDS = 0.1
PING_SECONDS = 20.0
REFILL = 500
_HINT = ("run", "kind", "id")


class RunsConsumer(AsyncWebsocketConsumer):
    """Tells a page that something happened in some run; the page asks for itself what it needs."""

    channel_layer_alias = None  # news come through the hub: a layer would cost a reader in Redis for each socket
    run_id: int | None = None
    pump: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Accept whoever is signed in and may see this."""
        user = self.scope.get("user")
        self.run_id = self.scope["url_route"]["kwargs"].get("run_id")
        await self.accept()
        if user is None or not user.is_authenticated:
            await self.close(code=SIGNED_OUT)
        elif not await may_watch(user.pk, self.run_id):
            await self.close(code=NOT_FOR_YOU)
        else:
            self.user_id = user.pk

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Start forwarding from the cursor that the page stands at; a second message starts again from there."""
        if not hasattr(self, "user_id"):
            return
        cursor = _cursor(text_data)
        await self._stop()
        self.pump = asyncio.create_task(self._forward(cursor))

    async def disconnect(self, code: int) -> None:
        """Stop forwarding."""
        await self._stop()

    async def _forward(self, cursor: int) -> None:
        try:
            async with hub().viewer(self.run_id) as viewer:
                await hub().listening(2.0)
                cursor = await self._refill(cursor)
                checked = monotonic()
                while True:
                    cursor = await self._next(viewer, cursor)
                    if monotonic() - checked > PING_SECONDS:
                        checked = monotonic()
                        await self._still_there()
        except (ConnectionError, RuntimeError) as error:
            logger.debug("a page went away: %s", error)

    async def _next(self, viewer: Viewer, cursor: int) -> int:
        if not await viewer.has_news(PING_SECONDS):
            return cursor
        queued, behind = viewer.take()
        if behind:
            await self._send({"resync": True})
        cursor = await self._deliver(queued, cursor)
        await asyncio.sleep(COALESCE_SECONDS)
        return cursor

    async def _deliver(self, queued: Sequence[Event], cursor: int) -> int:
        """Send what a page of all runs needs: that something happened, and where."""
        if queued:
            await self._send({"events": [{name: event.get(name) for name in _HINT} for event in queued]})
        return cursor

    async def _refill(self, cursor: int) -> int:
        return cursor

    async def _still_there(self) -> None:
        """Keep an idle connection open, and end it when the person may no longer watch."""
        if await may_watch(self.user_id, self.run_id):
            await self._send({"ping": True})
        else:
            await self.close(code=NOT_FOR_YOU)

    async def _send(self, message: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(message, separators=(",", ":")))

    async def _stop(self) -> None:
        pump, self.pump = self.pump, None
        if pump is not None:
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump


class RunConsumer(RunsConsumer):
    """Sends one run's events in order and without gaps: a gap is filled from the database."""

    async def _deliver(self, queued: Sequence[Event], cursor: int) -> int:
        fresh = sorted((event for event in queued if event["number"] > cursor), key=lambda event: event["number"])
        if not fresh:
            return cursor
        expected = range(cursor + 1, cursor + 1 + len(fresh))
        if [event["number"] for event in fresh] != list(expected):
            return await self._refill(cursor)
        return await self._send_events(fresh)

    async def _refill(self, cursor: int) -> int:
        while missed := await stored_after(self.run_id or 0, cursor):
            cursor = await self._send_events(missed)
        return cursor

    async def _send_events(self, found: Sequence[Event]) -> int:
        await self._send({"events": [feed.as_json(event) for event in found]})
        return int(found[-1]["number"])


@database_sync_to_async
def may_watch(user_id: int, run_id: int | None) -> bool:
    """Return whether this person may (still) see a run, or the list of runs."""
    try:
        person = people.person_of(people.by_id(user_id))
        if run_id is not None:
            runs.get(run_id, person)
    except CountersignError:
        return False
    return person.active


@database_sync_to_async
def stored_after(run_id: int, cursor: int) -> list[Event]:
    """Return the next stored events of a run after a cursor."""
    return list(events.after(run_id, cursor, REFILL))


def _cursor(text: str | None) -> int:
    try:
        after = json.loads(text or "{}")["after"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
    return after if isinstance(after, int) and after >= 0 else 0


websocket_urlpatterns = [
    path("ws/runs/", RunsConsumer.as_asgi()),
    path("ws/runs/<int:run_id>/", RunConsumer.as_asgi()),
]
