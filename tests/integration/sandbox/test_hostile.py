"""What hostile candidates try, and what is left of it: nothing on the host, and nothing for the next one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from improvement.engine.measurement import Outcome, Stage
from improvement.sandbox import launcher, memory
from improvement.sandbox.limits import Limits
from improvement.sandbox.measure import measure
from improvement.sandbox.process import Cause
from improvement.sandbox.runner import run
from tests.integration.sandbox.small_targets import measured, native
from tests.integration.sandbox.waiting import wait_for

pytestmark = pytest.mark.usefixtures("both_ways")

CHECKOUT = Path(__file__).parents[3]
ASKS = """
def evaluate(candidate, *, seed, stage, case):
    return {"metrics": {"score": 1}, "feedback": repr(candidate.call("answer"))}
"""

WAITS = "import time\ndef answer():\n    time.sleep(0.5)\n    return 1"


def said(solution: str, **limits: float) -> str:
    """What the candidate's ``answer`` returned, or how it failed."""
    result = measured(native(ASKS, **limits), solution)
    return result.feedback or result.message


def test_the_host_cannot_be_seen() -> None:
    marks = [
        str(CHECKOUT),
        str(Path.home()),
        tempfile.gettempdir() + "/pytest",
        "/etc/passwd",
        "/proc/self",
        "/sys/class",
    ]
    assert said(f"import os\ndef answer():\n    return [p for p in {marks!r} if os.path.exists(p)]") == "[]"


def test_the_environment_of_the_host_does_not_come_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "do not tell")
    assert "do not tell" not in said("import os\ndef answer():\n    return dict(os.environ)")


def test_descriptors_of_the_host_do_not_come_along(tmp_path: Path) -> None:
    secret = (tmp_path / "secret").open("w+")
    os.set_inheritable(secret.fileno(), True)
    look = """
    import os
    def answer():
        found = []
        for fd in range(1024):
            try:
                found.append([fd, oct(os.fstat(fd).st_mode)])
            except OSError:
                pass
        return [mode for fd, mode in found if not mode.startswith(("0o10", "0o20"))] + [len(found)]
    """
    assert said(look) == "[5]"  # pipes and /dev/null alone: the three standard ones and the channel
    secret.close()


def test_nothing_can_be_changed_but_the_scratch_folder() -> None:
    tries = """
    import os
    def answer():
        done = []
        for folder in ("/", "/job", "/inside", "/python", "/site/0", "/usr/bin", "/dev", "/tmp", "/dev/shm"):
            try:
                open(folder + "/mark", "w").close()
                done.append(folder)
            except OSError:
                pass
        for change, path in ((os.remove, "/job/solution.py"), (os.rmdir, "/job"), (os.unlink, "/bin")):
            try:
                change(path)
                done.append("changed")
            except OSError:
                pass
        return done
    """
    assert said(tries) == "['/tmp', '/dev/shm']"


def test_a_listening_socket_of_the_host_is_out_of_reach() -> None:
    name = f"\0countersign-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(name)
        listening.listen()
        assert "PermissionError" in said(
            f"import socket\ndef answer():\n    socket.socket(socket.AF_UNIX).connect({name!r})"
        )


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6, 16, 17, 38, 40])
def test_other_sockets_cannot_be_made(family: int) -> None:
    assert "PermissionError" in said(f"import socket\ndef answer():\n    socket.socket({int(family)}, socket.SOCK_RAW)")


def test_a_fork_bomb_is_bounded_and_the_next_candidate_is_not_affected() -> None:
    bomb = "import os, time\ndef answer():\n    while True:\n        if os.fork() == 0: time.sleep(60)"
    assert "BlockingIOError" in said(bomb, seconds=3)
    assert said("def answer(): return 'fine'") == "'fine'"


def test_processes_left_behind_end_with_the_run() -> None:
    leave = """
    import os, signal, time
    def answer():
        if os.fork() == 0:
            os.setsid()
            for number in range(1, 32):
                try: signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError): pass
            time.sleep(60)
        return "left"
    """
    assert said(leave) == "'left'"


def test_results_of_a_run_do_not_reach_the_next_one() -> None:
    write = "def answer():\n    open('/tmp/mark', 'w').close(); open('/dev/shm/mark', 'w').close(); return 'written'"
    read = "import os\ndef answer():\n    return os.listdir('/tmp') + os.listdir('/dev/shm')"
    assert (said(write), said(read)) == ("'written'", "[]")


def test_processor_time_is_bounded() -> None:
    result = run([*python("while True: pass")], limits=Limits(seconds=20, cpu_seconds=1))
    assert (result.cause, 0.5 < result.cpu_seconds < 2) == (Cause.CPU, True)


def test_memory_of_many_processes_is_bounded() -> None:
    code = (
        "import os, time\nos.fork(); os.fork()\nhold = bytearray(40 << 20)\nhold[::4096] = b'x' * 10240\ntime.sleep(20)"
    )
    result = run([*python(code)], limits=Limits(seconds=20, memory_mb=100))
    assert (result.cause, result.memory_mb > 100, result.seconds < 5) == (Cause.MEMORY, True, True)


