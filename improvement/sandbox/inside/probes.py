"""Attempts to get out or to take more than allowed, each run in a sandbox of its own by ``selftest``."""

from __future__ import annotations

import os
import signal
import time

from improvement.sandbox.inside.wire import Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Finding = tuple[bool, str]
"""Whether the sandbox held, and what happened, in a few words."""

FORKS = 500
CHUNK = b"\0" * (1 << 20)
FILL_MB = 256
CALLS = {  # x86_64, aarch64
    "ptrace": (101, 117),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "io_uring_setup": (425, 425),
    "mount": (165, 40),
    "bpf": (321, 280),
    "process_vm_readv": (310, 270),
}


def probes(reading: int, writing: int, arguments: list[str]) -> None:
    """Run the attempt named first, with the further arguments, and send what happened."""
    name, *rest = arguments
    held, detail = ATTEMPTS[name](rest)
    Wire(reading, writing).send({"held": held, "detail": detail})


def network(addresses: list[str]) -> Finding:
    """Try to reach addresses ("host port") over TCP and UDP."""
    import socket

    for address in addresses:
        host, port = address.split()
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                with socket.socket(socket.AF_INET, kind) as opened:
                    opened.settimeout(0.2)
                    opened.connect((host, int(port)))
                return False, f"{address} was reached"
            except OSError as error:
                detail = str(error)
    return True, detail


def tcp(addresses: list[str]) -> Finding:
    """Try to reach addresses ("host port") over TCP."""
    reached = [one for one in addresses if _works(lambda one=one: _connect(one))]
    return not reached, f"reached: {', '.join(reached)}" if reached else "nobody answers"


def _connect(address: str) -> None:
    import socket

    host, port = address.split()
    socket.create_connection((host, int(port)), 0.2).close()


def families(numbers: list[str]) -> Finding:
    """Try to open sockets of families that a network namespace does not contain."""
    import socket

    opened = [number for number in numbers if _works(lambda n=number: socket.socket(int(n), socket.SOCK_DGRAM).close())]
    return not opened, f"opened: {', '.join(opened)}" if opened else "every family is refused"


def proc(_rest: list[str]) -> Finding:
    """Look for the host's processes and settings."""
    seen = [path for path in ("/proc/1/environ", "/proc/self", "/sys/kernel") if os.path.exists(path)]
    return not seen, f"there are {', '.join(seen)}" if seen else "there is no /proc and no /sys"


def files(paths: list[str]) -> Finding:
    """Look for paths of the host."""
    seen = [path for path in paths if os.path.lexists(path)]
    return not seen, f"visible: {', '.join(seen)}" if seen else f"none of {len(paths)} paths exists"


def read(paths: list[str]) -> Finding:
    """Try to read files and to list folders of the host."""
    done = [path for path in paths if _works(lambda p=path: os.listdir(p) if os.path.isdir(p) else open(p).close())]
    return not done, f"read: {', '.join(done)}" if done else f"none of {len(paths)} paths can be read"


def reach(_rest: list[str]) -> Finding:
    """Try to signal the process that started this one, and to change its limits."""
    import resource

    starter = os.getppid()
    done = [
        name
        for name, attempt in (
            ("signalled", lambda: os.kill(starter, 0)),
            ("limited", lambda: resource.prlimit(starter, resource.RLIMIT_CPU)),
        )
        if starter and _works(attempt)
    ]
    return not done, f"it was {' and '.join(done)}" if done else "it is out of reach"


def write(folders: list[str]) -> Finding:
    """Try to write, rename and change modes where everything is read-only."""
    done = [folder for folder in folders if _works(lambda f=folder: open(f"{f}/new", "w").close())]
    done += [folder for folder in folders if _works(lambda f=folder: os.chmod(f, 0o777))]
    return not done, f"changed: {', '.join(done)}" if done else "every change is refused"


def environment(allowed: list[str]) -> Finding:
    """Look for variables of the host."""
    extra = sorted(set(os.environ) - set(allowed))
    return not extra, f"set: {', '.join(extra)}" if extra else "only the sandbox's own variables"


def forks(most: list[str]) -> Finding:
    """Start processes until it is refused."""
    count = 0
    try:
        while count < FORKS:
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
            count += 1
    except OSError:
        pass
    return count < int(most[0]), f"{count} processes of at most {most[0]}"


