"""A program that edits a working copy reaches its copy and the doors that the host opens, and nothing else."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from improvement.exceptions import Halted, Invalid, SandboxUnavailable
from improvement.sandbox import levels, running, spawn
from improvement.sandbox.agent import LIMITS, Edited, Errand, edit
from improvement.sandbox.gate import Door
from improvement.sandbox.limits import Limits
from tests.waiting import wait_until

FILES = {"f.py": "def number():\n    return 1\n", "notes/read.txt": "given\n"}
SECRET = "a secret of the host"


@pytest.fixture(autouse=True)
def _full_profile() -> None:
    levels.require(spawn.FULL)


def run(program: str, *, seconds: float = 10, limits: Limits = LIMITS, doors: dict[int, Door] | None = None) -> Edited:
    """Run a Python program on the working copy."""
    return edit(Errand(("python3", "-c", program), FILES, "Make it 2.\n", seconds, doors=doors or {}), limits=limits)


def shell(script: str, *, seconds: float = 10) -> Edited:
    return edit(Errand(("sh", "-c", script), FILES, "Make it 2.\n", seconds))


def test_what_a_program_changes_comes_back() -> None:
    done = shell("sed -i s/1/2/ f.py; echo more > more.txt; rm notes/read.txt; cat TASK.md; exit 3")
    assert (done.how, done.status) == ("exit", 3)
    assert done.files == {"f.py": FILES["f.py"].replace("1", "2"), "more.txt": "more\n"}
    assert done.removed == ("notes/read.txt",)
    assert done.log == "Make it 2.\n"


def test_a_program_that_changes_nothing_leaves_nothing() -> None:
    done = shell("touch f.py; git status --porcelain; git log --format=%s")
    assert (done.files, done.removed, dict(done.others), done.log) == ({}, (), {}, "Start\n")


def test_what_is_no_plain_text_is_named_and_not_taken() -> None:
    done = shell(
        "ln -s /etc/passwd link; ln -sf /etc/passwd f.py; printf '\\377' > binary;"
        " head -c 1100000 /dev/zero > large; mkdir deep; ln -s /usr deep/folder"
    )
    assert done.files == {}
    assert dict(done.others) == {
        "f.py": "it is no plain file",
        "link": "it is no plain file",
        "binary": "it is not text",
        "large": "it is too large",
        "deep/folder": "it is no plain file",
    }


def test_a_program_that_hangs_is_ended_and_what_it_did_counts() -> None:
    done = shell("sed -i s/1/2/ f.py; sleep 60", seconds=1)
    assert (done.how, done.status, list(done.files)) == ("timeout", 124, ["f.py"])
    assert done.seconds < 8


def test_daemons_do_not_outlive_it() -> None:
    done = shell(
        "(setsid nohup sleep 77 >/dev/null 2>&1 &) ; (setsid sh -c 'sleep 1; echo late > late.txt' &) ; exit 0"
    )
    assert (done.how, dict(done.files)) == ("exit", {})


def test_printing_without_end_ends_it() -> None:
    done = run("while True: print('x' * 1000)", limits=replace(LIMITS, output_kb=256))
    assert (done.how, done.why) == ("output_flood", "it wrote more than allowed")
    assert done.log.endswith("x\n")


MANY = "import os, time\nfor _ in range(6):\n    if os.fork() == 0: break\nx = b'1' * (40 << 20)\ntime.sleep(20)"


@pytest.mark.parametrize(
    ("program", "changed", "how", "said"),
    [
        (MANY, {"memory_mb": 120}, "memory", ""),
        ("import os\nwhile True:\n    os.fork()", {"processes": 40}, "exit", "BlockingIOError"),
        ("open('big', 'wb').write(bytes(20 << 20))", {"file_mb": 8}, "exit", "File too large"),
        ("for n in range(9): open(str(n), 'wb').write(bytes(4 << 20))", {"tmp_mb": 16}, "exit", "No space left"),
    ],
)
def test_it_takes_no_more_than_its_limits(program: str, changed: dict[str, int], how: str, said: str) -> None:
    done = run(program, limits=replace(LIMITS, **changed), seconds=5)  # type: ignore[arg-type]
    assert (done.how, done.files) == (how, {})
    assert said in done.log


def test_what_it_puts_into_sockets_counts_as_memory() -> None:
    program = """
import socket, time
listening = socket.create_server(("127.0.0.1", 7777), backlog=200)
held = []
for _ in range(60):
    held.append(socket.create_connection(("127.0.0.1", 7777)))
    held[-1].setblocking(False)
    try:
        while True: held[-1].send(bytes(1 << 16))
    except BlockingIOError: pass
