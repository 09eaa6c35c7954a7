"""Which hosts of the network somebody may reach: a list of names, and nothing that is not on it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import Enum, auto

from improvement.exceptions import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
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
    """Say whether a numeric address is one of the public network, whatever form it is written in."""
    return place_of(address) is Place.PUBLIC


class Place(Enum):
    """Where an address is: in the public network, of this machine or its networks, or at none that a server may have.

    The last are link-local addresses, where clouds keep credentials, and multicast, reserved and Teredo's ones.
    """

    PUBLIC = auto()
    OURS = auto()
    NOBODYS = auto()


def place_of(address: str) -> Place:
    """Return where a numeric address is, whatever form it is written in; raises ValueError for what is none."""
    judged = _meant(ipaddress.ip_address(address.partition("%")[0]))
    if judged.is_loopback:
        return Place.OURS
    if judged.is_link_local or judged.is_multicast or judged.is_unspecified or judged.is_reserved:
        return Place.NOBODYS
    if isinstance(judged, ipaddress.IPv6Address):
        if judged.teredo is not None:
            return Place.NOBODYS
        if judged.is_site_local:
            return Place.OURS
    return Place.PUBLIC if judged.is_global else Place.OURS


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for: mapped (RFC 4291), 6to4 (3056) or translated (6052)."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


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
