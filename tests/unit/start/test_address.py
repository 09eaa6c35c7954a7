"""Where the server listens, and its names."""

from __future__ import annotations

import socket

import pytest

from improvement.exceptions import CannotStart
from webapp.supervisor.address import Address, allowed_hosts, listen


def test_port_zero_becomes_a_real_one() -> None:
    listening, address = listen(Address("127.0.0.1", 0))
    with listening:
        assert address == Address("127.0.0.1", listening.getsockname()[1])
        assert address.port > 0


def test_taken_port_is_told_with_another_to_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart) as caught:
            listen(Address("127.0.0.1", port))
    assert caught.value.message == (
        f"Another program listens on 127.0.0.1:{port}; stop it, or choose another port: up --port {port + 1}"
    )


def test_address_of_another_machine_is_refused() -> None:
    with pytest.raises(CannotStart, match=r"cannot listen on 192\.0\.2\.1:8000: .*--host and --port"):
        listen(Address("192.0.2.1", 8000))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("box.example", "http://box.example:8000"),
    ],
)
def test_url_is_one_that_opens_on_this_machine(host: str, url: str) -> None:
    assert Address(host, 8000).url == url


def test_hosts_are_the_configured_the_local_and_the_given_ones() -> None:
    names = allowed_hosts(Address("Box.example", 8000), ["countersign.example"])
    assert names == ("countersign.example", "localhost", "127.0.0.1", "box.example")


@pytest.mark.allow_hosts(["127.0.0.1", "192.0.2.1"])  # asks the kernel for a route; nothing is sent
def test_listening_everywhere_allows_the_machines_own_names_and_never_all() -> None:
    names = allowed_hosts(Address("0.0.0.0", 8000), [])
    assert socket.gethostname().lower() in names
    assert "*" not in names
