"""Attempts on what the host has: files, settings, descriptors, processes, network."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.integration.sandbox.hostile import hosts
from tests.integration.sandbox.hostile.layers import (
    DESCRIPTORS_CLOSED,
    DESCRIPTORS_NOT_PASSED,
    EMPTY_ENVIRONMENT,
    NO_NETWORK,
    NO_RIGHTS,
    OWN_ENVIRONMENT,
    OWN_PROCESSES,
    READ_ONLY_DEVICES,
    READ_ONLY_JOB,
    READ_ONLY_ROOT,
    host_shown,
    instead,
    shown,
    sockets,
    system_call,
)
from tests.integration.sandbox.hostile.snippet import Removal, Snippet

AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK = 16, 17, 38, 40
MISSING, READ_ONLY, REFUSED = "FileNotFoundError", "OSError: [Errno 30]", "PermissionError"


def host_has(family: int) -> bool:
    """Whether this machine's kernel has a family of sockets."""
    try:
        socket.socket(family, socket.SOCK_RAW if family == AF_NETLINK else socket.SOCK_STREAM).close()
    except OSError as error:
        return error.errno not in (97, 93)  # no such family
    return True


def _given_writable(removal: Removal) -> None:
    path = str(removal.host.text)
    instead(("--ro-bind", path, "/job/given"), ("--bind", path, "/job/given"))(removal)


def _folder_shown(removal: Removal) -> None:
    shown(str(Path(str(removal.host.text)).parent))(removal)


FILES = (
    Snippet("accounts of the host", "open('/etc/passwd').read()", MISSING, (shown("/etc"),)),
    Snippet("a file of another user", "open(HOST).read()", MISSING, (host_shown,), host=hosts.readable_file),
    Snippet("another evaluator's files", "os.listdir(HOST)", MISSING, (host_shown,), host=hosts.evaluator_tree),
    Snippet("settings of the kernel", "os.listdir('/sys/kernel')", MISSING, (shown("/sys"),)),
    Snippet(
        "processes of the host",
        "open(f'/proc/{HOST}/cmdline').read()",
        MISSING,
        (shown("/proc"),),
        host=hosts.own_process,
    ),
    Snippet(
        "a service's socket in a folder",
        "socket.socket(socket.AF_UNIX).connect(HOST)",
        REFUSED,
        (_folder_shown, sockets, system_call("connect")),
        host=hosts.socket_in_a_folder,
    ),
    Snippet("a file at the root", "open('/mark', 'w')", READ_ONLY, (READ_ONLY_ROOT,)),
    Snippet("a file among the devices", "open('/dev/mark', 'w')", READ_ONLY, (READ_ONLY_DEVICES,)),
    Snippet("its own files", "os.remove('/job/solution.py')", READ_ONLY, (READ_ONLY_JOB,)),
    Snippet("a link among its own files", "os.symlink('/usr', '/job/link')", READ_ONLY, (READ_ONLY_JOB,)),
    Snippet(
        "a file that was given to read",
        "open('/job/given/mark', 'w')",
        READ_ONLY,
        (_given_writable,),
        host=hosts.given_folder,
    ),
    Snippet(
        "a hard link into the scratch folder", "os.link('/job/solution.py', '/job/copy')", READ_ONLY, (READ_ONLY_JOB,)
    ),
)

BELONGINGS = (
    Snippet(
        "the environment",
        "assert HOST in os.environ",
        "AssertionError",
        (EMPTY_ENVIRONMENT, OWN_ENVIRONMENT),
        host=hosts.environment,
    ),
    Snippet(
        "an open file",
        "assert os.pread(HOST, 100, 0) == b'do not tell'",
        "OSError: [Errno 9]",
        (DESCRIPTORS_NOT_PASSED, DESCRIPTORS_CLOSED),
        host=hosts.inheritable_descriptor,
    ),
    Snippet(
        "killing a process of the same identity",
        "os.kill(HOST, signal.SIGKILL)",
        "ProcessLookupError",
        (OWN_PROCESSES,),
        host=hosts.neighbour,
    ),
    Snippet(
        "signalling the parent",
        "assert os.getppid() and os.kill(os.getppid(), 0) is None",
        "AssertionError",
        (OWN_PROCESSES,),
    ),
    Snippet(
        "signalling everybody",
        "os.kill(-1, 0)",
        "ProcessLookupError",
        (OWN_PROCESSES,),
        host=hosts.neighbour,
    ),
    Snippet(
        "outliving the run",
        """
        def stay():
            os.setsid()
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            os.execv("/bin/sleep", [HOST, "60"])
        forked(stay)
        time.sleep(0.05)
        return "left"
        """,
        "left",
        (OWN_PROCESSES,),
        host=hosts.name_of_a_process,
    ),
)

NETWORK = (
    Snippet(
        "TCP on this machine",
        "socket.create_connection(('127.0.0.1', HOST), 1)",
        REFUSED,
        (NO_NETWORK, sockets, system_call("connect")),
        host=hosts.tcp_server,
    ),
    Snippet(
        "UDP on this machine",
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
            sending.sendto(b"through", ("127.0.0.1", HOST))
        return "sent"
        """,
        REFUSED,
        (NO_NETWORK, sockets),
        host=hosts.udp_server,
    ),
    Snippet(
        "the next version of IP",
        "socket.socket(socket.AF_INET6)",
        REFUSED,
        (sockets,),
        can_be_tried=lambda: host_has(socket.AF_INET6),
    ),
    Snippet(
        "an abstract socket",
        "socket.socket(socket.AF_UNIX).connect(HOST)",
        REFUSED,
        (NO_NETWORK, sockets, system_call("connect")),
        host=hosts.abstract_socket,
    ),
    Snippet(
        "the kernel's own sockets",
        f"socket.socket({AF_NETLINK}, socket.SOCK_RAW)",
        REFUSED,
        (sockets,),
    ),
    Snippet(
        "raw packets",
        f"socket.socket({AF_PACKET}, socket.SOCK_RAW)",
        REFUSED,
        (sockets, *NO_RIGHTS),
        can_be_tried=lambda: host_has(AF_PACKET),
    ),
    Snippet(
        "the kernel's ciphers",
        f"socket.socket({AF_ALG}, socket.SOCK_SEQPACKET)",
        REFUSED,
        (sockets,),
        can_be_tried=lambda: host_has(AF_ALG),
    ),
    Snippet(
        "the hypervisor",
        f"socket.socket({AF_VSOCK}, socket.SOCK_STREAM)",
        REFUSED,
        (sockets,),
        can_be_tried=lambda: host_has(AF_VSOCK),
    ),
)

FOUND_BY_ITSELF = ("sitecustomize.py", "usercustomize.py", "run.pth", "json.py", "encodings.py", "warnings.py")

HELD_TWICE = (
    Snippet("TCP to another machine", "socket.create_connection(('192.0.2.1', 80), 1)", REFUSED),
    Snippet("UDP to another machine", "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", REFUSED),
    Snippet(
        "files that an interpreter runs or imports by itself",
        "return 'its own answer'",
        "its own answer",
        files=dict.fromkeys(FOUND_BY_ITSELF, b"import os; os._exit(9)"),
    ),
)
"""What tests may not let through (they reach no other machine), or what no single layer holds: there is no site
processing, and the candidate's folder is on the path only once everything that is ours has been imported."""

EVERYTHING = (*FILES, *BELONGINGS, *NETWORK, *HELD_TWICE)
