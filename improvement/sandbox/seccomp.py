"""The system calls that a sandboxed process may not make, as a classic BPF program for ``bwrap --seccomp``.

Assembled by hand, so no library is needed. It is a deny list: what honest numerical code never does kills the
process (and so shows up as a violation), what it may try by accident is refused with an error number.
Numbers: Linux ``arch/x86/entry/syscalls/syscall_64.tbl`` and ``include/uapi/asm-generic/unistd.h``.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass

# name: (x86_64, aarch64); None where the architecture does not have the call.
KILLED: dict[str, tuple[int, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "iopl": (172, None),
    "ioperm": (173, None),
    "open_by_handle_at": (304, 265),
}
REFUSED: dict[str, tuple[int, int | None]] = {
    "accept": (43, 202),
    "accept4": (288, 242),
    "acct": (163, 89),
    "adjtimex": (159, 171),
    "bind": (49, 200),  # one socket of a pair could take a name, by which others of the same network reach it
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "connect": (42, 203),
    "fanotify_init": (300, 262),
    "inotify_add_watch": (254, 27),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "kcmp": (312, 272),
    "listen": (50, 201),
    "listmount": (458, 458),
    "lookup_dcookie": (212, 18),
    "mbind": (237, 235),
    "memfd_create": (319, 279),  # memory that no limit of the sandbox counts, as is that of shmget
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "modify_ldt": (154, None),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "process_madvise": (440, 440),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "set_mempolicy": (238, 237),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "settimeofday": (164, 170),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmget": (29, 194),
    "statmount": (457, 457),
    "sync": (162, 81),  # the whole machine's disks would be waited for, longer than a kill may take
    "syncfs": (306, 267),
    "syslog": (103, 116),
    "uselib": (134, None),
    "vhangup": (153, 58),
    "vmsplice": (278, 75),
}
ABSENT: dict[str, tuple[int, int | None]] = {
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "clone3": (435, 435),
}
"""Answered with ENOSYS, upon which libraries fall back; ``clone`` takes its flags where a filter can read them."""
CONNECTING = ("accept", "accept4", "bind", "connect", "listen")
"""Refused to candidates; an agent may do this in its own network, where there is nothing but itself."""


CONTAINED: dict[str, tuple[int, int | None]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "lchown": (94, None),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "flock": (73, 32),
    "sendmmsg": (307, 269),  # an open file on its way in a socket is nowhere to be seen, and takes up room
    "sendmsg": (46, 211),
    "ioprio_set": (251, 30),
    "setpriority": (141, 140),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "process_mrelease": (448, 448),
}
"""Refused, besides, where no namespace keeps the host's files and processes out of reach."""
WITHOUT_WRITING: dict[str, tuple[int, int | None]] = {"fallocate": (285, 47)}
"""Answered with EOPNOTSUPP there, upon which libraries write: gigabytes would be taken before anybody looks."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One processor architecture: its audit number, its column in the tables, and the calls looked at more closely."""

    audit: int
    column: int
    clone: int
    socket: int
    setsockopt: int
    ioctl: int
    prlimit: int
    fcntl: int


ARCHITECTURES = {
    "x86_64": Architecture(
        audit=0xC000003E, column=0, clone=56, socket=41, setsockopt=54, ioctl=16, prlimit=302, fcntl=72
    ),
    "aarch64": Architecture(
        audit=0xC00000B7, column=1, clone=220, socket=198, setsockopt=208, ioctl=29, prlimit=261, fcntl=25
    ),
}

SEND_BUFFER = (7, 32)  # SO_SNDBUF, SO_SNDBUFFORCE: what sockets can hold is counted at the usual size
UPPER_LAYERS = (31,)  # TCP_ULP: encryption in the kernel, which no agent needs
INTERNET = 2  # AF_INET
ORDINARY_PROTOCOLS = (0, 6, 17)  # the usual one, TCP, UDP: others load kernel modules
NAMING = (16, 76)  # SO_PASSCRED, SO_PASSPIDFD: with them, sending gives a socket a name (unix(7), "Autobind")
TERMINAL_INJECTION = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
NEW_NAMESPACES = 0x7E020000  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}
X32_BIT = 0x40000000
USUAL_CONTROLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX: all that programs ask of files and pipes. Other ones change
attributes of a file that was opened for reading (FS_IOC_SETFLAGS), and each file system has more."""
HOLDS_ON_FILES = (5, 6, 7, 36, 37, 38, 1024, 1026)
"""F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_SETLEASE, F_NOTIFY"""

_LOAD, _JUMP, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENT_0, _ARGUMENT_1, _ARGUMENT_2 = 0, 4, 16, 24, 32  # offsets in struct seccomp_data
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000

_FEW = 3  # numbers that are compared one after the other

Instruction = tuple[int, int, int, int]
"""code, jump if true, jump if false, operand"""


def supported() -> bool:
    """Say whether there is a table for this machine's architecture."""
    return platform.machine() in ARCHITECTURES


