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


def resolve(host: str, port: int, *, private: bool) -> str:
    """Return the numeric address to connect to; ``private`` allows this machine and network. Raises ``ModelFailed``."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ModelFailed("The name of its server cannot be resolved. Check the model's address.") from error
    addresses = [ipaddress.ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]
    for address in addresses:
        _check(address, private=private)
    return str(addresses[0])


def _check(address: Address, *, private: bool) -> None:
    judged = getattr(address, "ipv4_mapped", None) or address
    if judged.is_link_local or judged.is_multicast or judged.is_unspecified or judged.is_reserved:
        raise ModelFailed("Its server is at an address that no model may have: link-local, multicast or reserved.")
    if not judged.is_global and not private:
        raise ModelFailed(
            "Its server is at an address of this machine or network. An administrator has to say that this model is "
            "private before it is reached."
        )
