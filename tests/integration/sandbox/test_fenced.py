"""Where no namespaces can be made: Landlock and a stricter filter hold candidates, and nothing of them stays."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from improvement.engine.measurement import Outcome
from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import fenced, kernel, launcher, nursery, seccomp, selftest, spawn, trees
from improvement.sandbox.limits import Limits
from improvement.sandbox.process import Cause
from improvement.sandbox.runner import RunResult, run
from improvement.sandbox.strategy import StrategyProcess
from tests.integration.sandbox.small_targets import measured, native, openevolve
from tests.integration.sandbox.waiting import wait_for

CHECKOUT = Path(__file__).parents[3]
ASKS = """
def evaluate(candidate, *, seed, stage, case):
    return {"metrics": {"score": 1}, "feedback": repr(candidate.call("answer"))}
"""


WRITES = """
import os, time
def write(name):
    file = os.open(name, os.O_CREAT | os.O_RDWR)
    os.write(file, bytes(2 << 20))
    return file
"""


@pytest.fixture(autouse=True, params=[spawn.FENCED, spawn.LIMITED])
def level(request: pytest.FixtureRequest) -> Iterator[int]:
    """Start everything at this level, and leave no zygote of it."""
    with spawn.at(request.param):
        yield request.param
    nursery.shared().retire_all()
    assert folders() == []


def folders() -> list[Path]:
    """The folders of jobs that were not deleted."""
    return list(Path(trees.shared().root).glob("run-*"))


def said(solution: str, **limits: float) -> str:
    """What the candidate's ``answer`` returned, or how it failed."""
    result = measured(native(ASKS, **limits), solution)
    return result.feedback or result.message


def script(code: str, limits: Limits | None = None) -> RunResult:
    """Run code with the sandbox's interpreter."""
    return run(["python3", "-S", "-P", "-c", textwrap.dedent(code)], limits=limits or Limits())


def test_evaluations_are_as_at_the_full_level(level: int) -> None:
    result = measured(native(), "import numpy\ndef double(n): return int(numpy.int64(2) * n)")
    assert (result.outcome, result.metrics, result.level) == (Outcome.OK, {"score": 3.0}, level)
    cooperative = openevolve(
        "import runpy\ndef evaluate(path): return {'combined_score': runpy.run_path(path)['answer']()}"
    )
    assert measured(cooperative, "def answer(): return 4").metrics == {"combined_score": 4.0}


def test_a_candidate_finds_its_own_files_and_what_is_visible_to_it() -> None:
    evaluator = ASKS.replace("def evaluate", "import secrets_of_the_evaluator\ndef evaluate")
    more = {"data/given.txt": "given", "secrets_of_the_evaluator.py": "answer = 42"}
    task = native(evaluator, visible=("data/given.txt",), more=more)
    solution = """
    import pathlib
    here = pathlib.Path(__file__).parent
    def answer():
        return [(here / "data/given.txt").read_text(), sorted(path.name for path in here.iterdir())]
    """
    assert measured(task, solution).feedback == "['given', ['data', 'solution.py']]"


def test_a_strategy_converses() -> None:
    echo = b"import json, sys\nfor line in sys.stdin: print(json.dumps({'said': json.loads(line)}))"
    with StrategyProcess({"main.py": echo}) as strategy:
        assert [strategy.request({"n": n}, 10) for n in (1, 2)] == [{"said": {"n": 1}}, {"said": {"n": 2}}]


