"""What every job of a zygote does in the same way, whatever holds it."""

from __future__ import annotations

import _socket
import fcntl
import os
import sys

from improvement.sandbox.inside import candidate, command, cooperative, enter, evaluator, facts, probes, program, script
from improvement.sandbox.inside import syscalls as system
from improvement.sandbox.inside.modules import flush, show_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    import resource
    from collections.abc import Callable
    from typing import Any, NoReturn

ROLES = {
    "candidate": candidate.candidate,
    "command": command.command,
    "cooperative": cooperative.cooperative,
    "evaluator": evaluator.evaluator,
    "facts": facts.facts,
    "probes": probes.probes,
    "program": program.program,
    "script": script.script,
}
FD_BYTES = 4
READING, WRITING = 3, 4
OUT_OF_THE_WAY = 64


def guarded(action: Callable[[], NoReturn], log: int) -> NoReturn:
    """Never return into the zygote's loop: what goes wrong is written into the job's log, and ends this process."""
    try:
        action()
    except BaseException as error:
        write(log, f"The sandbox could not be set up: {error!r}\n")
        os._exit(125)


def write(descriptor: int, text: str) -> None:
    """Write to the host, if it still listens."""
    try:
        os.write(descriptor, text.encode())
    except OSError:
        return


def tell(news: int, watched: int) -> None:
    """Send the host this process's id, and the descriptor of the job's process."""
    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, news)
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, watched.to_bytes(FD_BYTES, sys.byteorder))
    channel.sendmsg([str(os.getpid()).encode()], [rights])
    channel.detach()


def tell_end(end: int, code: int, used: resource.struct_rusage | None = None) -> None:
    """Tell the host how the job ended, and what it used: processor seconds, and the largest process in KB."""
    seconds, kilobytes = (used.ru_utime + used.ru_stime, used.ru_maxrss) if used else (0.0, 0)
    write(end, f"{128 - code if code < 0 else code} {seconds} {kilobytes}")


def belong_to_starter(signal: int, starter: int) -> None:
    """Get this signal when the starter ends; end now if it has ended already."""
    system.prctl(system.PR_SET_PDEATHSIG, signal)
    if os.getppid() != starter:
        os._exit(125)


def place_descriptors(to: int, messages: int, log: int) -> None:
    """Standard input holds nothing, output and errors are the log, then come the two ends of the channel."""
    placed = (os.open("/dev/null", os.O_RDONLY), log, log, to, messages)
    copies = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, OUT_OF_THE_WAY) for descriptor in placed]
    for number, copy in enumerate(copies):
        os.dup2(copy, number)
    enter.close_the_rest({*range(len(placed))})


def run(order: dict[str, Any]) -> NoReturn:
    """Say hello, run the role to its end, and end as an interpreter would."""
    _forget_chance()
    enter.say_hello(WRITING)
    code = 0
    try:
        ROLES[order["role"]](READING, WRITING, order["arguments"])
    except BaseException:
        show_error()
        code = 1
    flush()
    os._exit(code)


def _forget_chance() -> None:
    """Two jobs of one zygote must not draw the same numbers; ``random`` sees to itself after a fork."""
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
