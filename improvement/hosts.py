"""Which hosts of the network somebody may reach: a list of names, and nothing that is not on it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from improvement.exceptions import Invalid

PORTS = (443, 80)
MAX_NAMES = 200
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_NUMBERS = re.compile(r"[0-9.]+")


@dataclass(frozen=True, slots=True)
class HostList:
    """Hosts, each as (name, ports, whether every name below it is meant instead); ``texts`` are as they were given."""

    entries: tuple[tuple[str, tuple[int, ...], bool], ...] = ()
    texts: tuple[str, ...] = ()

    @classmethod
    def parse(cls, value: object) -> HostList:
        """Read a list of ``name``, ``*.name`` and ``name:port``; raises Invalid for anything else."""
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise Invalid('Hosts are given as a list of names, such as ["pypi.org", "*.example.org"].')
        if len(value) > MAX_NAMES:
            raise Invalid(f"There are {len(value)} hosts on the list, and {MAX_NAMES} may be.")
        return cls(tuple(_entry(one) for one in value), tuple(value))

    def allows(self, host: str, port: int) -> bool:
        """Say whether a host, as ``plain_name`` writes it, may be reached at a port."""
        return any(
            port in ports and (host.endswith(f".{name}") if below else host == name)
            for name, ports, below in self.entries
        )


def plain_name(host: str) -> str:
    """Return the one way in which a host's name is written here; raises Invalid for an address or anything else."""
    name = host.lower().removesuffix(".")
    if not _NAME.fullmatch(name) or _NUMBERS.fullmatch(name):
        raise Invalid(f"{host[:80]!r} is not the full name of a host.")
    return name


def is_public(address: str) -> bool:
    """Say whether a numeric address is one of the public network, whatever form it is written in.

    This machine, its networks and link-local addresses, where clouds keep credentials, are not; an IPv6 address that
    stands for an IPv4 one (RFC 4291, 3056, 6052) is judged as that.
    """
    judged = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(judged, ipaddress.IPv6Address):
        if judged.teredo is not None:
            return False
        judged = judged.ipv4_mapped or judged.sixtofour or _translated(judged) or judged
    return judged.is_global and not judged.is_multicast and not judged.is_reserved


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _TRANSLATED else None


def _entry(text: str) -> tuple[str, tuple[int, ...], bool]:
    name, colon, port = text.strip().partition(":")
    below = name.startswith("*.")
    try:
        plain = plain_name(name.removeprefix("*."))
    except Invalid:
        raise Invalid(
            f"{text[:80]!r} names no host: write a full name such as pypi.org, *.example.org for all below one, "
            "or either with :port; addresses are not taken."
        ) from None
    if colon and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise Invalid(f"{text[:80]!r}: a port is a whole number from 1 to 65535.")
    return plain, (int(port),) if colon else PORTS, below