def test_every_attempt_of_the_self_test_is_held(level: int) -> None:
    tests = selftest.run(level)
    assert [test for test in tests if not test.held] == []
    assert len(tests) >= 19


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/passwd').read()",
        "open('/proc/self/environ').read()",
        "os.listdir('/')",
        "os.listdir('..')",
        "os.mkdir({victim!r} + '5')",
        "os.kill(os.getppid(), 0)",
        "open({victim!r}).read()",
        "os.symlink({victim!r}, 'link') or open('link').read()",
        "open({victim!r}, 'a')",
        "open({victim!r} + '2', 'w')",
        "os.link({victim!r}, {victim!r} + '3')",
        "os.truncate({victim!r}, 1)",
        "os.rename({victim!r}, {victim!r} + '4')",
        "os.remove({victim!r})",
    ],
)
def test_landlock_refuses_what_would_work_without_it(attempt: str, level: int, victim: Path) -> None:
    assert tried(attempt, victim) == ("refused" if level == spawn.FENCED else "done")
    assert level == spawn.LIMITED or victim.read_text() == "untouched"


@pytest.mark.parametrize("level", [spawn.LIMITED], indirect=True)
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    "attempt",
    [
        "os.chmod({victim!r}, 0o604)",
        "os.utime({victim!r})",
        "resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
        "os.sched_setaffinity(os.getppid(), os.sched_getaffinity(0))",
        "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
        "fcntl.flock(open(os.__file__), fcntl.LOCK_SH)",
        "fcntl.lockf(open(os.__file__), fcntl.LOCK_SH)",
        "fcntl.fcntl(open({victim!r}), fcntl.F_SETLEASE, fcntl.F_RDLCK)",
        "fcntl.ioctl(open({victim!r}), 2, bytes(4))",
    ],
)
def test_the_filter_refuses_what_would_work_without_it(
    attempt: str, whole: bool, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = seccomp.program
    monkeypatch.setattr(seccomp, "program", lambda *, contained: program(contained=contained or not whole))
    nursery.shared().retire_all()
    assert tried(attempt, victim) == ("refused" if whole else "done")


@pytest.fixture
def victim() -> Iterator[Path]:
    """A file and a folder that belong to the very user that jobs are run as."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        file = Path(folder, "victim")
        file.write_text("untouched")
        for path in (Path(folder), file):
            path.chmod(0o755)
            if os.geteuid() == 0:
                os.chown(path, launcher.SANDBOX_ID, launcher.SANDBOX_ID)
        yield file


def tried(attempt: str, victim: Path) -> str:
    """Let a job try something."""
    code = f"""
    import fcntl, os, resource
    try:
        {attempt.format(victim=str(victim))}
        print("done")
    except OSError:
        print("refused")
    """
    return script(code).log.strip()


def test_a_pair_of_sockets_and_processes_of_its_own_are_allowed() -> None:
    code = """
    import os, signal, socket, subprocess
    one, two = socket.socketpair()
    one.send(b"x")
    child = os.fork()
    if child == 0: signal.pause()
    os.kill(child, signal.SIGTERM)
    print(two.recv(1), os.waitpid(child, 0)[1], subprocess.run(["echo", "fine"], capture_output=True).stdout)
    """
    assert script(code).log.strip() == "b'x' 15 b'fine\\n'"


def test_whatever_a_job_leaves_behind_ends_with_it() -> None:
    code = """
    import os, signal, time
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork(): os._exit(0)
            for number in range(1, 32):
                try: signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError): pass
            os.execlp("sleep", "sleep", "62.5")
    time.sleep(0.2)
    """
    assert script(code).code == 0
    assert sleepers() == []


def test_a_fork_bomb_is_bounded_and_ends() -> None:
    code = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    result = script(code, Limits(seconds=1))
    assert result.cause is Cause.TIMEOUT
    assert script("print('fine')").log == "fine\n"


def test_memory_of_what_was_left_behind_is_counted() -> None:
    code = """
    import os, time
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork(): os._exit(0)
            hold = bytearray(60 << 20)
            hold[::4096] = b"x" * len(hold[::4096])
            time.sleep(20)
    time.sleep(20)
    """
    result = script(code, Limits(seconds=20, memory_mb=100))
    assert (result.cause, result.seconds < 5) == (Cause.MEMORY, True)


@pytest.mark.parametrize(
    "code",
    [
        "import time\nfor n in range(100): open(str(n), 'wb').write(bytes(1 << 20))\ntime.sleep(20)",
        "import time\nfor n in range(500): open(str(n), 'w').close()\ntime.sleep(20)",
        "import os, time\nfor n in range(200): os.mkdir('d'); os.chdir('d')\ntime.sleep(20)",
        f"{WRITES}\nheld = []\nfor n in range(10): held.append(write('f')); os.unlink('f')\ntime.sleep(20)",
        f"{WRITES}\nfor n in range(20): os.mkdir('d' * 250); os.chdir('d' * 250)\n"
        "for n in range(10): write(str(n))\ntime.sleep(20)",
        f"{WRITES}\nimport mmap, ctypes\nfor n in range(10):\n"
        "    file = write('f'); ctypes.CDLL(None).mmap(None, 4096, 1, 1, file, 0); os.close(file); os.unlink('f')\n"
        "time.sleep(20)",
        f"{WRITES}\nos.mkdir('0'); os.chdir('0')\nfor n in range(10): write(str(n))\nos.chdir('..')\n"
        "for n in range(10**7): os.rename(str(n), str(n + 1))",
    ],
    ids=["large", "many", "deep", "without a name", "out of a path's reach", "only mapped", "always elsewhere"],
)
def test_too_much_in_the_temporary_folder_ends_the_job(code: str) -> None:
    result = script(code, Limits(seconds=20, tmp_mb=8, tmp_files=400))
    assert (result.cause, result.seconds < 5) == (Cause.FILES, True)


def test_room_is_not_taken_without_writing() -> None:
    code = """
    import os
    for n in range(40):
        os.posix_fallocate(os.open(str(n), os.O_CREAT | os.O_WRONLY), 0, 50 << 20)
    """
    assert script(code, Limits(tmp_mb=8, seconds=20)).cause is Cause.FILES


def test_files_that_come_and_go_are_no_reason_to_end_a_job() -> None:
    code = """
    import tempfile, time
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as file:
            open(folder + "/one", "w").close()
            file.write(b"x" * 4096)
    print("fine")
    """
    assert script(code).log == "fine\n"


def test_what_cannot_be_entered_is_deleted_all_the_same() -> None:
    script("import os\nfor n in range(1500): os.mkdir('d'); os.chdir('d')\nos.mkdir('closed', 0)")
    assert folders() == []


def test_killing_the_host_process_ends_its_jobs(level: int) -> None:
    code = f"""
    from improvement.sandbox import spawn
    from improvement.sandbox.runner import run
    from improvement.sandbox.limits import Limits
    spawn.use({level})
    run(["/bin/sh", "-c", "setsid sleep 62.5 & sleep 62.5"], limits=Limits(seconds=60))
    """
    host = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=CHECKOUT)
    assert wait_for(lambda: len(sleepers()) == 2)
    host.kill()
    host.wait()
    assert wait_for(lambda: sleepers() == [])


def test_a_zygote_that_could_not_start_once_stops_no_later_measurement(level: int) -> None:
    def killed() -> nursery.Zygote:
        raise SandboxUnavailable("it was killed")

    assert nursery.shared().start(nursery.Kind("any", "", (), 1), killed, nursery.Order(b""), nursery.Job) is None
    result = measured(native(), "def double(n): return 2 * n")
    assert (result.outcome, result.level) == (Outcome.OK, level), result


def test_an_old_kernel_has_no_second_level(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "landlock_version", lambda: fenced.NEWEST_SCOPES - 1)
    if level == spawn.FENCED:
        with pytest.raises(SandboxUnavailable, match=r"Linux 6\.12"):
            script("pass")
    else:
        assert script("pass").code == 0


def sleepers() -> list[str]:
    """The processes of these tests' odd sleep."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found.append((entry / "cmdline").read_text())
            except OSError:
                continue
    return [line for line in found if line.startswith("sleep\0") and "62.5" in line]
