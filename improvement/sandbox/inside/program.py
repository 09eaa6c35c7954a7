"""A candidate in any language: its command is run for each call, with text in and text out.

What it leaves in files is read without following links, as plain files of its own alone, and travels to the host as the
answers of functions do.
"""

from __future__ import annotations

import os
import signal
import stat

from improvement.sandbox.inside.modules import job_folder
from improvement.sandbox.inside.wire import Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_BYTES = 600_000
"""What all outputs of one run may hold together: escaped as JSON it still fits into one message."""
PATHS = "/usr/local/bin:/usr/bin:/bin"


def program(reading: int, writing: int, arguments: list[str]) -> None:
    """Run the command of ``arguments`` for each request until the host closes the channel."""
    for descriptor in (reading, writing):
        os.set_inheritable(descriptor, False)  # the command's answers are what it prints, and nothing else
    wire = Wire(reading, writing)
    command = [_where_it_lies(part) for part in arguments]
    while True:
        try:
            request = wire.receive()
        except EOFError:
            os._exit(0)
        try:
            answer = {"value": _run(command, *request["args"], **request["kwargs"])}
        except (OSError, ValueError, LookupError) as error:
            answer = {"error": str(error)}
        wire.send({"id": request["id"], **answer})


def _where_it_lies(part: str) -> str:
    path = f"{job_folder()}/{part}"
    return path if os.path.isfile(path) else part


def _folder() -> str:
    return os.environ["TMPDIR"] + "/run"


def _streams() -> str:
    return os.environ["TMPDIR"] + "/streams"


def _run(command: list[str], stdin: str, extra: list[str], files: dict[str, str], read: list[str]) -> Any:
    _begin_anew(files)
    code, output = _execute([*command, *extra], stdin)
    if code:
        how = f"was ended by signal {-code}" if code < 0 else f"exited with status {code}"
        raise ValueError(f"its command {how}")
    room = MOST_BYTES - len(output)
    texts = {}
    for path in read:
        data = _output(path, room)
        room -= len(data)
        texts[path] = _text(path, data)
    return texts if read else _text("what it printed", output)


def _begin_anew(files: dict[str, str]) -> None:
    """Make an empty folder to run in, with the input files."""
    import shutil

    for folder in (_folder(), _streams()):
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
    for path, text in files.items():
        target = f"{_folder()}/{'/'.join(_parts(path))}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8", newline="") as file:
            file.write(text)


def _execute(command: list[str], stdin: str) -> tuple[int, bytes]:
    """Run a command to its end, and everything that it started; return its exit status and what it printed.

    Its streams are files that have no name any more, so nothing waits for a reader and none can be exchanged.
    """
    given, printed = _nameless("in"), _nameless("out")
    _write_all(given, stdin.encode())
    os.lseek(given, 0, os.SEEK_SET)
    os.chdir(_folder())
    actions = [(os.POSIX_SPAWN_DUP2, given, 0), (os.POSIX_SPAWN_DUP2, printed, 1)]
    environment = {"PATH": PATHS, "LANG": "C.UTF-8", "HOME": _folder(), "TMPDIR": os.environ["TMPDIR"]}
    child = os.posix_spawnp(command[0], command, environment, file_actions=actions, setpgroup=0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    _end_the_rest(child)
    os.chdir("/")
    size = os.fstat(printed).st_size
    if size > MOST_BYTES:
        raise ValueError(f"it printed more than {MOST_BYTES:,} bytes")
    output = os.pread(printed, size, 0)
    os.close(given)
    os.close(printed)
    return code, output


def _nameless(name: str) -> int:
    path = f"{_streams()}/{name}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.unlink(path)
    return descriptor


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _end_the_rest(child: int) -> None:
    """End what the command left running: all other processes, where this one is the first of its namespace."""
    try:
        os.kill(-1 if os.getpid() == 1 else -child, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
    try:
        while os.getpid() == 1:
            os.wait()
    except ChildProcessError:
        return


def _output(path: str, room: int) -> bytes:
    """Read an output file; ValueError or OSError when it is anything but a plain file that fits."""
    *folders, name = _parts(path)
    at = os.open(_folder(), os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    except FileNotFoundError:
        raise LookupError(f"it left no file {path}") from None
    except OSError as error:
        raise ValueError(f"its file {path} cannot be read: {error.strerror}") from None
    finally:
        os.close(at)
    try:
        return _content(path, descriptor, room)
    finally:
        os.close(descriptor)


def _content(path: str, descriptor: int, room: int) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise ValueError(f"its file {path} is not a plain file of its own")
    if found.st_size > room:
        raise ValueError(f"its outputs hold more than {MOST_BYTES:,} bytes")
    return os.pread(descriptor, found.st_size, 0)


def _parts(path: str) -> list[str]:
    """Split a path below the folder; the evaluator names them, so a wrong one is its mistake."""
    parts = path.split("/")
    if not all(part and part not in {".", ".."} and "\0" not in part for part in parts):
        raise ValueError(f"{path!r} is no path of a file below the folder of a run")
    return parts


def _text(what: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{what} is not UTF-8 text") from None
