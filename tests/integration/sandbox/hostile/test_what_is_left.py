"""What hostile candidates try, and what is left of it: nothing on the host, and nothing for the next one."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from improvement.engine.measurement import Stage
from improvement.sandbox import launcher, memory
from improvement.sandbox.limits import Limits
from improvement.sandbox.measure import measure
from improvement.sandbox.process import Cause
from improvement.sandbox.runner import run
from tests.integration.sandbox.small_targets import measured, native
from tests.integration.sandbox.waiting import wait_for

pytestmark = pytest.mark.usefixtures("both_ways")

CHECKOUT = Path(__file__).parents[4]
ASKS = """
def evaluate(candidate, *, seed, stage, case):
    return {"metrics": {"score": 1}, "feedback": repr(candidate.call("answer"))}
"""

WAITS = "import time\ndef answer():\n    time.sleep(0.5)\n    return 1"


def said(solution: str) -> str:
    """What the candidate's ``answer`` returned, or how it failed."""
    result = measured(native(ASKS), solution)
    return result.feedback or result.message


def test_there_are_five_descriptors(tmp_path: Path) -> None:
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


def test_results_of_a_run_do_not_reach_the_next_one() -> None:
    write = "def answer():\n    open('/tmp/mark', 'w').close(); open('/dev/shm/mark', 'w').close(); return 'written'"
    read = "import os\ndef answer():\n    return os.listdir('/tmp') + os.listdir('/dev/shm')"
    assert (said(write), said(read)) == ("'written'", "[]")


def test_shared_pages_are_counted_once() -> None:
    hold = "hold = bytearray(60 << 20)\nhold[::4096] = b'x' * 15360\n"
    code = f"import os, time\n{hold}os.fork(); os.fork()\ntime.sleep(0.4)"
    result = run([*python(code)], limits=Limits(seconds=20, memory_mb=150))
    assert (result.cause, result.code) == (Cause.EXIT, 0)


def test_a_candidate_is_nobody_without_rights_on_the_host() -> None:
    """Seen from the host: another identity when it is root's worker, no capability, a filter, no new rights."""
    seen: dict[int, dict[str, str]] = {}

    def look() -> bool:
        for pid in memory.processes(os.getpid()):
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


def test_memory_is_counted_though_the_first_thread_has_ended() -> None:
    code = (
        "import ctypes, threading, time\n"
        "def hold():\n    kept = bytearray(200 << 20)\n    kept[::4096] = b'x' * 51200\n    time.sleep(20)\n"
        "threading.Thread(target=hold).start()\nimport platform\n"
        "ctypes.CDLL(None).syscall(60 if platform.machine() == 'x86_64' else 93, 0)"
    )
    result = run([*python(code)], limits=Limits(seconds=20, memory_mb=100))
    assert (result.cause, result.seconds < 10) == (Cause.MEMORY, True)


def test_jobs_cannot_meet_at_a_terminal() -> None:
    tries = "import os\ndef answer():\n    return [name for name in os.listdir('/dev/pts') if name != 'ptmx']"
    assert said(tries) == "[]"
