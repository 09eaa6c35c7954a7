"""The live path over a real Redis server: who gets what, nothing lost, bounded, and open while idle."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone

from improvement import events
from improvement.models import Run, RunEvent
from tests import factories as make
from tests.waiting import wait_until
from webapp import live
from webapp.asgi import application
from webapp.live import Hub, Viewer
from webapp.supervisor import valkey

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _published_here(redis_url: str) -> Iterator[None]:
    """Let the services publish to the server of this test."""
    events.connection.cache_clear()
    yield
    events.connection.cache_clear()


@pytest.fixture
def run() -> Run:
    """A run of alice's."""
    return make.run(actor=make.alice())


class Page:
    """An open page: one WebSocket through the whole ASGI application."""

    def __init__(self, communicator: ApplicationCommunicator) -> None:
        self._communicator = communicator

    async def says(self, message: dict[str, Any]) -> None:
        await self._communicator.send_input({"type": "websocket.receive", "text": json.dumps(message)})

    async def hears(self, seconds: float = 3.0) -> dict[str, Any]:
        answer = await self._communicator.receive_output(seconds)
        return answer if answer["type"] == "websocket.close" else dict(json.loads(answer["text"]))

    async def hears_events(self, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(found) < count:
            found += (await self.hears()).get("events", [])
        return found

    async def hears_nothing(self, seconds: float) -> bool:
        return bool(await self._communicator.receive_nothing(seconds, 0.05))


@asynccontextmanager
async def page_of(path: str, cookie: str = "") -> AsyncIterator[Page]:
    """Open a page's connection, and close it at the end."""
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost")]
    headers += [(b"cookie", f"countersign_session={cookie}".encode())] if cookie else []
    scope = {"type": "websocket", "path": path, "headers": headers, "query_string": b"", "subprotocols": []}
    communicator = ApplicationCommunicator(application, scope)
    await communicator.send_input({"type": "websocket.connect"})
    assert (await communicator.receive_output(5))["type"] == "websocket.accept"
    try:
        yield Page(communicator)
    finally:
        await communicator.send_input({"type": "websocket.disconnect", "code": 1000})
        await communicator.wait(2)


def _cookie() -> str:
    browser = Client()
    browser.force_login(make.user("mallory", "viewer"))
    return browser.cookies["countersign_session"].value


def _readers() -> int:
    """Count the connections that wait for a message."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    try:
        return sum(one["cmd"] == "bzpopmin" for one in client.client_list())
    finally:
        client.close()


@sync_to_async
def record(run: Run, text: str) -> None:
    """Record one event as services do."""
    with transaction.atomic():
        events.record(run, "note", {"text": text}, now=timezone.now())


def started(configuration: Path) -> subprocess.Popen[bytes]:
    """Start a server of this test's own and wait until it answers."""
    server = subprocess.Popen([valkey.program(), configuration], stdout=subprocess.DEVNULL)
    wait_until(lambda: valkey.answers(settings.REDIS_URL), seconds=10, what="the server of this test answers")
    return server


def ended(server: subprocess.Popen[bytes]) -> None:
    """End a server as a crash would."""
    server.kill()
    server.wait(5)


@sync_to_async
def store_without_telling(run: Run, number: int) -> None:
    """Store an event whose message got lost on its way."""
    RunEvent.objects.create(run=run, number=number, kind="note", payload={"text": "never published"}, at=timezone.now())
    Run.objects.filter(pk=run.pk).update(event_number=number)


async def test_signed_out_is_closed(run: Run) -> None:
    async with page_of(f"/ws/runs/{run.pk}/") as page:
        assert (await page.hears())["code"] == 4401


async def test_a_run_that_is_not_there_is_closed(run: Run) -> None:
    cookie = await sync_to_async(_cookie)()
    async with page_of(f"/ws/runs/{run.pk + 99}/", cookie) as page:
        assert (await page.hears())["code"] == 4403


async def test_an_open_page_costs_redis_no_reader_of_its_own(run: Run) -> None:
    cookie, before = await sync_to_async(_cookie)(), await sync_to_async(_readers)()
    async with page_of(f"/ws/runs/{run.pk}/", cookie), page_of("/ws/runs/", cookie):
        assert await sync_to_async(_readers)() == before


async def test_what_was_missed_comes_from_the_database_and_what_is_new_within_a_second(run: Run) -> None:
    cookie = await sync_to_async(_cookie)()
    for number in range(3):
        await record(run, f"before {number}")
    stored = await sync_to_async(lambda: Run.objects.get(pk=run.pk).event_number)()
    async with page_of(f"/ws/runs/{run.pk}/", cookie) as page:
        await page.says({"after": stored - 2})
        assert [event["text"] for event in await page.hears_events(2)] == ["before 1", "before 2"]
        await record(run, "now")
        async with asyncio.timeout(1):
            (fresh,) = await page.hears_events(1)
        assert (fresh["text"], fresh["number"], fresh["run"]) == ("now", stored + 1, run.pk)


async def test_a_gap_is_filled_before_anything_later_is_shown(run: Run) -> None:
    cookie = await sync_to_async(_cookie)()
    start = await sync_to_async(lambda: Run.objects.get(pk=run.pk).event_number)()
    async with page_of(f"/ws/runs/{run.pk}/", cookie) as page:
        await page.says({"after": start})
        await asyncio.sleep(0.5)
        await store_without_telling(run, start + 1)
        await record(run, "published")
        found = await page.hears_events(2)
    assert [(event["number"], event["text"]) for event in found] == [
        (start + 1, "never published"),
        (start + 2, "published"),
    ]


async def test_events_are_coalesced_and_none_is_lost(run: Run) -> None:
    cookie = await sync_to_async(_cookie)()
    start = await sync_to_async(lambda: Run.objects.get(pk=run.pk).event_number)()
    async with page_of(f"/ws/runs/{run.pk}/", cookie) as page:
        await page.says({"after": start})
        await asyncio.sleep(0.5)
        frames, found = 0, []
        writing = asyncio.create_task(_many(run, 60))
        while len(found) < 60:
            found += (await page.hears()).get("events", [])
            frames += 1
        await writing
    assert [event["number"] for event in found] == list(range(start + 1, start + 61))
    assert frames < 60


async def _many(run: Run, count: int) -> None:
    for number in range(count):
        await record(run, str(number))


async def test_an_idle_connection_stays_open(run: Run) -> None:
    cookie = await sync_to_async(_cookie)()
    start = await sync_to_async(lambda: Run.objects.get(pk=run.pk).event_number)()
    async with page_of(f"/ws/runs/{run.pk}/", cookie) as page:
        await page.says({"after": start})
        assert await page.hears_nothing(7)
        await record(run, "still here")
        assert [event["text"] for event in await page.hears_events(1)] == ["still here"]


async def test_a_page_of_all_runs_hears_that_something_happened_and_nothing_more(run: Run) -> None:
    cookie = await sync_to_async(_cookie)()
    async with page_of("/ws/runs/", cookie) as page:
        await page.says({"after": 0})
        await asyncio.sleep(0.5)
        await record(run, "secret")
        (event,) = await page.hears_events(1)
    assert event == {"run": run.pk, "kind": "note", "id": None}


async def test_viewers_get_only_their_run(run: Run) -> None:
    hub = Hub()
    async with hub.viewer(1) as one, hub.viewer(2) as two, hub.viewer(None) as everything:
        assert await hub.listening(5)
        await sync_to_async(events.publish)(1, {"run": 1, "number": 1})
        assert await one.has_news(2)
        assert await everything.has_news(2)
        assert not await two.has_news(0.2)
        assert one.take() == ([{"run": 1, "number": 1}], False)
    assert hub.viewers == 0


async def test_a_viewer_who_does_not_read_is_bounded_and_told_to_ask_again() -> None:
    viewer = Viewer(1)
    for number in range(live.QUEUE_LENGTH + 5):
        viewer.offer({"run": 1, "number": number})
    kept, behind = viewer.take()
    assert len(kept) <= live.QUEUE_LENGTH
    assert behind
    assert kept[-1]["number"] == live.QUEUE_LENGTH + 4
    assert viewer.take() == ([], False)


async def test_a_server_that_comes_back_is_heard_again_and_viewers_ask_for_what_they_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"unix://:pw@{tmp_path}/r/s"
    monkeypatch.setattr(settings, "REDIS_URL", url)
    configuration = valkey.write_configuration(socket=tmp_path / "r" / "s", password="pw", directory=tmp_path)
    events.connection.cache_clear()
    hub, first = Hub(), started(configuration)
    async with hub.viewer(None) as viewer:
        assert await hub.listening(5)
        await asyncio.to_thread(events.publish, 1, {"run": 1, "number": 1})
        assert await viewer.has_news(2)
        assert viewer.take() == ([{"run": 1, "number": 1}], False)
        ended(first)
        assert await viewer.has_news(5)
        assert viewer.take() == ([], True)
        second = started(configuration)
        assert await hub.listening(8)
        await asyncio.to_thread(events.publish, 1, {"run": 1, "number": 2})
        assert await viewer.has_news(2)
        assert {"run": 1, "number": 2} in viewer.take()[0]
    ended(second)
