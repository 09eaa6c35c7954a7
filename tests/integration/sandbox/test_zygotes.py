"""Zygotes: what is forked from them is fresh, apart from other projects, and lost with nothing but its own run."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from improvement.engine.measurement import Outcome
from improvement.sandbox import bubblewrap, levels, memory, nursery, runtime, spawn, trees, zygotes
from improvement.sandbox.limits import Limits
from improvement.sandbox.process import Cause
from improvement.sandbox.program import Family, Program
from improvement.sandbox.runner import RunResult, run
from improvement.sandbox.runtime import Bind
from tests.integration.sandbox.small_targets import measured, native
from tests.integration.sandbox.waiting import wait_for

LIMITS = Limits(seconds=10)
FAMILY = Family("a project")


@pytest.fixture(autouse=True)
def _allowed() -> Iterator[None]:
    """Begin without any zygote, and leave none."""
    levels.require(spawn.FULL)
    levels.try_zygotes()
    assert zygotes.allowed(), zygotes.why_not()
    zygotes.retire_all()
    yield
    zygotes.allow(True)
    zygotes.retire_all()


def asked(solution: str, family: Family | None = FAMILY, *, limits: Limits = LIMITS, **more: object) -> RunResult:
    """Let a candidate answer one call."""
    call = {"id": 1, "module": "solution", "function": "answer", "args": [], "kwargs": {}}
    files = {"solution.py": solution.encode()}
    program = Program("candidate", files=files, arguments=("solution.py",), family=family)
    return run(replace(program, **more), limits=limits, messages=(json.dumps(call).encode(),))  # type: ignore[arg-type]


def answer(solution: str, family: Family | None = FAMILY, **more: object) -> object:
    """Return what the candidate answered."""
    result = asked(solution, family, **more)  # type: ignore[arg-type]
    assert result.lines, result
    return json.loads(result.lines[0])["value"]


def ours() -> list[int]:
    """Return the zygotes of this process."""
    return [
        pid
        for pid in memory.processes(os.getpid())
        if b"\0zygote\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
        and Path(f"/proc/{pid}/comm").read_text().strip() != "bwrap"
    ]


def test_one_zygote_serves_many_jobs_of_a_project_and_no_job_of_another() -> None:
    for _ in range(3):
        answer("def answer(): return 1")
    assert len(ours()) == 1
    answer("def answer(): return 1", Family("another project"))
    assert len(ours()) == 2
    answer("def answer(): return 1", None)
    assert len(ours()) == 2


def test_a_job_leaves_nothing_to_the_next_one() -> None:
    leave = """
import json, os, sys
def answer():
    json.dumps = None
    sys.modules["countersign_was_here"] = sys
    os.environ["LEFT"] = "1"
    for folder in ("/tmp", "/dev/shm"):
        open(folder + "/left", "w").close()
    return os.getpid()
"""
    look = """
import json, os, sys
def answer():
    left = [name for name in ("LEFT",) if name in os.environ] + os.listdir("/tmp") + os.listdir("/dev/shm")
    left += [name for name in ("countersign_was_here",) if name in sys.modules]
    return [*left, json.dumps is None, os.getpid()]
"""
    assert answer(leave) == 1
    assert answer(look) == [False, 1]


def test_what_the_zygote_holds_is_out_of_sight() -> None:
    look = """
import os
def answer():
    hidden = [os.listdir(folder) for folder in ("/proc", "/given", "/dev/pts", "/tmp")]
    return [*hidden, os.listdir("/job"), os.path.exists("/given/proc/self"), os.path.exists("/dev/ptmx"), os.getppid()]
"""
    bind = Bind(trees.shared().put("some-numbers", lambda: {"numbers.txt": b"1 2 3"}), "/job/data")
    assert answer(look) == [[], [], [], [], ["solution.py"], False, False, 0]
    assert sorted(answer(look, binds=(bind,))[4]) == ["data", "solution.py"]  # type: ignore[index]
    assert answer(look, binds=(bind,))[:4] == [[], [], [], []]  # type: ignore[index]


def test_modules_are_there_from_the_start_and_chance_is_not_shared() -> None:
    solution = "import sys\nhad = 'numpy' in sys.modules\nimport numpy, random\n"
    solution += "def answer(): return [had, float(numpy.random.random()), random.random()]"
    one, two = (answer(solution, Family("numerical", ("numpy",))) for _ in "12")
    assert isinstance(one, list)
    assert isinstance(two, list)
    assert (one[0], two[0]) == (True, True)
    assert len({*one[1:], *two[1:]}) == 4
    assert answer(solution)[0] is False  # type: ignore[index]


def test_packages_folders_are_listed_before_the_first_import() -> None:
    solution = """
