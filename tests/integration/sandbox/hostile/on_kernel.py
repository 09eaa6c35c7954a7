"""Attempts on the kernel: system calls that an honest program never makes, or needs not.

What the kernel itself refuses a process without rights on every machine is only tried with the filter in place
(``BACKED_BY_THE_KERNEL``): changing user or group (no other one is mapped), devices, kernel modules, programs in the
kernel where ``kernel.unprivileged_bpf_disabled`` is set. So are x32 calls, for which hardly a kernel is built, and the
processes' controlling terminal (``--new-session``), which a test has none of.
"""

from __future__ import annotations

import platform
import re
from pathlib import Path

from tests.integration.sandbox.hostile.layers import (
    NEW_NAMESPACE_FLAGS,
    NO_CAPABILITY,
    NO_NESTING,
    NO_RIGHTS,
    OTHER_ABIS,
    TERMINAL_RULE,
    no_limit_of,
    system_call,
)
from tests.integration.sandbox.hostile.snippet import Layer, Snippet

ENDED, REFUSED, ABSENT = "sandbox_violation", "PermissionError: [Errno 1]", "OSError: [Errno 38]"
NEW_USER = 0x10000000
NEWER_CALLS = {"listmount": (6, 8), "memfd_secret": (6, 5), "fanotify_init": (5, 13)}
MISSING = "FileNotFoundError"
OTHER_NUMBERS = """
import mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex({code!r}))
run = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
assert run() == os.getpid()
"""
INT_80_GETPID = "b814000000cd80c3"  # mov eax, 20; int 0x80; ret
X32_GETPID = "b8270000400f05c3"  # mov eax, 0x40000027; syscall; ret


def setting(name: str, most: int) -> bool:
    """Whether a setting of the kernel is there and at most ``most``."""
    path = Path("/proc/sys", name)
    return path.exists() and int(path.read_text()) <= most


def has_call(call: str) -> bool:
    """Whether this machine's kernel is new enough, and set up, for a system call that not all of them answer."""
    if call == "perf_event_open":
        return setting("kernel/perf_event_paranoid", 2)
    version = tuple(int(number) for number in re.findall(r"\d+", platform.release())[:2])
    return version >= NEWER_CALLS.get(call, (0, 0))


def ended(name: str, call: str, code: str, *more: Layer) -> Snippet:
    """Return a snippet whose system call ends the process."""
    return Snippet(name, code, ENDED, (system_call(call), *more))


def refused(name: str, call: str, code: str, *more: Layer) -> Snippet:
    """Return a snippet whose system call is refused."""
    return Snippet(name, code, REFUSED, (system_call(call), *more), can_be_tried=lambda: has_call(call))


PROCESSES = (
    ended("tracing another process", "ptrace", "call('ptrace', 16, forked(), 0, 0)"),
    ended(
        "reading another process's memory",
        "process_vm_readv",
        """
        word = ctypes.create_string_buffer(b"word")
        place = (ctypes.c_size_t * 2)(ctypes.addressof(word), 4)
        assert call("process_vm_readv", forked(), place, 1, place, 1, 0) == 4
        """,
    ),
    ended(
        "writing another process's memory",
        "process_vm_writev",
        """
        word = ctypes.create_string_buffer(b"word")
        place = (ctypes.c_size_t * 2)(ctypes.addressof(word), 4)
        assert call("process_vm_writev", forked(), place, 1, place, 1, 0) == 4
        """,
    ),
    ended("taking another process's descriptor", "pidfd_getfd", "call('pidfd_getfd', os.pidfd_open(forked()), 1, 0)"),
    refused("comparing processes in the kernel", "kcmp", "call('kcmp', os.getpid(), forked(), 0, 1, 1)"),
    refused(
        "advising on another process's memory",
        "process_madvise",
        """
        word = ctypes.create_string_buffer(8192)
        place = (ctypes.c_size_t * 2)(ctypes.addressof(word) & ~4095, 4096)
        call("process_madvise", os.pidfd_open(os.getpid()), place, 1, 20, 0)
        """,
    ),
    refused("another personality", "personality", "call('personality', 0x40000)"),
    refused(
        "counting what the processor does",
        "perf_event_open",
        """
        wanted = ctypes.create_string_buffer((1).to_bytes(4, "little") + (128).to_bytes(4, "little"), 128)
        wanted[40] = 0b1100000
        call("perf_event_open", wanted, 0, -1, -1, 0)
        """,
    ),
    ended("page faults as messages", "userfaultfd", "call('userfaultfd', 1)"),
)

KEYS = (
    ended("a key", "add_key", "call('add_key', b'user', b'name', b'held', 4, -2)"),
    ended("the session's keys", "keyctl", "call('keyctl', 0, -3, 1)"),
    ended(
        "asking for a key",
        "request_key",
        """
        try:
            call("request_key", b"user", b"name", 0, 0)
        except OSError as error:
            assert error.errno == 126  # the keyring was asked, and has none
        """,
    ),
)

