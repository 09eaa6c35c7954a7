"""What may be stated of a model, and what its tokens cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from improvement.broker.configuration import ADDRESSES, Dialect, ModelConfig
from improvement.exceptions import Invalid


def _config(**changes: Any) -> ModelConfig:
    stated: dict[str, Any] = {
        "name": "small",
        "dialect": Dialect.COMPATIBLE,
        "base_url": "https://models.example.org/v1",
        "model": "small-1",
    }
    return ModelConfig(**{**stated, **changes})


@pytest.mark.parametrize(
    ("tokens", "prices", "cost"),
    [((0, 0), ("3", "15"), 0), ((1000, 10), ("3", "15"), 3150), ((1, 0), ("0.05", "0"), 1), ((9, 9), ("0", "0"), 0)],
)
def test_cost_is_exact_and_rounded_up(tokens: tuple[int, int], prices: tuple[str, str], cost: int) -> None:
    config = _config(price_in=Decimal(prices[0]), price_out=Decimal(prices[1]))
    assert config.cost_microusd(*tokens) == cost


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "Two Words"},
        {"name": "-x"},
        {"model": ""},
        {"model": "two words"},
        {"price_in": Decimal(-1)},
        {"price_out": Decimal("NaN")},
        {"price_out": Decimal("0.0000001")},
        {"base_url": f"https://models.example.org/{'v' * 300}"},
        {"max_tokens": 0},
        {"seconds": 3601},
        {"requests_per_minute": 0},
    ],
    ids=repr,
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        _config(**changes)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "models.example.org",
        "ftp://models.example.org",
        "file:///etc/passwd",
        "https://",
        "https://user:hunter2@models.example.org/v1",
        "https://models.example.org/v1?key=1",
        "https://models.example.org/#x",
        "https://models.example.org:99999/",
        "https://models.example.org:0/",
        "https://mod els.example.org/",
        "https://models.example.org/\r\nX: y",
        "https://models.exa\nmple.org/",
        "https://models.example.org/\t",
        " https://models.example.org/",
        "https://mödels.example.org/",
        "https://[nonsense]/",
    ],
)
@pytest.mark.parametrize("private", [False, True])
def test_what_is_no_plain_address_is_refused(address: str, private: bool) -> None:
    with pytest.raises(Invalid) as refused:
        _config(base_url=address, private=private)
    assert "hunter2" not in refused.value.message


def test_plain_http_has_to_be_private() -> None:
    with pytest.raises(Invalid, match="not encrypted"):
        _config(base_url="http://127.0.0.1:8080/v1")
    assert _config(base_url="http://[::1]:8080/v1", private=True).host == "::1"


def test_every_known_provider_has_a_valid_address() -> None:
    assert {_config(dialect=dialect, base_url=url).dialect for dialect, url in ADDRESSES.items()} == set(Dialect) - {
        Dialect.COMPATIBLE
    }
