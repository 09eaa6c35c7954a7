"""A strategy package is a process that answers one line with one line, or is ended with a clear error."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest

from improvement.exceptions import Halted, StrategyError
from improvement.sandbox import running
from improvement.sandbox.limits import Limits
from improvement.sandbox.strategy import LIMITS, StrategyProcess
from tests.waiting import wait_until

ECHO = """
import json, sys
import parts

for line in sys.stdin:
    message = json.loads(line)
    {extra}
    print(json.dumps({{"got": message, "sum": parts.add(message.get("numbers", []))}}))
"""
PARTS = "def add(numbers):\n    return sum(numbers)\n"


def package(extra: str = "") -> dict[str, bytes]:
    return {"main.py": ECHO.format(extra=extra).encode(), "parts.py": PARTS.encode()}


def test_requests_are_answered_in_order_and_state_is_kept() -> None:
    with StrategyProcess(
        package("parts.count = getattr(parts, 'count', 0) + 1; message['count'] = parts.count")
    ) as process:
        answers = [process.request({"numbers": [number, 1]}, 10) for number in range(3)]
    assert [answer["sum"] for answer in answers] == [1, 2, 3]
    assert [answer["got"]["count"] for answer in answers] == [1, 2, 3]
    assert not process.alive


def test_the_standard_strategy_libraries_can_be_imported() -> None:
    with StrategyProcess(package("import numpy, scipy.optimize, optuna, cmaes")) as process:
        assert process.request({"numbers": [5]}, 60)["sum"] == 5


def test_a_large_state_travels() -> None:
    state = "é" * 1_000_000
    with StrategyProcess(package()) as process:
        assert process.request({"state": state}, 20)["got"]["state"] == state


@pytest.mark.parametrize(
    ("extra", "error"),
    [
        (
            "raise ValueError('lost')",
            "ended: it exited with status 1 without answering. It last wrote: ValueError: lost",
        ),
        ("import time; time.sleep(60)", "did not answer within 0.5 seconds"),
        ("print('debug')", "answered something unusable, it is not JSON"),
        ("print('[1]')", "answered no JSON object: '[1]'"),
        ("print('{\"a\": NaN}')", "NaN is not a JSON number"),
        ('print(\'{"a": 1, "a": 2}\')', "same key twice"),
        ("sys.stdout.write('x' * (17 << 20)); sys.stdout.flush()", "wrote more than allowed"),
        ("import os; os.kill(os.getpid(), 9); os.abort()", "it was ended by signal"),
        ("hold = [bytearray(100 << 20) for _ in range(30)]", "memory"),
    ],
)
def test_a_broken_protocol_ends_the_process(extra: str, error: str) -> None:
    process = StrategyProcess(package(extra))
    with pytest.raises(StrategyError, match=f"(?i){re.escape(error)}"):
        process.request({}, 0.5 if "sleep" in extra else 10)
    assert not process.alive
    with pytest.raises(StrategyError, match="has ended"):
        process.request({}, 1)


def test_a_line_that_was_not_asked_for_is_found_at_the_next_request() -> None:
    with StrategyProcess(package("print(json.dumps({'first': True}))")) as process:
        assert process.request({}, 10) == {"first": True}
        time.sleep(0.2)
        with pytest.raises(StrategyError, match="without being asked"):
            process.request({}, 10)


def test_a_package_without_main_is_refused() -> None:
    with pytest.raises(StrategyError, match=r"no main\.py"):
        StrategyProcess({"other.py": b""})


def test_memory_is_bounded_for_the_whole_tree() -> None:
    hungry = (
        "import os, time; os.fork(); os.fork(); hold = bytearray(60 << 20); hold[::4096] = b'x' * 15360; time.sleep(9)"
    )
    limits = Limits(memory_mb=100, cpu_seconds=LIMITS.cpu_seconds)
    with (
        StrategyProcess(package(hungry), limits) as process,
        pytest.raises(StrategyError, match="more memory than allowed"),
    ):
        process.request({}, 8)


def test_it_sees_no_channel_but_its_own_and_no_network() -> None:
    look = (
        "import os, socket; message['fds'] = [fd for fd in range(64) if os.path.exists(f'/dev/fd/{fd}') or _open(fd)]; "
        "message['home'] = os.path.exists('/home')"
    )
    source = ECHO.replace(
        "import parts",
        "import parts, os\ndef _open(fd):\n    try: os.fstat(fd); return True\n    except OSError: return False",
    )
    files = {"main.py": source.format(extra=look).encode(), "parts.py": PARTS.encode()}
    with StrategyProcess(files) as process:
        assert process.request({}, 10)["got"] == {"fds": [0, 1, 2], "home": False}


def test_it_outlives_the_thread_that_started_it() -> None:
    made: list[StrategyProcess] = []
    starter = threading.Thread(target=lambda: made.append(StrategyProcess(package())))
    starter.start()
    starter.join()
    time.sleep(0.2)
    with made[0] as process:
        assert process.request({"numbers": [2, 2]}, 10)["sum"] == 4


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    return tmp_path / "halt"


def test_a_stop_ends_a_process_that_waits_to_be_asked(flag: Path) -> None:
    with StrategyProcess(package(), stop=flag.exists) as process:
        process.request({"numbers": [1]}, 10)
        assert (process.alive, running.shared().count) == (True, 1)
        flag.touch()
        wait_until(lambda: not process.alive, seconds=2, what="the process is ended")
        assert running.shared().count == 0


def test_a_stop_ends_a_process_that_is_busy(flag: Path) -> None:
    with StrategyProcess(package("import time; time.sleep(60)"), stop=flag.exists) as process:
        threading.Timer(0.3, flag.touch).start()
        began = time.monotonic()
        with pytest.raises(Halted):
            process.request({}, 30)
        assert time.monotonic() - began < 2.3
        assert (process.alive, running.shared().count) == (False, 0)


def test_a_process_that_a_stop_ended_says_so_also_when_that_is_over(flag: Path) -> None:
    with StrategyProcess(package(), stop=flag.exists) as process:
        flag.touch()
        wait_until(lambda: not process.alive, seconds=2, what="the process is ended")
        flag.unlink()
        with pytest.raises(Halted):
            process.request({}, 10)


def test_a_process_that_begins_under_a_stop_answers_nothing(flag: Path) -> None:
    flag.touch()
    with StrategyProcess(package(), stop=flag.exists) as process, pytest.raises(Halted):
        process.request({}, 10)