NAMESPACES = (
    ended("new namespaces", "unshare", f"call('unshare', {NEW_USER})", NO_NESTING),
    Snippet(
        "new namespaces for a child",
        f"checked(libc.syscall(56 if os.uname().machine == 'x86_64' else 220, ctypes.c_long({NEW_USER | 17}),"
        " *[ctypes.c_long(0)] * 4)) or os._exit(0)",
        ENDED,
        (NEW_NAMESPACE_FLAGS, NO_NESTING),
    ),
    Snippet(
        "new namespaces by the newer call",
        f"call('clone3', (ctypes.c_uint64 * 8)({NEW_USER}, 0, 0, 0, 17), 64) or os._exit(0)",
        ABSENT,
        (system_call("clone3"), NO_NESTING),
    ),
    ended("joining a namespace", "setns", "call('setns', os.pidfd_open(os.getpid()), 0x4000000)", *NO_RIGHTS),
    ended("mounting", "mount", "call('mount', b'none', b'/tmp', b'tmpfs', 0, 0)", *NO_RIGHTS),
    ended("unmounting", "umount2", "call('umount2', b'/dev/shm', 2)", *NO_RIGHTS),
    ended("a file system to mount", "fsopen", "call('fsopen', b'tmpfs', 0)", *NO_RIGHTS),
    ended("a mount to move", "open_tree", "call('open_tree', -100, b'/tmp', 0)"),
    ended(
        "other rights of a mount",
        "mount_setattr",
        "call('mount_setattr', -100, b'/tmp', 0, (ctypes.c_uint64 * 4)(1, 0, 0, 0), 32)",
        *NO_RIGHTS,
    ),
    refused("another root", "chroot", "call('chroot', b'/tmp')", NO_CAPABILITY),
    refused("another host name", "sethostname", "call('sethostname', b'other', 5)", *NO_RIGHTS),
    refused(
        "the list of mounts",
        "listmount",
        "call('listmount', (ctypes.c_uint64 * 4)(32, 2**64 - 1, 0, 0), (ctypes.c_uint64 * 64)(), 64, 0)",
    ),
)

MEMORY = (
    refused("memory without a name", "memfd_create", "os.memfd_create('hold')"),
    refused("secret memory", "memfd_secret", "call('memfd_secret', 0)"),
    refused("shared memory of the old kind", "shmget", "call('shmget', 0, 1 << 20, 0o1600)"),
    refused("where memory lies", "set_mempolicy", "call('set_mempolicy', 0, 0, 0)"),
    refused("moving memory", "move_pages", "call('move_pages', 0, 0, 0, 0, 0, 0)"),
    refused(
        "pages into a pipe",
        "vmsplice",
        """
        word = ctypes.create_string_buffer(b"word")
        call("vmsplice", os.pipe()[1], (ctypes.c_size_t * 2)(ctypes.addressof(word), 4), 1, 0)
        """,
    ),
)

FILES = (
    Snippet(
        "asynchronous calls",
        "call('io_uring_setup', 1, ctypes.create_string_buffer(120))",
        ABSENT,
        (system_call("io_uring_setup"), no_limit_of("RLIMIT_MEMLOCK")),
        can_be_tried=lambda: setting("kernel/io_uring_disabled", 0),
    ),
    refused("watching files", "inotify_init1", "call('inotify_init1', 0)"),
    refused("watching everybody's files", "fanotify_init", "call('fanotify_init', 0x200, 0)"),
    refused(
        "a file without its path",
        "name_to_handle_at",
        "call('name_to_handle_at', -100, b'/tmp', (ctypes.c_uint32 * 40)(128), ctypes.create_string_buffer(8), 0)",
    ),
    refused("a pipe with a name", "mknodat", "os.mkfifo('/tmp/pipe')"),
    Snippet(
        "typing on a terminal",
        """
        import fcntl, termios
        _, terminal = os.openpty()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        fcntl.ioctl(terminal, termios.TIOCSTI, b"x")
        """,
        REFUSED,
        (TERMINAL_RULE,),
        forked=MISSING,
        can_be_tried=lambda: setting("dev/tty/legacy_tiocsti", 1),
    ),
)

ABIS = (
    (
        Snippet(
            "a 32-bit call",
            OTHER_NUMBERS.format(code=INT_80_GETPID),
            ENDED,
            (OTHER_ABIS,),
            can_be_tried=lambda: setting("abi/vsyscall32", 2),
        ),
        Snippet(
            "a segment of the processor's",
            "call('modify_ldt', 0, ctypes.create_string_buffer(64), 64)",
            REFUSED,
            (system_call("modify_ldt"),),
        ),
    )
    if platform.machine() == "x86_64"
    else ()
)

BACKED_BY_THE_KERNEL = (
    Snippet("a program in the kernel", "call('bpf', 0, 0, 0)", ENDED),
    Snippet("a module of the kernel", "call('init_module', 0, 0, b'')", ENDED),
    Snippet("becoming root", "os.setuid(0)", "OSError: [Errno 22]"),
    Snippet("joining a group", "os.setgroups([0])", "PermissionError"),
    Snippet("giving a file away", "open('/tmp/file', 'w'); os.chown('/tmp/file', 0, 0)", "OSError: [Errno 22]"),
    Snippet("a device", "os.mknod('/tmp/null', 0o20666, os.makedev(1, 3))", "PermissionError"),
    Snippet("a link to a file of the host", "os.symlink('/etc/shadow', '/tmp/link'); open('/tmp/link')", MISSING),
    *(
        (Snippet("an x32 call", OTHER_NUMBERS.format(code=X32_GETPID), ENDED),)
        if platform.machine() == "x86_64"
        else ()
    ),
)

EVERYTHING = (*PROCESSES, *KEYS, *NAMESPACES, *MEMORY, *FILES, *ABIS, *BACKED_BY_THE_KERNEL)
