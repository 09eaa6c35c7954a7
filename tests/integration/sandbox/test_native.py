"""Evaluator and candidate in two sandboxes: honest candidates score, the others fail their own cases only."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from improvement.engine.measurement import Outcome, Stage
from improvement.sandbox.measure import measure
from tests.integration.sandbox.small_targets import DOUBLES, ONCE, measured, native

EVALUATE = "def evaluate(candidate, *, seed, stage, case):\n"
HONEST = "def double(number):\n    return number * 2\n"


def test_an_honest_candidate_scores() -> None:
    task = native()
    result = measured(task, "print('working')\n" + HONEST)
    assert (result.outcome, result.cause, result.message, result.metrics) == (Outcome.OK, "ok", "", {"score": 3.0})
    assert (result.log, result.feedback, result.isolation, result.level) == ("working\n", "", "separate", 3)
    assert result.evaluator_digest == task.evaluator_digest
    assert 0 < result.seconds < 5
    assert 0 < result.cpu_seconds < 5
    assert 1 < result.memory_mb < 100


def test_the_evaluators_processor_time_counts_too() -> None:
    busy = (
        "    import time\n    while time.process_time() < 0.6: pass\n    return {'score': candidate.call('double', 1)}"
    )
    assert measured(native(EVALUATE + busy), HONEST).cpu_seconds > 0.6


@pytest.mark.parametrize(
    ("solution", "score", "feedback"),
    [
        ("def double(number):\n    return number / 0", 0, "ZeroDivisionError: division by zero"),
        ("def double(number):\n    return {number}", 0, "a value of type set is not plain JSON"),
        ("def double(number):\n    return float('nan')", 0, "Out of range float values are not JSON compliant"),
        ("def double(number):\n    return [number] * 3_000_000", 0, "it wrote more than allowed"),
        (
            "def double(number):\n    a = []\n    for _ in range(50): a = [a]\n    return a",
            0,
            "nested more than 32 levels",
        ),
        (
            "def double(number):\n    a = []\n    for _ in range(9**5): a = [a]\n    return a",
            0,
            "double returned cannot be used",
        ),
        ("def double(number):\n    return 10 ** 500", 0, "a whole number has more than 400 digits"),
        ("def double(number):\n    return {1: 1, '1': 2}", 0, "the same key twice"),
        ("def double(number):\n    return '\\ud800'", 0, "half of a surrogate pair"),
        ("def double(number):\n    exit(3)", 0, "SystemExit: 3"),
        ("import os\ndef double(number):\n    os._exit(3)", 0, "it exited with status 3 without answering"),
        ("import os\ndef double(number):\n    os.kill(os.getpid(), 11)\n    os.abort()", 0, "it was ended by signal"),
        ("raise ValueError('not today')", 0, "ValueError: not today"),
        ("def other(): pass", 0, "solution.py defines no function called double"),
        ("def double(number:", 0, "SyntaxError"),
        ("def double(number):\n    return str(number * 2)", 0, ""),
        ("class Same(int):\n    def __eq__(self, other): return True\ndef double(number):\n    return Same(0)", 0, ""),
        (
            "def double(number):\n    if number == 7: raise RuntimeError('seven')\n    return number * 2",
            2,
            "RuntimeError: seven",
        ),
        (
            "import os\ndef double(number):\n    if number == 7: os._exit(0)\n    return number * 2",
            2,
            "it exited with status 0",
        ),
        ("def double(number):\n    raise BaseException('\\x1b[31mred\\x1b[0m\\nline')", 0, "BaseException: red line"),
    ],
)
def test_a_bad_answer_fails_its_own_case(solution: str, score: int, feedback: str) -> None:
    result = measured(native(), solution)
    assert (result.outcome, result.metrics) == (Outcome.OK, {"score": score}), result
    assert feedback in result.feedback


CHANNEL = """
import os, sys
def channel():
    for fd in range(3, 64):
        try:
            os.fstat(fd)
            os.write(fd, b"")
            return fd
        except OSError:
            pass
