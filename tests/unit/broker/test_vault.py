"""Keys at rest: opened only here, and only for the address that they were given for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from improvement.broker.configuration import Dialect, ModelConfig
from improvement.broker.vault import check_key, end_of, seal, unseal
from improvement.exceptions import Invalid

CONFIG = ModelConfig("small", Dialect.COMPATIBLE, "https://models.example.org/v1", "small-1")
KEY = "sk-0123456789abcdef"
BY = bytes(range(32))


def test_a_key_comes_back_for_its_own_address() -> None:
    sealed = seal(KEY, CONFIG, by=BY)
    assert KEY.encode() not in sealed
    assert unseal(sealed, replace(CONFIG, model="small-2", seconds=7), by=BY) == KEY


def test_no_two_seals_are_equal() -> None:
    assert seal(KEY, CONFIG, by=BY) != seal(KEY, CONFIG, by=BY)


@pytest.mark.parametrize(
    "other",
    [
        replace(CONFIG, base_url="https://elsewhere.example.org/v1"),
        replace(CONFIG, name="other"),
        replace(CONFIG, dialect=Dialect.OPENAI),
    ],
)
def test_a_key_is_not_opened_for_another_address(other: ModelConfig) -> None:
    with pytest.raises(Invalid, match="Enter it again"):
        unseal(seal(KEY, CONFIG, by=BY), other, by=BY)


@pytest.mark.parametrize("sealed", [b"", b"x" * 12, b"x" * 60])
def test_what_was_never_sealed_here_is_not_opened(sealed: bytes) -> None:
    with pytest.raises(Invalid):
        unseal(sealed, CONFIG, by=BY)
    with pytest.raises(Invalid):
        unseal(seal(KEY, CONFIG, by=bytes(32)), CONFIG, by=BY)


def test_a_key_is_one_plain_word() -> None:
    assert check_key(f"  {KEY}\n") == KEY
    for wrong in ("two words", "sk-\nX: y", "schlüssel", "k" * 401, "a\x00b"):
        with pytest.raises(Invalid) as refused:
            check_key(wrong)
        assert wrong not in refused.value.message


@pytest.mark.parametrize(("key", "end"), [(KEY, "cdef"), ("short", ""), ("", "")])
def test_only_the_end_of_a_long_key_is_shown(key: str, end: str) -> None:
    assert end_of(key) == end