def fill(arguments: list[str]) -> Finding:
    """Fill a folder ("path megabytes") until that is refused or the sandbox is ended."""
    path, most = _folder(arguments)
    written = 0
    try:
        for number in range(FILL_MB):
            with open(f"{path}/fill-{number}", "wb") as file:
                file.write(CHUNK)
            written += 1
        time.sleep(1)  # the host looks now and then
    except OSError:
        pass
    return written <= int(most), f"{written} MB of at most {most}"


def names(arguments: list[str]) -> Finding:
    """Make empty files in a folder ("path most") until that is refused or the sandbox is ended."""
    path, most = _folder(arguments)
    made = 0
    try:
        for number in range(4 * int(most)):
            os.close(os.open(f"{path}/{number}", os.O_CREAT | os.O_WRONLY))
            made += 1
        time.sleep(2)  # the host looks now and then
    except OSError:
        pass
    return made <= int(most), f"{made} files of at most {most}"


def _folder(arguments: list[str]) -> tuple[str, str]:
    """Split "path number"; the path may be the name of the variable that holds it."""
    path, most = arguments[0].split()
    return os.environ.get(path, path), most


def signals(_rest: list[str]) -> Finding:
    """Send SIGKILL to everything it can see and expect to be the only one."""
    child = os.fork()
    if child == 0:
        for target in (-1, 1, os.getppid()):
            _works(lambda t=target: os.kill(t, signal.SIGKILL))
        os._exit(0)
    os.waitpid(child, 0)
    return os.getpid() == 1, "only processes of this sandbox can be signalled"


def call(arguments: list[str]) -> Finding:
    """Make a forbidden system call ("name argument ...") in a child of its own."""
    name, *values = arguments[0].split()
    child = os.fork()
    if child == 0:
        os._exit(_make(name, [int(value) for value in values]))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(
            status
        ) == signal.SIGSYS, f"{name} ends the process ({signal.Signals(os.WTERMSIG(status)).name})"
    code = os.waitstatus_to_exitcode(status)
    return code != 0, f"{name} is refused: {os.strerror(code)}" if code else f"{name} worked"


def identity(_rest: list[str]) -> Finding:
    """Try to become root, and to make a device."""
    import stat

    scratch = os.environ["TMPDIR"]
    done = [
        name
        for name, attempt in (
            ("setuid", lambda: os.setuid(0)),
            ("setgroups", lambda: os.setgroups([0])),
            ("mknod", lambda: os.mknod(scratch + "/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))),
            ("chroot", lambda: os.chroot(scratch)),
        )
        if _works(attempt)
    ]
    return not done, f"allowed: {', '.join(done)}" if done else f"stays user {os.getuid()}"


def daemon(_rest: list[str]) -> Finding:
    """Leave a process behind that has its own session and ignores signals."""
    if os.fork() == 0:
        os.setsid()
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(60)
    return True, "left one behind"


def memory(megabytes: list[str]) -> Finding:
    """Fill memory in three processes at once, each within what one process may have."""
    for _ in range(2):
        if os.fork() == 0:
            break
    block = bytearray(int(megabytes[0]) << 20)
    block[::4096] = b"x" * len(block[::4096])
    time.sleep(30)
    return False, "held too much memory for long"


def spin(_rest: list[str]) -> Finding:
    """Run for ever and ignore signals."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


def flood(_rest: list[str]) -> Finding:
    """Print for ever."""
    while True:
        os.write(1, CHUNK)


def _make(name: str, values: Iterable[int]) -> int:
    """Make a raw system call; 0 when it worked, else the error number."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    number = CALLS[name][0 if os.uname().machine == "x86_64" else 1]
    return 0 if libc.syscall(number, *values, 0, 0, 0) >= 0 else ctypes.get_errno()


def _works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, PermissionError):
        return False
    return True


ATTEMPTS: dict[str, Callable[[list[str]], Finding]] = {
    attempt.__name__: attempt
    for attempt in (
        network, tcp, families, proc, files, read, reach, write, environment, forks, fill, names, signals, call,
        identity, daemon, memory, spin, flood,
    )
}  # fmt: skip
