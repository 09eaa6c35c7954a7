"""Feeding a stream by a file and by a Redis stream."""

from __future__ import annotations

import json

import pytest
from pytest_django import Settings

from improvement import installation
from improvement.events import connection
from improvement.exceptions import Invalid
from improvement.models import Stream, StreamRecord, Target
from improvement.runner import ticking
from improvement.runner.feeding import feed_from_queues, feed_lines
from tests import factories as make
from tests import streaming, trail

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_directory", "nothing_enqueued")]

DEEP = "[" * 100_000


def push(name: str, *observations: object) -> list[str]:
    """Put observations upon a target's queue, texts as they are, and return the positions of their entries."""
    texts = [one if isinstance(one, str) else json.dumps(one) for one in observations]
    positions = [connection().xadd(f"observations:{name}", {"observation": text}) for text in texts]
    return [position.decode() for position in positions]


@pytest.fixture
def _queues(redis_url: str, settings: Settings) -> None:
    settings.OBSERVATIONS_KEY = "observations:{target}"
    connection().delete("observations:flow", "observations:brook")


def test_a_file_is_fed_and_the_same_file_again_changes_nothing() -> None:
    on = streaming.target()
    lines = [json.dumps(one) + "\n" for one in streaming.observations(3)]
    assert feed_lines(on, [*lines, "\n"], actor=make.alice()).accepted == 3
    again = feed_lines(on, lines, actor=make.alice())
    assert (again.accepted, again.duplicates) == (0, 3)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["{"], "Line 1 is not JSON"),
        (["", DEEP], "Line 2 is not JSON"),
        (['{"id": "a", "label": "low"}', '{"id": "b", "label": "middle"}'], r"Line 2 \(b\): the label has to be"),
        ([""], "no observation"),
    ],
)
def test_a_wrong_line_is_named(lines: list[str], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        feed_lines(streaming.target(), lines, actor=make.alice())


@pytest.mark.usefixtures("_queues")
def test_a_redis_stream_is_read_on_from_where_it_was_left() -> None:
    streaming.target()
    known = streaming.observations(1)[0]
    positions = push(
        "flow",
        *streaming.observations(3),
        "{",
        {**known, "label": "low"},
        {**known, "label": "high"},
        *streaming.observations(1, first=7),
    )
    feed_from_queues()
    assert list(StreamRecord.objects.values_list("key", flat=True)) == ["o0", "o1", "o2", "o7"]
    assert Stream.objects.get().queue_position == positions[-1]
    push("flow", *streaming.observations(1, first=8))
    feed_from_queues()
    feed_from_queues()
    assert StreamRecord.objects.count() == 5


@pytest.mark.usefixtures("_queues")
def test_entries_that_cannot_be_taken_are_left_out_and_told() -> None:
    streaming.target()
    good = streaming.observations(2)
    wrong = [DEEP, "[" * 9, {**good[0], "label": []}, {"id": "o0", "features": {"x": -1.0}}]
    positions = push("flow", good[0], *wrong, good[1])
    feed_from_queues()
    assert list(StreamRecord.objects.values_list("key", flat=True)) == ["o0", "o1"]
    assert Stream.objects.get().queue_position == positions[-1]
    (told,) = trail.recorded("stream.entries_left_out")
    assert (told["entries"], told["first"], told["last"]) == (4, positions[1], positions[4])
    assert told["reason"].startswith(f"Entry {positions[1]} is not JSON: maximum recursion depth")
    trail.assert_holds()


@pytest.mark.usefixtures("_queues")
def test_a_target_that_is_broken_keeps_no_other_from_being_fed() -> None:
    broken, other = streaming.target(), streaming.target("brook")
    Target.objects.filter(pk=broken.pk).update(champion_commit="0" * 40)
    for name in ("flow", "brook"):
        push(name, *streaming.observations(1))
    feed_from_queues()
    assert list(StreamRecord.objects.values_list("stream__target_id", flat=True)) == [other.pk]


@pytest.mark.usefixtures("_queues")
def test_a_duty_of_the_heartbeat_that_fails_keeps_no_other_from_being_done(caplog: pytest.LogCaptureFixture) -> None:
    streaming.target()
    push("flow", *streaming.observations(1))
    installation.log_key_path().write_text("no key")
    ticking.tick()
    assert "a duty of the heartbeat failed: sign" in caplog.messages
    assert StreamRecord.objects.count() == 1
