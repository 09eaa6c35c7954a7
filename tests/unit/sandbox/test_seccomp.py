"""The system call filter, run by a small interpreter of the BPF subset that it uses."""

from __future__ import annotations

import errno
import struct
from itertools import count

import pytest

from improvement.sandbox import seccomp

ALLOW, KILL = 0x7FFF0000, 0x80000000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def refusal(number: int) -> int:
    return 0x00050000 | number


def answer(
    machine: str,
    call: int,
    *arguments: int,
    audit: int | None = None,
    contained: bool = True,
    own_network: bool = False,
) -> int:
    """Return the filter's action on one call."""
    return ran(machine, call, *arguments, audit=audit, contained=contained, own_network=own_network)[0]


def ran(
    machine: str,
    call: int,
    *arguments: int,
    audit: int | None = None,
    contained: bool = True,
    own_network: bool = False,
) -> tuple[int, int]:
    """Run the filter on one call, as the kernel would, and return its action and the number of steps to it."""
    three = (*arguments, 0, 0, 0)[:3]
    data = struct.pack("<IIQQQQ", call, AUDIT[machine] if audit is None else audit, 0, *three)
    made = seccomp.program(machine, contained=contained, own_network=own_network)
    program = list(struct.iter_unpack("<HBBI", made))
    accumulator = position = 0
    for step in count(1):
        code, if_true, if_false, operand = program[position]
        position += 1
        if code == 0x06:
            return operand, step
        if code == 0x05:
            position += operand
            continue
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
            continue
        holds = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}[code]
        position += if_true if holds else if_false
    raise AssertionError("a filter ends with an answer")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize(
    ("table", "action"),
    [
        (seccomp.KILLED, KILL),
        (seccomp.REFUSED, refusal(errno.EPERM)),
        (seccomp.ABSENT, refusal(errno.ENOSYS)),
    ],
)
def test_every_listed_call_is_answered(machine: str, table: dict[str, tuple[int, int | None]], action: int) -> None:
    column = seccomp.ARCHITECTURES[machine].column
    answers = {name: answer(machine, row[column]) for name, row in table.items() if row[column] is not None}
    assert answers == dict.fromkeys(answers, action)
    assert answers


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("contained", [True, False])
def test_a_call_that_is_not_listed_is_allowed_after_few_steps(machine: str, contained: bool) -> None:
    tables = [seccomp.KILLED, seccomp.REFUSED, seccomp.ABSENT]
    tables += [] if contained else [seccomp.CONTAINED, seccomp.WITHOUT_WRITING]
    arch = seccomp.ARCHITECTURES[machine]
    listed = {row[arch.column] for table in tables for row in table.values()}
    others = set(range(600)) - listed - {arch.socket, arch.ioctl}
    found = [ran(machine, number, contained=contained) for number in others]
    assert {action for action, _ in found} == {ALLOW}
    assert max(steps for _, steps in found) < 60


