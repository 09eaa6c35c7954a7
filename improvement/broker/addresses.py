"""Where a model's server is: a name is resolved once, judged, and then connected to as it was judged.

A name that resolves into this machine or network is refused unless the configuration says that it may: otherwise
whoever may name an address could reach what only this machine reaches. Link-local addresses, where clouds keep
credentials, are never reached. Because the connection goes to the judged address itself, a second, different answer of
the name server (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket

from improvement.exceptions import ModelFailed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


def resolve(host: str, port: int, *, private: bool) -> tuple[str, ...]:
    """Return the numeric addresses to connect to, the best first; ``private`` allows this machine and network.

    Raises ``ModelFailed``, also when only one of them may not be reached.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ModelFailed("The name of its server cannot be resolved. Check the model's address.") from error
    addresses = [ipaddress.ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]
    for address in addresses:
        _check(address, private=private)
    return tuple(dict.fromkeys(map(str, addresses)))


def _check(address: Address, *, private: bool) -> None:
    judged = _meant(address)
    is_reserved = judged.is_reserved and not judged.is_loopback  # ::1 lies in a block that is reserved as a whole
    if judged.is_link_local or judged.is_multicast or judged.is_unspecified or is_reserved:
        raise ModelFailed("Its server is at an address that no model may have: link-local, multicast or reserved.")
    if not judged.is_global and not private:
        raise ModelFailed(
            "Its server is at an address of this machine or network. An administrator has to say that this model is "
            "private before it is reached."
        )


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for: mapped (RFC 4291) or translated (RFC 6052)."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address
