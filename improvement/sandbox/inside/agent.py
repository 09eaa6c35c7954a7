"""A program that edits a working copy: it is run once in a copy made here, and what it changed is sent to the host.

What the program may connect to is listened on here, in the sandbox's own network, and handed to the host before the
program starts: no process inside stands between the two.
"""

from __future__ import annotations

import os
import signal

from improvement.sandbox.inside.wire import Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOOPBACK = "127.0.0.1"
WAITING = 64
FOLDER, HOME = "/tmp/work", "/tmp/home"
TASK = "TASK.md"
MOST_BYTES = 1_000_000
MOST_NAMES = 2_000


def agent(reading: int, writing: int, _arguments: list[str]) -> None:
    """Carry out the one order that the host sends: {ports, files, task, argv, environment, seconds}."""
    wire = Wire(reading, writing)
    order = wire.receive()
    hand_out(order["ports"])
    for descriptor in (reading, writing):
        os.set_inheritable(descriptor, False)
    begin(order["files"], order["task"])
    wire.send({"ended": run(order["argv"], order["environment"], order["seconds"]), **changes(order["files"])})
    os._exit(0)


def hand_out(ports: list[int]) -> None:
    """Listen on these ports and give the host the sockets, over standard input, which then is nothing."""
    import socket

    with socket.socket(fileno=0) as way:
        listening = [socket.create_server((LOOPBACK, port), backlog=WAITING) for port in ports]
        if listening:
            socket.send_fds(way, [b"listening"], [one.fileno() for one in listening])
        for one in listening:
            one.close()
    if os.open("/dev/null", os.O_RDONLY) != 0:
        raise OSError("standard input is taken")
    os.set_inheritable(0, True)


def begin(files: dict[str, str], task: str) -> None:
    """Make the working copy: the files, committed where there is git, and the task, which git ignores."""
    os.makedirs(HOME)
    for path, text in files.items():
        write(f"{FOLDER}/{path}", text)
    commit()
    write(f"{FOLDER}/{TASK}", task)
    os.chdir(FOLDER)


def write(path: str, text: str) -> None:
    """Write a file, and the folders above it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def commit() -> None:
    """Make one commit of the working copy, as far as there is git: many agents look for one."""
    import shutil
    import subprocess

    git = shutil.which("git")
    if git is None:
        return
    write(f"{HOME}/.gitconfig", "[user]\n\tname = agent\n\temail = agent@localhost\n[init]\n\tdefaultBranch = main\n")
    environment = {**os.environ, "HOME": HOME}
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Start"]):
        subprocess.run([git, *arguments], cwd=FOLDER, env=environment, check=True)
    write(f"{FOLDER}/.git/info/exclude", f"/{TASK}\n")


class OutOfTime(Exception):
    """The program's time is over."""


def run(argv: list[str], environment: dict[str, str], seconds: float) -> dict[str, Any]:
    """Run the program to its end or until its time is over, and end what it leaves behind."""
    os.environ.pop("PYTHONPATH")  # the program may be Python, with packages of its own
    os.environ.update({"HOME": HOME, **environment})
    try:
        child = os.posix_spawnp(argv[0], argv, os.environ, setsid=True)
    except OSError as error:
        return {"how": "not_started", "status": 127, "why": f"{argv[0]}: {error.strerror}"}
    try:
        status = waited(child, seconds)
    except OutOfTime:
        return {"how": "timeout", "status": 124, "why": ""}
    finally:
        end_the_rest()
    code = os.waitstatus_to_exitcode(status)
    return {"how": "signal" if code < 0 else "exit", "status": abs(code), "why": ""}


def waited(child: int, seconds: float) -> int:
    """Reap whatever ends until this child has, and return its status; OutOfTime after so many seconds."""

    def ring(_number: int, _frame: object) -> None:
        raise OutOfTime

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        while True:
            process, status = os.wait()
            if process == child:
                return status
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def end_the_rest() -> None:
    """End every other process of the sandbox, daemons among them."""
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.wait()
    except (ProcessLookupError, ChildProcessError):
        return


def changes(given: dict[str, str]) -> dict[str, Any]:
    """Say what is different now: ``files`` path to text, ``removed`` paths, ``others`` as [path, why not taken]."""
    os.chdir("/")
    found = paths()
    files: dict[str, str] = {}
    others: list[list[str]] = []
    room = MOST_BYTES
    for path in sorted(found, key=lambda path: (path not in given, path)):
        text, why = read(path, room)
        if text is None:
            others.append([path, why])
        elif text != given.get(path):
            files[path] = text
            room -= len(text.encode("utf-8"))
    return {"files": files, "removed": sorted(set(given) - found), "others": others[:MOST_NAMES]}


def paths() -> set[str]:
    """List what lies in the working copy, as far as names are text, apart from git's own and the task."""
    found: set[str] = set()
    for folder, folders, names in os.walk(FOLDER):
        if folder == FOLDER:
            folders[:] = [name for name in folders if name != ".git"]
        links = [name for name in folders if os.path.islink(f"{folder}/{name}")]
        for name in (*names, *links):
            path = f"{folder}/{name}"[len(FOLDER) + 1 :]
            if path != TASK and path.isprintable() and len(found) < MOST_NAMES:
                found.add(path)
    return found


def read(path: str, room: int) -> tuple[str | None, str]:
    """Return a plain file's text; or None, and why it is not taken."""
    import stat

    try:
        descriptor = os.open(f"{FOLDER}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None, "it is no plain file"
    with open(descriptor, "rb") as file:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            return None, "it is no plain file"
        if seen.st_size > room:
            return None, "it is too large"
        data = file.read(room + 1)
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        return None, "it is not text"
