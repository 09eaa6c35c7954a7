"""Which addresses a model's server may have."""

from __future__ import annotations

import pytest

from improvement.broker.addresses import resolve
from improvement.exceptions import ModelFailed

PUBLIC = ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::93.184.216.34", "::ffff:93.184.216.34"]
OURS = [
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "10.0.0.1",
    "192.168.1.1",
    "172.16.0.1",
    "100.64.0.1",
    "fd00::1",
    "::ffff:10.0.0.1",
    "64:ff9b::127.0.0.1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "fec0::1",
]
NOBODYS = [
    "169.254.169.254",
    "fe80::1",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "240.0.0.1",
    "255.255.255.255",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
]


@pytest.mark.parametrize("address", PUBLIC)
@pytest.mark.parametrize("private", [False, True])
def test_public_addresses_are_reached(address: str, private: bool) -> None:
    assert resolve(address, 443, private=private) != ()


@pytest.mark.parametrize("address", OURS)
def test_addresses_of_this_machine_or_network_need_a_word(address: str) -> None:
    assert resolve(address, 80, private=True) != ()
    with pytest.raises(ModelFailed, match="An administrator has to say"):
        resolve(address, 80, private=False)


@pytest.mark.parametrize("address", NOBODYS)
@pytest.mark.parametrize("private", [False, True])
def test_other_addresses_are_never_reached(address: str, private: bool) -> None:
    with pytest.raises(ModelFailed, match="no model may have"):
        resolve(address, 80, private=private)


@pytest.mark.parametrize("written", ["127.1", "0x7f000001", "2130706433"])
def test_another_spelling_of_an_address_changes_nothing(written: str) -> None:
    with pytest.raises(ModelFailed, match="An administrator has to say"):
        resolve(written, 80, private=False)


@pytest.mark.parametrize("name", ["nobody.invalid", "a" * 64 + ".example.org", "a..b"])
def test_a_name_that_is_none_is_said(name: str) -> None:
    with pytest.raises(ModelFailed, match="cannot be resolved"):
        resolve(name, 80, private=True)
