"""Where a model's server is: a name is resolved once, judged, and then connected to as it was judged.

A name that resolves into this machine or network is refused unless the configuration says that it may: otherwise
whoever may name an address could reach what only this machine reaches. Link-local addresses, where clouds keep
credentials, are never reached. Because the connection goes to the judged address itself, a second, different answer of
the name server (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import socket

from improvement.exceptions import ModelFailed
from improvement.hosts import Place, place_of


def resolve(host: str, port: int, *, private: bool) -> tuple[str, ...]:
    """Return the numeric addresses to connect to, the best first; ``private`` allows this machine and network.

    Raises ``ModelFailed``, also when only one of them may not be reached.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ModelFailed("The name of its server cannot be resolved. Check the model's address.") from error
    addresses = tuple(dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found))
    for address in addresses:
        _check(address, private=private)
    return addresses


def _check(address: str, *, private: bool) -> None:
    place = place_of(address)
    if place is Place.NOBODYS:
        raise ModelFailed("Its server is at an address that no model may have: link-local, multicast or reserved.")
    if place is Place.OURS and not private:
        raise ModelFailed(
            "Its server is at an address of this machine or network. An administrator has to say that this model is "
            "private before it is reached."
        )