def test_shared_pages_are_counted_once() -> None:
    hold = "hold = bytearray(60 << 20)\nhold[::4096] = b'x' * 15360\n"
    code = f"import os, time\n{hold}os.fork(); os.fork()\ntime.sleep(0.4)"
    result = run([*python(code)], limits=Limits(seconds=20, memory_mb=150))
    assert (result.cause, result.code) == (Cause.EXIT, 0)


def test_one_huge_allocation_is_refused_at_once() -> None:
    result = run([*python("bytearray(1 << 34)")], limits=Limits(seconds=20, memory_mb=100))
    assert (result.code, result.log.splitlines()[-1]) == (1, "MemoryError")


def test_a_core_dump_or_a_huge_file_is_not_written() -> None:
    code = "open('/tmp/big', 'wb').write(b'x' * (100 << 20))"
    result = run([*python(code)], limits=Limits(seconds=20, file_mb=8, tmp_mb=200))
    assert "File too large" in result.log or result.code == 128 + signal.SIGXFSZ


def test_a_candidate_is_nobody_without_rights_on_the_host() -> None:
    """Seen from the host: another identity when it is root's worker, no capability, a filter, no new rights."""
    seen: dict[int, dict[str, str]] = {}

    def look() -> bool:
        for pid in memory.tree(os.getpid()):
            with suppress(OSError):  # it has just ended
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
                depth, number = len(status["NSpid"].split()), status["NSpid"].split()[-1]
                if b"enter.pyc" in command and number == "1" and depth == (3 if b"\0zygote\0" in command else 2):
                    seen[pid] = status
        return False

    measure(native(ASKS), {"solution.py": WAITS}, stage=Stage.MEASURE, seed=1, stop=look)
    own = os.getuid() or launcher.SANDBOX_ID
    assert len(seen) == 2  # evaluator and candidate
    for status in seen.values():
        assert {key: status[key] for key in ("Uid", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")} == {
            "Uid": "\t".join([str(own)] * 4),
            "CapEff": "0" * 16,
            "CapBnd": "0" * 16,
            "NoNewPrivs": "1",
            "Seccomp": "2",
        }


def test_killing_the_host_process_ends_its_sandboxes() -> None:
    code = (
        "from improvement.sandbox.runner import run\n"
        "from improvement.sandbox.limits import Limits\n"
        "run(['/bin/sleep', '61.5'], limits=Limits(seconds=60))\n"
    )
    host = subprocess.Popen([sys.executable, "-c", code], cwd=CHECKOUT)
    assert wait_for(lambda: sleepers() != [])
    host.kill()
    host.wait()
    assert wait_for(lambda: sleepers() == [])


def test_a_forked_worker_starts_its_own_sandboxes() -> None:
    assert run(["/bin/true"]).code == 0
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            os._exit(run(["/bin/sh", "-c", "exit 7"]).code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [7, 7, 7]
    assert run(["/bin/true"]).code == 0


def test_no_descriptor_is_lost_over_many_runs() -> None:
    measured(native(), "def double(n): return 2 * n")  # what is kept for later is there now
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(10):
        run(["/bin/true"])
        measured(native(), "import os\ndef double(n): os._exit(1)")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("path", ["../escape.py", "/etc/escape.py", ""])
def test_a_file_outside_of_the_job_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not a path inside"):
        run(["/bin/true"], files={path: b""})


def test_blocked_is_not_failed() -> None:
    result = measured(native(ASKS), "import ctypes\ndef answer():\n    ctypes.CDLL(None).ptrace(0, 0, 0, 0)")
    assert (result.outcome, result.cause) == (Outcome.BLOCKED, "sandbox_violation")


def python(code: str) -> tuple[str, ...]:
    """A command line that runs code with the sandbox's interpreter."""
    return ("python3", "-S", "-P", "-c", code)


def sleepers() -> list[str]:
    """The processes of this test's odd sleep."""
    lines = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                lines.append((entry / "cmdline").read_text())
            except OSError:
                continue
    return [line for line in lines if line.startswith("/bin/sleep\0") and "61.5" in line]


def test_memory_that_no_limit_counts_cannot_be_had() -> None:
    tries = """
    import ctypes, os
    def answer():
        try:
            os.memfd_create("hold")
            return "memfd"
        except PermissionError:
            libc = ctypes.CDLL(None, use_errno=True)
            return libc.shmget(0, 1 << 20, 0o1600)
    """
    assert said(tries) == "-1"


def test_memory_is_counted_though_the_first_thread_has_ended() -> None:
    code = (
        "import ctypes, threading, time\n"
        "def hold():\n    kept = bytearray(200 << 20)\n    kept[::4096] = b'x' * 51200\n    time.sleep(20)\n"
        "threading.Thread(target=hold).start()\nimport platform\n"
        "ctypes.CDLL(None).syscall(60 if platform.machine() == 'x86_64' else 93, 0)"
    )
    result = run([*python(code)], limits=Limits(seconds=20, memory_mb=100))
    assert (result.cause, result.seconds < 10) == (Cause.MEMORY, True)


def test_jobs_cannot_meet_at_a_terminal_or_watch_each_other() -> None:
    tries = """
    import ctypes, os
    def answer():
        libc = ctypes.CDLL(None, use_errno=True)
        return [libc.inotify_init1(0), [name for name in os.listdir("/dev/pts") if name != "ptmx"]]
    """
    assert said(tries) == "[-1, []]"
