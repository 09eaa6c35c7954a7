"""Where the server listens, and under which names people may reach it."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from improvement.exceptions import CannotStart

_BACKLOG = 512


@dataclass(frozen=True)
class Address:
    """A host name or address, and a port; port 0 asks the kernel for a free one."""

    host: str
    port: int

    @property
    def everywhere(self) -> bool:
        """Return whether this means every interface of the machine."""
        return self.host in {"0.0.0.0", "::", ""}  # noqa: S104 (compared, not bound)

    @property
    def reachable_host(self) -> str:
        """Return a host under which a process of this machine reaches the server."""
        if not self.everywhere:
            return self.host
        return "::1" if self.host == "::" else "127.0.0.1"

    @property
    def url(self) -> str:
        """Return the address as a person opens it on this machine, without a slash at the end."""
        return f"http://{_in_url(self.reachable_host)}:{self.port}"


def listen(address: Address) -> tuple[socket.socket, Address]:
    """Return a listening socket and its real address; CannotStart when the port is taken or the host is not here."""
    try:
        family, _, _, _, target = socket.getaddrinfo(
            address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.create_server(target[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise CannotStart(_reason(address, error)) from error
    return listening, Address(address.host, listening.getsockname()[1])


def allowed_hosts(address: Address, configured: Iterable[str]) -> tuple[str, ...]:
    """Return the configured host names with those under which this address is reached, without repetition."""
    names = [*configured, "localhost", "127.0.0.1", _in_url(address.reachable_host)]
    if address.everywhere:
        names += [socket.gethostname(), socket.getfqdn(), *_own_addresses()]
    return tuple(dict.fromkeys(name.lower() for name in names))


def _own_addresses() -> list[str]:
    """Return the addresses of this machine's own name, and the one it would use towards other networks."""
    found: list[str] = []
    try:
        found += [str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # a documentation address: nothing is sent, only a route is looked up
            found.append(str(probe.getsockname()[0]))
    except OSError:
        pass  # no network: the local names remain
    return [_in_url(address.partition("%")[0]) for address in found]


def _in_url(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host


def _reason(address: Address, error: OSError) -> str:
    shown = f"{_in_url(address.host)}:{address.port}"
    if error.errno == errno.EADDRINUSE:
        return f"Another program listens on {shown}; stop it, or choose another port: up --port {address.port + 1}"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"This user may not listen on {shown}; ports below 1024 need more rights: up --port 8000"
    return f"The server cannot listen on {shown}: {error.strerror or error}; choose another with up --host and --port"
