"""Live events on their way to browsers: one Redis subscription per server process, one bounded queue per viewer.

A channel-layer group costs a task for every viewer and message and drops silently; this costs one ``put_nowait``.
The queue holds hints: whoever falls behind, or misses some while Redis was away, is told to read the database again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import weakref
from collections.abc import AsyncIterator
from typing import Any

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

Event = dict[str, Any]

QUEUE_LENGTH = 2000
PATTERN = "run:*"
LONGEST_WAIT = 5.0
_POLL_SECONDS = 10.0


class Viewer:
    """One open page: what it follows (a run's number, or every run) and what it has yet to be sent."""

    def __init__(self, run: int | None) -> None:
        self.run = run
        self._events: list[Event] = []
        self._behind = False
        self._news = asyncio.Event()

    def offer(self, event: Event) -> None:
        """Queue an event; a full queue is emptied and the viewer marked as behind."""
        if len(self._events) >= QUEUE_LENGTH:
            self.fall_behind()
        self._events.append(event)
        self._news.set()

    def fall_behind(self) -> None:
        """Forget what is queued; the viewer reads the database instead."""
        self._events.clear()
        self._behind = True
        self._news.set()

    async def has_news(self, seconds: float) -> bool:
        """Wait until there is something to send, and return whether there is."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)
        return self._news.is_set()

    def take(self) -> tuple[list[Event], bool]:
        """Return everything queued and whether some was lost before it, and forget both."""
        events, behind = self._events, self._behind
        self._events, self._behind = [], False
        self._news.clear()
        return events, behind


class Hub:
    """This process's one subscription, handed to all its viewers; it runs while there is at least one."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
        self._reader: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @contextlib.asynccontextmanager
    async def viewer(self, run: int | None) -> AsyncIterator[Viewer]:
        """Register a viewer of one run (or of all) for the time of the block."""
        viewer = Viewer(run)
        self._viewers.add(viewer)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            if not self._viewers:
                await self._stop()

    @property
    def viewers(self) -> int:
        """How many pages this process serves."""
        return len(self._viewers)

    async def listening(self, seconds: float) -> bool:
        """Wait until Redis has confirmed the subscription, and return whether it did."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), seconds)
        return self._ready.is_set()

    async def _read(self) -> None:
        wait = 0.1
        while True:
            try:
                async with (
                    Redis.from_url(settings.REDIS_URL, socket_timeout=None) as redis,
                    redis.pubsub() as subscription,
                ):
                    await subscription.psubscribe(PATTERN)
                    wait = 0.1
                    await self._forward(subscription)
            except (RedisError, OSError) as error:
                logger.info("live events wait for Redis: %s", error)
            self._lose_touch()
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    async def _forward(self, subscription: PubSub) -> None:
        while True:
            message = await subscription.get_message(timeout=_POLL_SECONDS)
            if message is None:
                await subscription.ping()
            elif message["type"] == "psubscribe":
                self._ready.set()
            elif message["type"] == "pmessage":
                self._hand_out(json.loads(message["data"]))

    def _hand_out(self, event: Event) -> None:
        for viewer in self._viewers:
            if viewer.run is None or viewer.run == event["run"]:
                viewer.offer(event)

    def _lose_touch(self) -> None:
        """Whatever was published meanwhile is only in the database."""
        self._ready.clear()
        for viewer in self._viewers:
            viewer.fall_behind()

    async def _stop(self) -> None:
        reader, self._reader = self._reader, None
        self._ready.clear()
        if reader is not None:
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader


_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


def hub() -> Hub:
    """Return the hub of the running event loop: one for each server process."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
