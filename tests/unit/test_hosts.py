"""Which hosts an agent may reach: what is on the list, at its ports, and nothing else."""

from __future__ import annotations

import pytest

from improvement.exceptions import Invalid
from improvement.hosts import HostList, is_public, plain_name

LISTED = HostList.parse(["pypi.org", "*.example.org", "cache.example.net:8443", "Registry.Example.COM"])


@pytest.mark.parametrize(
    ("host", "port", "allowed"),
    [
        ("pypi.org", 443, True),
        ("pypi.org", 80, True),
        ("pypi.org", 22, False),
        ("files.pypi.org", 443, False),
        ("evilpypi.org", 443, False),
        ("a.example.org", 443, True),
        ("a.b.example.org", 80, True),
        ("example.org", 443, False),
        ("badexample.org", 443, False),
        ("cache.example.net", 8443, True),
        ("cache.example.net", 443, False),
        ("registry.example.com", 443, True),
    ],
)
def test_a_host_is_allowed_by_its_name_and_port(host: str, port: int, allowed: bool) -> None:
    assert LISTED.allows(host, port) is allowed


def test_an_empty_list_allows_nothing() -> None:
    assert not HostList().allows("pypi.org", 443)


@pytest.mark.parametrize(
    "entry",
    ["", "*", "*.org", "org", "127.0.0.1", "[::1]", "https://pypi.org", "pypi.org/simple", "a..b", "pypi.org:0",
     "pypi.org:99999", "pypi.org:https", "exa mple.org", "exämple.org", "-a.org", "*.*.example.org", "a.*.org"],
)  # fmt: skip
def test_an_entry_that_is_no_name_is_refused(entry: str) -> None:
    with pytest.raises(Invalid):
        HostList.parse([entry])


@pytest.mark.parametrize("value", [None, "pypi.org", [1], {"pypi.org": True}, ["a.example.org"] * 201])
def test_what_is_no_list_of_names_is_refused(value: object) -> None:
    with pytest.raises(Invalid):
        HostList.parse(value)


def test_a_name_is_written_in_one_way() -> None:
    assert plain_name("PyPI.org.") == "pypi.org"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("fec0::1", False),
        ("feff::1", False),
        ("::ffff:169.254.169.254", False),
        ("2002:a9fe:a9fe::1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
    ],
)
def test_only_addresses_of_the_public_network_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public