def program(machine: str | None = None, *, contained: bool = True, own_network: bool = False) -> bytes:
    """Assemble the filter for ``machine`` (default: this one), as the bytes of ``struct sock_filter[]``.

    Where no namespaces contain the process, the filter has to refuse more: see ``CONTAINED``. With ``own_network`` it
    allows TCP and UDP over IPv4, for a process whose network namespace holds nothing but itself.
    """
    arch = ARCHITECTURES[machine or platform.machine()]
    instructions = [
        *_refuse_other_abis(arch),
        *_search(
            _answers(KILLED, arch, _KILL_PROCESS)
            | _answers(_refused(own_network), arch, _ERRNO | errno.EPERM)
            | _answers(ABSENT, arch, _ERRNO | errno.ENOSYS)
        ),
        *_when(arch.clone, _ARGUMENT_0, [(_ANY_BIT, 0, 1, NEW_NAMESPACES), (_RETURN, 0, 0, _KILL_PROCESS)]),
        *_when(arch.ioctl, _ARGUMENT_1, _answer(TERMINAL_INJECTION, _ERRNO | errno.EPERM)),
        *_when(arch.setsockopt, _ARGUMENT_2, _answer((*SEND_BUFFER, *NAMING, *UPPER_LAYERS), _ERRNO | errno.EPERM)),
        *(_own_sockets(arch) if own_network else _answer([arch.socket], _ERRNO | errno.EACCES)),  # not pairs of them
        *([] if contained else _without_namespaces(arch)),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in instructions)


def _refuse_other_abis(arch: Architecture) -> list[Instruction]:
    """A call through another ABI (32 bit, x32) has other numbers and would slip through: it kills."""
    own = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, arch.audit), (_RETURN, 0, 0, _KILL_PROCESS)]
    x32 = [(_AT_LEAST, 0, 1, X32_BIT), (_RETURN, 0, 0, _KILL_PROCESS)] if arch.column == 0 else []
    return [*own, (_LOAD, 0, 0, _NUMBER), *x32]


def _refused(own_network: bool) -> dict[str, tuple[int, int | None]]:
    return {name: row for name, row in REFUSED.items() if not (own_network and name in CONNECTING)}


def _own_sockets(arch: Architecture) -> list[Instruction]:
    return _when(
        arch.socket,
        _ARGUMENT_0,
        [
            (_EQUAL, 1, 0, INTERNET),
            (_RETURN, 0, 0, _ERRNO | errno.EAFNOSUPPORT),
            (_LOAD, 0, 0, _ARGUMENT_2),
            *_answer(ORDINARY_PROTOCOLS, _ALLOW),
            (_RETURN, 0, 0, _ERRNO | errno.EPROTONOSUPPORT),
        ],
    )


def _without_namespaces(arch: Architecture) -> list[Instruction]:
    """Refuse the listed calls, limits of any process but the caller, and what changes or holds files opened to read."""
    return [
        *_search(
            _answers(CONTAINED, arch, _ERRNO | errno.EPERM) | _answers(WITHOUT_WRITING, arch, _ERRNO | errno.EOPNOTSUPP)
        ),
        *_when(arch.prlimit, _ARGUMENT_0, [(_EQUAL, 1, 0, 0), (_RETURN, 0, 0, _ERRNO | errno.EPERM)]),
        *_when(arch.ioctl, _ARGUMENT_1, [*_answer(USUAL_CONTROLS, _ALLOW), (_RETURN, 0, 0, _ERRNO | errno.EOPNOTSUPP)]),
        *_when(arch.fcntl, _ARGUMENT_1, _answer(HOLDS_ON_FILES, _ERRNO | errno.EPERM)),
    ]


def _answers(table: dict[str, tuple[int, int | None]], arch: Architecture, action: int) -> dict[int, int]:
    return {number: action for row in table.values() if (number := row[arch.column]) is not None}


def _search(answers: dict[int, int]) -> list[Instruction]:
    """Answer calls by number, found by halving: the kernel asks for every call there is whenever it is installed."""
    numbers = sorted(answers)
    if len(numbers) <= _FEW:
        return [step for number in numbers for step in _answer([number], answers[number])]
    middle = numbers[len(numbers) // 2]
    below = _search({number: action for number, action in answers.items() if number < middle})
    above = _search({number: action for number, action in answers.items() if number >= middle})
    return [(_AT_LEAST, len(below) + 1, 0, middle), *below, (_JUMP, 0, 0, len(above)), *above]


def _answer(values: Iterable[int], action: int) -> list[Instruction]:
    return [step for value in values for step in ((_EQUAL, 0, 1, value), (_RETURN, 0, 0, action))]


def _when(call: int, argument: int, body: list[Instruction]) -> list[Instruction]:
    """For one system call: look at (the low half of) one argument, then load the call's number again."""
    return [
        (_EQUAL, 0, len(body) + 2, call),
        (_LOAD, 0, 0, argument),
        *body,
        (_LOAD, 0, 0, _NUMBER),
    ]