"""


@pytest.mark.parametrize(
    ("solution", "feedback"),
    [
        (
            CHANNEL + "def double(n):\n    os.write(channel(), b'garbage\\n')\n    return n * 2",
            "cannot be used, it is not JSON",
        ),
        (
            CHANNEL + "def double(n):\n    os.write(channel(), b'[]\\n')\n    return n * 2",
            "does not belong to the call",
        ),
        (
            CHANNEL + 'def double(n):\n    os.write(channel(), b\'{"id":99,"value":2}\\n\')\n    return n * 2',
            "does not belong",
        ),
        (CHANNEL + "def double(n):\n    while 1: os.write(channel(), b'x' * 65536)", "it wrote more than allowed"),
        (CHANNEL + "def double(n):\n    os.close(channel())\n    return n * 2", "without answering"),
    ],
)
def test_a_candidate_that_breaks_the_protocol_fails_that_case(solution: str, feedback: str) -> None:
    result = measured(native(), solution)
    assert result.outcome is Outcome.OK
    assert result.metrics["score"] < 3
    assert feedback in result.feedback


def test_an_answer_before_the_question_fails_the_first_call() -> None:
    early = CHANNEL + 'os.write(channel(), b\'{"id":1,"value":2}\\n\')\ndef double(n): return n * 2'
    late = DOUBLES.replace("wanted =", "import time; time.sleep(0.3); wanted =")
    result = measured(native(late), early)
    assert (result.outcome, result.metrics["score"] < 3) == (Outcome.OK, True)
    assert "it answered without being asked" in result.feedback


def test_a_second_answer_fails_the_next_call_and_gains_nothing() -> None:
    twice = CHANNEL + (
        "import time\ndef double(n):\n"
        '    os.write(channel(), b\'{"id":%d,"value":%d}\\n\' % ({1: 1, 7: 2, 100: 3}[n], n * 2))\n    return 0\n'
    )
    slow = DOUBLES.replace("for number", "import time\n    for number").replace(
        "right += candidate", "time.sleep(0.1); right += candidate"
    )
    result = measured(native(slow), twice)
    assert result.metrics == {"score": 2.0}
    assert "without being asked" in result.feedback


def test_printing_is_the_log_and_never_an_answer() -> None:
    result = measured(
        native(),
        """
        import sys
        def double(number):
            print('{"id": 1, "value": 2}')
            print("\\x1b[2Jon stderr", file=sys.stderr)
            return 0
        """,
    )
    assert result.metrics == {"score": 0.0}
    assert sorted(result.log.splitlines()) == ["on stderr"] * 3 + ['{"id": 1, "value": 2}'] * 3


def test_a_hang_is_bounded_and_the_evaluator_still_scores() -> None:
    started_at = time.monotonic()
    result = measured(native(seconds=0.7), "def double(n):\n    while n == 7: pass\n    return n * 2")
    assert time.monotonic() - started_at < 1.7
    assert (result.outcome, result.metrics) == (Outcome.OK, {"score": 1.0})
    assert "did not answer within" in result.feedback
    assert "time is used up" in result.feedback


def test_a_call_can_be_bounded_more_tightly() -> None:
    within = DOUBLES.replace("candidate.call", "candidate.within(0.3).call")
    result = measured(native(within), "import time\ndef double(n):\n    if n == 7: time.sleep(60)\n    return n * 2")
    assert (result.outcome, result.metrics) == (Outcome.OK, {"score": 2.0})
    assert "did not answer within 0.3 seconds" in result.feedback


@pytest.mark.parametrize(
    ("solution", "cause", "message"),
    [
        ("def answer(): raise ValueError('no')", "candidate_error", "The candidate failed: ValueError: no."),
        ("def answer():\n    while True: pass", "timeout", "did not answer within"),
        ("def answer():\n    import os\n    os._exit(1)", "crash", "exited with status 1"),
        (
            "def answer():\n    return bytearray(100 << 20) and [bytearray(90 << 20) for _ in range(9)]",
            "memory",
            "memory",
        ),
        ("def answer():\n    while True: print('x' * 100_000)", "output_flood", "wrote more than allowed"),
        ("def answer():\n    return 'many'", "evaluator_error", "the metric 'score' is 'many'"),
        ("def answer():\n    return None", "evaluator_error", "has to be a number"),
        ("def answer():\n    return True", "evaluator_error", "has to be a number"),
    ],
)
def test_a_failure_that_the_evaluator_lets_through(solution: str, cause: str, message: str) -> None:
    task = native(ONCE, seconds=1.5)
    if cause == "memory":
        solution = (
            "import os, time\ndef answer():\n    os.fork(); os.fork()\n    hold = bytearray(100 << 20)\n"
            "    hold[::4096] = b'x' * len(hold[::4096])\n    time.sleep(9)"
        )
    result = measured(task, solution)
    assert (result.outcome, result.cause) == (Outcome.FAILED, cause), result
    assert message in result.message
    assert result.metrics == {}


@pytest.mark.parametrize(
    ("evaluator", "message"),
    [
        (
            EVALUATE + "    return 1 / 0",
            "evaluator.py failed: ZeroDivisionError: division by zero",
        ),
        (EVALUATE + "    return {'speed': 1.0}", 'no metric "score"'),
        (EVALUATE + "    return {'score': float('nan')}", "has to be finite"),
        (EVALUATE + "    return {'score': 10 ** 399}", "has to be finite"),
        (EVALUATE + "    return 3", "has to return a dict"),
        ("def evaluate(candidate):\n    return {'score': 1}", "unexpected keyword argument"),
        ("def score(candidate): pass", "defines no function evaluate"),
        ("import nowhere", "No module named 'nowhere'"),
        ("import solution", "No module named 'solution'"),
        (EVALUATE + "    import os; os._exit(0)", "the evaluator's process ended"),
        (
            EVALUATE + "    return {'score': candidate.call('f', {1, 2})}",
            "type set",
        ),
    ],
)
def test_an_evaluator_that_fails_is_named(evaluator: str, message: str) -> None:
    result = measured(native(evaluator), HONEST)
    assert (result.outcome, result.cause) == (Outcome.FAILED, "evaluator_error"), result
    assert message in result.message


def test_the_evaluators_traceback_is_in_the_log() -> None:
    result = measured(native(EVALUATE + "    return 1 / 0"), HONEST)
    assert 'File "/job/evaluator.py", line 2, in evaluate' in result.log
    assert result.log.rstrip().endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    "line", [b"7", b"{}", b'{"call": 7}', b'{"call": {"id": 1}}', b'{"other": 1}', b'{"result": [7]}', b"x"]
)
def test_an_evaluator_that_writes_on_the_channel_is_refused(line: bytes) -> None:
    evaluator = CHANNEL + EVALUATE + f"    os.write(channel(), {line!r} + b'\\n')\n    os._exit(0)"
    result = measured(native(evaluator), HONEST)
    assert (result.outcome, result.cause) == (Outcome.FAILED, "evaluator_error"), result


def test_an_evaluator_that_hangs_is_ended() -> None:
    result = measured(native(EVALUATE + "    while True: pass", seconds=0.5), HONEST)
    assert (result.cause, result.message) == ("timeout", "The evaluator did not finish within 0.5 seconds.")


@pytest.mark.parametrize(
    "forbidden",
    [
        "libc.ptrace(16, 1, 0, 0)",
        "libc.unshare(0x10000000)",
        "libc.mount(b'none', b'/tmp', b'tmpfs', 0, 0)",
        "libc.syscall(250 if x86 else 219, 0, 0, 0, 0, 0)",
    ],
)
def test_a_forbidden_system_call_blocks(forbidden: str) -> None:
    result = measured(
        native(),
        f"""
        import ctypes, os
        def double(number):
            libc, x86 = ctypes.CDLL(None), os.uname().machine == "x86_64"
            if number == 100:
                {forbidden}
            return number * 2
        """,
    )
    assert (result.outcome, result.cause, result.metrics) == (Outcome.BLOCKED, "sandbox_violation", {})


def test_stages_seeds_cases_and_the_holdout() -> None:
    told = native(EVALUATE + "    return {'score': seed, 'case': case, 'confirm': float(stage == 'confirm')}")
    result = measured(told, HONEST, stage=Stage.CONFIRM, seed=2**63)
    assert result.metrics == {"score": float(2**63), "case": 0.0, "confirm": 1.0}
    assert measured(told, HONEST, stage=Stage.HOLDOUT).metrics["score"] == 42


LIST_JOB = """
import os
def seen():
    return sorted(os.path.join(at, name)[5:] for at, _, names in os.walk("/job") for name in names)