import sys
listed = [bool(sys.path_importer_cache[path]._path_cache) for path in sys.path if path.startswith("/site")]
def answer(): return listed
"""
    assert answer(solution) == [True] * len(runtime.locate().site)


@pytest.mark.parametrize("family", [FAMILY, None], ids=["forked", "from nothing"])
def test_what_evaluators_import_is_not_there_for_candidates(family: Family | None) -> None:
    solution = "try: import countersign\nexcept ImportError as error: said = str(error)\ndef answer(): return said"
    assert answer(solution, family) == "No module named 'countersign'"


def test_a_module_that_is_missing_is_missed_by_the_job_alone() -> None:
    assert answer("def answer(): return 1", Family("hopeful", ("no_such_module", "numpy"))) == 1


def test_a_program_whose_module_has_a_name_that_is_taken_is_started_from_nothing() -> None:
    taken = Family("clash", ("numpy",), frozenset({"numpy"}))
    assert answer("import sys\ndef answer(): return 'numpy' in sys.modules", taken) is False


def test_binds_are_seen_where_they_belong_and_only_to_be_read() -> None:
    folder = trees.shared().put("some-numbers", lambda: {"numbers.txt": b"1 2 3"})
    look = """
def answer():
    try:
        open("/job/data/more", "w")
    except OSError as error:
        refused = error.errno
    return [open("/job/data/numbers.txt").read(), refused]
"""
    bind = Bind(folder, "/job/data")
    assert answer(look, binds=(bind,)) == answer(look, None, binds=(bind,)) == ["1 2 3", 30]


def test_a_worn_zygote_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nursery, "MOST_JOBS", 2)
    seen = set()
    for _ in range(5):
        answer("def answer(): return 1")
        seen.update(ours())
    assert len(seen) == 3


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nursery, "MOST_ZYGOTES", 2)
    for name in "abcd":
        answer("def answer(): return 1", Family(name))
    assert len(ours()) <= 3  # the one that just retired may still be on its way out


def test_a_killed_zygote_is_made_anew() -> None:
    assert measured(native(), "def double(n): return 2 * n").outcome is Outcome.OK
    killed = ours()
    assert len(killed) == 2
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    again = [measured(native(), "def double(n): return 2 * n").outcome for _ in "12"]
    assert again == [Outcome.OK, Outcome.OK]
    assert not set(killed) & set(ours())


def test_one_that_did_not_start_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nursery, "RETRY_SECONDS", 0.5)
    with monkeypatch.context() as broken:
        broken.setattr(bubblewrap, "zygote_arguments", lambda *_, **__: ["/bin/false"])
        assert answer("def answer(): return 1") == 1
    assert (zygotes.why_not() != "", ours()) == (True, [])
    assert wait_for(lambda: answer("def answer(): return 1") == 1 and len(ours()) == 1, seconds=10)


def test_files_beyond_the_limit_are_refused_however_it_was_started() -> None:
    flood = "import os\ndef answer():\n    for n in range(10**6): os.close(os.open(f'/tmp/{n}', os.O_CREAT))"
    few = replace(LIMITS, tmp_files=500)
    forked = asked(flood, limits=few)
    assert b"No space left" in forked.lines[0]
    assert asked(flood, None, limits=replace(few, seconds=5)).cause is Cause.FILES


def test_processor_time_and_exit_of_a_job_are_its_own() -> None:
    burn = "import os, time\ndef answer():\n    while time.process_time() < 0.4: pass\n    os._exit(7)"
    result = asked(burn)
    assert (result.cause, result.code) == (Cause.EXIT, 7)
    assert 0.35 < result.cpu_seconds < 1.5


def test_a_large_answer_and_many_files_travel_whole() -> None:
    files = {f"part_{number}.py": b"x = 1\n" for number in range(300)} | {
        "solution.py": b"import os\ndef answer(): return [len(os.listdir('/job')), 'x' * 2_000_000]"
    }
    count, text = answer("", files=files)  # type: ignore[misc]
    assert (count, len(text)) == (301, 2_000_000)


def test_two_jobs_of_a_zygote_cannot_meet_by_a_name_of_a_socket() -> None:
    """They share its network, and a socket of a pair, let go by its other half, would take letters from anybody."""
    named = """
import ctypes, socket
def attempt(action):
    try:
        action()
    except PermissionError:
        return "refused"
    return "done"
def answer():
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return [
        attempt(lambda: one.bind(b"\\0a meeting place")),
        attempt(lambda: one.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)),
        attempt(lambda: one.connect(b"\\0a meeting place")),
    ] + [one.send(b"x"), one.getsockname()]
"""
    assert answer(named) == ["refused", "refused", "refused", 1, ""]