@pytest.mark.parametrize(
    ("machine", "calls"), [("x86_64", (0, 1, 9, 57, 59, 231)), ("aarch64", (63, 64, 222, 221, 94))]
)
def test_everyday_calls_are_allowed(machine: str, calls: tuple[int, ...]) -> None:
    assert {answer(machine, call) for call in calls} == {ALLOW}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_no_socket_may_be_opened_but_a_pair(machine: str) -> None:
    socket, pair = seccomp.ARCHITECTURES[machine].socket, {"x86_64": 53, "aarch64": 199}[machine]
    assert {answer(machine, socket, family) for family in range(64)} == {refusal(errno.EACCES)}
    assert answer(machine, pair, 1) == ALLOW


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_no_socket_may_be_given_a_name_by_an_option(machine: str) -> None:
    setsockopt = seccomp.ARCHITECTURES[machine].setsockopt
    assert [answer(machine, setsockopt, 5, 1, option) for option in (16, 76)] == [refusal(errno.EPERM)] * 2


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_in_a_network_of_its_own_an_agent_may_speak_tcp_and_udp_over_ipv4_alone(machine: str) -> None:
    arch = seccomp.ARCHITECTURES[machine]
    families = {family: answer(machine, arch.socket, family, 1, 0, own_network=True) for family in range(64)}
    assert [family for family, action in families.items() if action == ALLOW] == [2]
    protocols = [
        number for number in range(512) if answer(machine, arch.socket, 2, 1, number, own_network=True) == ALLOW
    ]
    assert protocols == [0, 6, 17]
    refused = {name: row[arch.column] for name, row in seccomp.REFUSED.items() if row[arch.column] is not None}
    allowed = {name for name, number in refused.items() if answer(machine, number or 0, own_network=True) == ALLOW}
    assert allowed == set(seccomp.CONNECTING)
    assert answer(machine, arch.setsockopt, 5, 6, 31, own_network=True) == refusal(errno.EPERM)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_clone_makes_processes_and_threads_but_no_namespaces(machine: str) -> None:
    clone = seccomp.ARCHITECTURES[machine].clone
    assert answer(machine, clone, 0x01200011) == ALLOW  # fork
    assert answer(machine, clone, 0x003D0F00) == ALLOW  # pthread_create
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert answer(machine, clone, flag | 0x11) == KILL


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_nothing_can_be_typed_into_a_terminal(machine: str) -> None:
    ioctl = seccomp.ARCHITECTURES[machine].ioctl
    assert answer(machine, ioctl, 0, 0x5412) == refusal(errno.EPERM)
    assert answer(machine, ioctl, 0, 0x1_0000_5412) == refusal(errno.EPERM)  # the kernel reads 32 bits
    assert answer(machine, ioctl, 0, 0x5401) == ALLOW


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_without_namespaces_more_is_refused(machine: str) -> None:
    arch = seccomp.ARCHITECTURES[machine]
    listed = {name: number for name, row in seccomp.CONTAINED.items() if (number := row[arch.column]) is not None}
    assert {name: answer(machine, number) for name, number in listed.items()} == dict.fromkeys(listed, ALLOW)
    refused = {name: answer(machine, number, contained=False) for name, number in listed.items()}
    assert refused == dict.fromkeys(listed, refusal(errno.EPERM))
    fallocate = seccomp.WITHOUT_WRITING["fallocate"][arch.column] or 0
    assert answer(machine, fallocate, contained=False) == refusal(errno.EOPNOTSUPP)
    assert answer(machine, arch.prlimit, 0, contained=False) == ALLOW
    assert answer(machine, arch.prlimit, 1, contained=False) == refusal(errno.EPERM)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_without_namespaces_a_file_is_neither_held_nor_changed_by_its_descriptor(machine: str) -> None:
    arch = seccomp.ARCHITECTURES[machine]
    asked = {control: answer(machine, arch.ioctl, 0, control, contained=False) for control in (0x5401, 0x40086602)}
    assert asked == {0x5401: ALLOW, 0x40086602: refusal(errno.EOPNOTSUPP)}
    assert answer(machine, arch.ioctl, 0, 0x5412, contained=False) == refusal(errno.EPERM)
    held = {answer(machine, arch.fcntl, 3, command, contained=False) for command in (6, 7, 37, 38, 1024, 1026)}
    assert held == {refusal(errno.EPERM)}
    assert {answer(machine, arch.fcntl, 3, command, contained=False) for command in (0, 1, 2, 3, 4, 1030)} == {ALLOW}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_socket_keeps_the_usual_buffer(machine: str) -> None:
    setsockopt = seccomp.ARCHITECTURES[machine].setsockopt
    assert [answer(machine, setsockopt, 5, 1, option) for option in (7, 32)] == [refusal(errno.EPERM)] * 2
    assert answer(machine, setsockopt, 5, 1, 2) == ALLOW


def test_calls_by_another_abi_kill() -> None:
    assert answer("x86_64", 1, audit=0x40000003) == KILL  # i386
    assert answer("x86_64", 0x40000001) == KILL  # x32
    assert answer("aarch64", 1, audit=AUDIT["x86_64"]) == KILL
