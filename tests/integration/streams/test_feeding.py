"""Feeding a stream by a file and by a Redis stream."""

from __future__ import annotations

import json

import pytest
from pytest_django import Settings

from improvement.events import connection
from improvement.exceptions import Invalid
from improvement.models import Stream, StreamRecord
from improvement.runner.feeding import feed_from_queues, feed_lines
from tests import factories as make
from tests import streaming

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_directory", "nothing_enqueued")]


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
        (['{"id": "a", "label": "low"}', '{"id": "b", "label": "middle"}'], r"Line 2 \(b\): the label has to be"),
        ([""], "no observation"),
    ],
)
def test_a_wrong_line_is_named(lines: list[str], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        feed_lines(streaming.target(), lines, actor=make.alice())


def test_a_redis_stream_is_read_on_from_where_it_was_left(redis_url: str, settings: Settings) -> None:
    settings.OBSERVATIONS_KEY = "observations:{target}"
    streaming.target()
    client = connection()
    client.delete("observations:flow")
    for one in streaming.observations(3):
        client.xadd("observations:flow", {"observation": json.dumps(one)})
    client.xadd("observations:flow", {"observation": "{"})
    client.xadd("observations:flow", {"observation": json.dumps({**streaming.observations(1)[0], "label": "low"})})
    client.xadd("observations:flow", {"observation": json.dumps({**streaming.observations(1)[0], "label": "high"})})
    last = client.xadd("observations:flow", {"observation": json.dumps(streaming.observations(1, first=7)[0])})
    feed_from_queues()
    assert list(StreamRecord.objects.values_list("key", flat=True)) == ["o0", "o1", "o2", "o7"]
    assert Stream.objects.get().queue_position == last.decode()
    client.xadd("observations:flow", {"observation": json.dumps(streaming.observations(1, first=8)[0])})
    feed_from_queues()
    feed_from_queues()
    assert StreamRecord.objects.count() == 5
