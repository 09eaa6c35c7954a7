"""Attempts to take more than there is for one candidate: processes, memory, files, time, output."""

from __future__ import annotations

import os
import resource
from dataclasses import replace
from pathlib import Path

from improvement.sandbox import bubblewrap
from improvement.sandbox.runtime import SCRATCH
from tests.integration.sandbox.hostile.layers import (
    ADDRESS_SPACE,
    BUFFER_RULE,
    FILE_WATCH,
    MEMORY_WATCH,
    SOCKET_WATCH,
    limit,
    no_limit_of,
    root_stays_root,
    size_of,
    system_call,
)
from tests.integration.sandbox.hostile.snippet import LIMITS, Snippet

FULL, TOO_MANY = "OSError: [Errno 28]", "OSError: [Errno 24]"
REFUSED = "PermissionError: [Errno 1]"
MANY_FILES = """
for number in range(2000):
    os.close(os.open(f"{folder}/{{number}}", os.O_CREAT))
time.sleep(0.3)
"""


def _dumps_are_files() -> bool:
    """Whether the kernel writes a core dump as a file (a program that takes dumps gets them whatever the limit is)."""
    piped = Path("/proc/sys/kernel/core_pattern").read_text().startswith("|")
    return not piped and resource.getrlimit(resource.RLIMIT_CORE)[1] != 0


PROCESSES = (
    Snippet("a fork bomb", "for _ in range(100): forked()", "BlockingIOError", (limit(processes=1000),)),
    Snippet(
        "a fork bomb where the worker is root",
        "for _ in range(100): forked()",
        "BlockingIOError",
        (root_stays_root,),
        can_be_tried=lambda: os.geteuid() == 0,
    ),
    Snippet(
        "threads without end",
        "import threading\nfor _ in range(100): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "RuntimeError: can't start new thread",
        (limit(processes=1000, memory_mb=8000),),
    ),
    Snippet("descriptors without end", "for _ in range(300): os.dup(0)", TOO_MANY, (limit(open_files=500),)),
)

MEMORY = (
    Snippet(
        "one huge piece of memory", "import mmap; mmap.mmap(-1, 1200 << 20)", "OSError: [Errno 12]", (ADDRESS_SPACE,)
    ),
    Snippet(
        "memory of many processes",
        """
        def hold():
            block = bytearray(30 << 20)
            block[::4096] = b"x" * len(block[::4096])
            time.sleep(60)
        for _ in range(3): forked(hold)
        time.sleep(1.5)
        """,
        "memory",
        (MEMORY_WATCH,),
    ),
    Snippet(
        "buffers of many sockets",
        "kept = [socket.socketpair() for _ in range(100)]; time.sleep(0.3)",
        "memory",
        (SOCKET_WATCH,),
    ),
    Snippet(
        "larger buffers of sockets",
        "socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)",
        REFUSED,
        (BUFFER_RULE,),
    ),
    Snippet(
        "queues of messages",
        "checked(ctypes.CDLL(None, use_errno=True).mq_open(b'/queue', os.O_CREAT | os.O_RDWR, 0o600, None))",
        REFUSED,
        (system_call("mq_open"), no_limit_of("RLIMIT_MSGQUEUE")),
    ),
    Snippet("messages of the old kind", "checked(libc.msgget(0, 0o1600))", REFUSED, (system_call("msgget"),)),
    Snippet("semaphores of the old kind", "checked(libc.semget(0, 32000, 0o1600))", REFUSED, (system_call("semget"),)),
    Snippet(
        "memory that is never put aside",
        "page = ctypes.create_string_buffer(8192); checked(libc.mlock(page, 4096))",
        REFUSED,
        (no_limit_of("RLIMIT_MEMLOCK"),),
    ),
)

FILES = (
    Snippet("filling the scratch folder", "open('/tmp/big', 'wb').write(bytes(8 << 20))", FULL, (size_of(SCRATCH, 4),)),
    Snippet(
        "filling the shared memory",
        "open('/dev/shm/big', 'wb').write(bytes(20 << 20))",
        FULL,
        (size_of(bubblewrap.SHARED_MEMORY, bubblewrap.SHARED_MEMORY_MB),),
    ),
    Snippet(
        "one huge file",
        "open('/tmp/big', 'wb').write(bytes(3 << 20))",
        "OSError: [Errno 27]",
        (limit(file_mb=32),),
        limits=replace(LIMITS, file_mb=2),
    ),
    Snippet("files without end", MANY_FILES.format(folder="/tmp"), "file_limit", (FILE_WATCH,), forked=FULL),
    Snippet(
        "files without end in the shared memory",
        MANY_FILES.format(folder="/dev/shm"),
        "file_limit",
        (FILE_WATCH,),
        forked=FULL,
    ),
    Snippet(
        "a core dump",
        """
        resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
        _, status = os.waitpid(forked(os.abort), 0)
        assert os.WCOREDUMP(status)
        """,
        "AssertionError",
        (no_limit_of("RLIMIT_CORE"),),
        can_be_tried=_dumps_are_files,
    ),
)

TIME = (
    Snippet(
        "a loop without end",
        "began = time.monotonic()\nwhile time.monotonic() < began + 0.5: pass",
        "timeout",
        (limit(seconds=4),),
        limits=replace(LIMITS, seconds=0.3),
    ),
    Snippet(
        "signals that are ignored",
        """
        for number in set(range(1, 32)) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        time.sleep(0.5)
        """,
        "timeout",
        (limit(seconds=4),),
        limits=replace(LIMITS, seconds=0.3),
    ),
    Snippet(
        "the processor's time",
        "while time.process_time() < 1.3: pass",
        "cpu_limit",
        (limit(cpu_seconds=9),),
        limits=replace(LIMITS, cpu_seconds=1, seconds=10),
    ),
)

OUTPUT = (
    Snippet("printing without end", "print('x' * (1 << 20))", "output_flood", (limit(output_kb=4096),)),
    Snippet("errors without end", "os.write(2, bytes(1 << 20))", "output_flood", (limit(output_kb=4096),)),
    Snippet(
        "an answer without end",
        """
        for channel in range(3, 256):
            try:
                os.write(channel, b" " * (1 << 20))
            except OSError:
                continue
        """,
        "output_flood",
        (limit(message_kb=4096),),
    ),
)

EVERYTHING = (*PROCESSES, *MEMORY, *FILES, *TIME, *OUTPUT)