time.sleep(20)
"""
    assert run(program, limits=replace(LIMITS, memory_mb=200), seconds=8).how == "memory"


def test_a_program_that_is_not_there_is_named() -> None:
    done = edit(Errand(("no-such-agent",), FILES, "", 5))
    assert (done.how, done.status, done.why) == ("not_started", 127, "no-such-agent: No such file or directory")


def test_the_doors_lead_to_the_host_and_nowhere_else() -> None:
    heard: list[bytes] = []

    def door(connection: socket.socket) -> None:
        heard.append(connection.recv(100))
        connection.sendall(b"from the host")

    done = run(
        "import socket\nway = socket.create_connection(('127.0.0.1', 8001))\nway.sendall(b'from inside')\n"
        "print(way.recv(100).decode())",
        doors={8001: door, 8002: door},
    )
    assert (done.log, heard) == ("from the host\n", [b"from inside"])


@pytest.fixture
def listening() -> Iterator[tuple[int, list[object]]]:
    """A server of this machine that writes down who connects."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    came.append(server.accept()[1])
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)


def test_no_other_network_is_reached(listening: tuple[int, list[object]]) -> None:
    port, came = listening
    done = run(f"""
import socket
def attempt(name, what):
    try:
        print(name, "done:", what())
    except OSError as error:
        print(name, type(error).__name__, error.errno)
def tcp(host, port):
    socket.create_connection((host, port), 2)
    return "connected"
def send(host):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"secret", (host, 53))
    return "sent"
attempt("host", lambda: tcp("127.0.0.1", {port}))
attempt("outside", lambda: tcp("192.0.2.1", 80))
attempt("metadata", lambda: tcp("169.254.169.254", 80))
attempt("dns", lambda: send("192.0.2.53"))
attempt("lookup", lambda: socket.getaddrinfo("secret.example.org", 80))
for family in (1, 10, 16, 17, 38, 40):
    attempt(f"family {{family}}", lambda: socket.socket(family, socket.SOCK_DGRAM))
""")
    assert "done" not in done.log
    assert len(done.log.splitlines()) == 11
    assert came == []


def test_it_sees_nothing_of_the_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    (tmp_path / "evaluator.py").write_text(SECRET)
    done = shell(
        f"env; cat {tmp_path}/evaluator.py {Path(__file__)} /etc/shadow; cat /proc/*/environ; ls /root /home /job"
    )
    assert SECRET not in done.log
    assert "No such file or directory" in done.log
    assert "Permission denied" not in done.log.split("/etc/shadow")[0]


@pytest.fixture
def programs() -> Iterator[Path]:
    """A folder that everybody can read, outside of /tmp, where a root worker's launcher has mounts of its own."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_programs_are_seen_where_they_are_and_cannot_be_changed(programs: Path) -> None:
    agent = programs / "my-agent"
    agent.write_text("#!/bin/sh\nsed -i s/1/2/ f.py; echo changed > $0; echo more > $(dirname $0)/more\n")
    agent.chmod(0o755)
    done = edit(Errand(("my-agent",), FILES, "", 5, programs=(str(programs),)))
    assert (list(done.files), [path.name for path in programs.iterdir()]) == (["f.py"], ["my-agent"])
    with pytest.raises(Invalid, match="COUNTERSIGN_AGENT_PATHS names /no/where, which is not there"):
        edit(Errand(("x",), FILES, "", 5, programs=("/no/where",)))


def test_the_stop_ends_it_within_two_seconds() -> None:
    stopping = threading.Event()

    def stop() -> bool:
        return stopping.is_set()

    def wait_and_stop() -> None:
        wait_until(lambda: running.shared().count == 1, seconds=10, what="the program runs")
        stopping.set()

    stopper = threading.Thread(target=wait_and_stop)
    stopper.start()
    errand = Errand(("sh", "-c", "trap '' TERM; sleep 60"), FILES, "", 60)
    with pytest.raises(Halted):
        edit(errand, stop=stop)
    stopper.join()
    assert running.shared().count == 0


def test_a_door_that_is_in_use_does_not_hold_up_the_end() -> None:
    def silent(connection: socket.socket) -> None:
        connection.recv(10)

    began = time.monotonic()
    done = run(
        "import socket, time\nways = [socket.create_connection(('127.0.0.1', 8001)) for _ in range(5)]\n"
        "import os; os._exit(0)",
        doors={8001: silent},
    )
    assert (done.how, time.monotonic() - began < 8) == ("exit", True)


def test_below_the_full_profile_nothing_is_run() -> None:
    with spawn.at(spawn.FENCED), pytest.raises(SandboxUnavailable, match="at sandbox level 3 alone"):
        shell("true")