"""


def test_a_candidate_sees_its_own_files_and_the_visible_ones_and_no_other() -> None:
    task = native(
        LIST_JOB + EVALUATE + "    called = [candidate.call('seen'), candidate.module('more').call('same', 5)]\n"
        "    return {'metrics': {'score': 1}, 'feedback': repr([seen(), *called])}",
        edit=("solution.py", "parts/more.py"),
        visible=("data/*.json",),
        more={"parts/more.py": "", "data/open.json": "[1]", "secret/answers.json": "[2]"},
    )
    files = {
        "solution.py": "from parts.more import same\n" + LIST_JOB,
        "parts/more.py": "import json\ndef same(x): return [x, json.load(open('/job/data/open.json'))]\n",
    }
    result = measure(task, files, stage=Stage.MEASURE, seed=1)
    evaluators = ["countersign.toml", "data/open.json", "evaluator.py", "holdout.py", "secret/answers.json"]
    candidates = ["data/open.json", "parts/more.py", "solution.py"]
    assert result.feedback == repr([evaluators, candidates, [5, [1]]]), result


def test_a_candidate_computes_with_numpy_and_answers_plain_lists() -> None:
    evaluator = EVALUATE + "    return {'score': sum(candidate.call('answer', [[1, 2], [3, 4]]))}"
    solution = "import numpy\ndef answer(rows):\n    return numpy.array(rows).sum(axis=0).tolist()"
    assert measured(native(evaluator, memory_mb=512, seconds=20), solution).metrics == {"score": 10.0}
    refused = measured(native(evaluator, memory_mb=512, seconds=20), solution.replace(".tolist()", ""))
    assert "type ndarray is not plain JSON; convert it with .tolist()" in refused.message


def test_sets_and_hashes_are_the_same_in_every_process() -> None:
    evaluator = EVALUATE + "    return {'score': candidate.call('answer') % 2**50}"
    solution = "def answer():\n    return hash('countersign')"
    assert len({measured(native(evaluator), solution).metrics["score"] for _ in range(2)}) == 1


def test_stop_ends_a_measurement_at_once() -> None:
    stopped_at = time.monotonic() + 0.4
    result = measure(
        native(seconds=30),
        {"solution.py": "def double(n):\n    while True: pass"},
        stage=Stage.MEASURE,
        seed=1,
        stop=lambda: time.monotonic() >= stopped_at,
    )
    assert time.monotonic() - stopped_at < 0.3
    assert (result.outcome, result.cause) == (Outcome.FAILED, "stopped")


def test_many_threads_measure_at_once() -> None:
    task = native()
    started = threading.Barrier(4)

    def one(number: int) -> float:
        if number < 4:
            started.wait()
        return measured(task, f"def double(n): return n * 2 if n != {[1, 7, 100, 0][number % 4]} else 0").metrics[
            "score"
        ]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(16))) == [2, 2, 2, 3] * 4


def test_a_large_answer_travels_whole() -> None:
    evaluator = EVALUATE + "    return {'score': sum(candidate.call('same', list(range(200_000))))}"
    assert measured(native(evaluator), "def same(x): return x").metrics == {"score": float(sum(range(200_000)))}


def test_a_candidate_that_reads_nothing_cannot_block_the_host() -> None:
    evaluator = EVALUATE + "    return {'score': candidate.call('same', 'x' * 3_000_000)}"
    result = measured(native(evaluator, seconds=0.6), "import time\ntime.sleep(60)")
    assert (result.cause, result.outcome) == ("timeout", Outcome.FAILED)
    assert result.seconds < 1.5
