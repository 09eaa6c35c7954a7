"""Models that a file and the usual variables state."""

from __future__ import annotations

from decimal import Decimal

import pytest

from improvement.broker.configuration import ADDRESSES, Dialect, ModelConfig
from improvement.broker.environment import Stated, stated_models
from improvement.exceptions import Invalid

FILE = """\
[models.quick]
dialect = "anthropic"
model = "claude-quick"
key = "MY_KEY"
price_in = 0.25
price_out = 2
max_tokens = 1000

[models.here]
address = "http://127.0.0.1:8080/v1"
private = true
model = "qwen3"
"""
VARIABLES = {"MY_KEY": " sk-mine-0123456789 ", "XAI_API_KEY": ""}


def _read(text: str, **variables: str) -> tuple[Stated, ...]:
    return stated_models(text, where="models.toml", variables={**VARIABLES, **variables})


def test_a_file_states_models() -> None:
    quick = ModelConfig(
        "quick",
        Dialect.ANTHROPIC,
        ADDRESSES[Dialect.ANTHROPIC],
        "claude-quick",
        price_in=Decimal("0.25"),
        price_out=Decimal(2),
        max_tokens=1000,
    )
    here = ModelConfig("here", Dialect.COMPATIBLE, "http://127.0.0.1:8080/v1", "qwen3", private=True)
    assert _read(FILE) == (Stated(here, None, wants_key=False), Stated(quick, "sk-mine-0123456789"))


def test_a_usual_key_makes_a_model_available() -> None:
    found = _read("", OPENAI_API_KEY="sk-a", ANTHROPIC_API_KEY="sk-b", GEMINI_API_KEY="c", XAI_API_KEY="d")
    assert [(one.config.name, one.config.dialect.value, one.key) for one in found] == [
        ("anthropic", "anthropic", "sk-b"),
        ("gemini", "gemini", "c"),
        ("openai", "openai", "sk-a"),
        ("xai", "xai", "d"),
    ]
    assert all(one.config.price_in > 0 and one.config.price_out > 0 for one in found)


def test_the_file_wins_over_a_usual_model_of_the_same_name() -> None:
    (only,) = _read('[models.openai]\ndialect = "openai"\nmodel = "mine"\nkey = "MY_KEY"', OPENAI_API_KEY="sk-a")
    assert (only.config.model, only.key) == ("mine", "sk-mine-0123456789")


def test_a_key_that_is_not_there_is_wanted() -> None:
    (only,) = _read('[models.x]\ndialect = "openai"\nmodel = "m"\nkey = "NOT_SET"')
    assert (only.key, only.wants_key) == (None, True)


def test_no_key_shows_in_what_is_printed() -> None:
    assert "sk-mine" not in repr(_read(FILE))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[models.x", "models.toml is not TOML"),
        ("models = 3", "may hold tables of the form"),
        ("[model.x]\nmodel = 'm'", "may hold tables of the form"),
        ("[models]\nx = 1", "may hold tables of the form"),
        ("[models.x]\nmodel = 'm'", "model is missing, or the address"),
        ("[models.x]\ndialect = 'openai'", "model is missing, or the address"),
        ("[models.x]\ndialect = 'cobol'\nmodel = 'm'", "dialect is one of openai"),
        ("[models.x]\ndialect = 'openai'\nmodel = 'm'\nprice = 3", "there is no price; a model has dialect"),
        ("[models.x]\ndialect = 'openai'\nmodel = 7", "model is a text"),
        ("[models.x]\ndialect = 'openai'\nmodel = 'm'\nprice_in = 'cheap'", "price_in is a number"),
        ("[models.x]\ndialect = 'openai'\nmodel = 'm'\nprice_in = nan", "a price is from 0"),
        ("[models.x]\ndialect = 'openai'\nmodel = 'm'\nseconds = 1.5", "seconds is a whole number"),
        ("[models.x]\ndialect = 'openai'\nmodel = 'm'\nprivate = 1", "private is true or false"),
        ("[models.X]\ndialect = 'openai'\nmodel = 'm'", "cannot name a model"),
        ("[models.x]\naddress = 'http://a.example.org'\nmodel = 'm'", "not encrypted"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(text: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        _read(text)
    assert said in refused.value.message
    assert refused.value.message.startswith("models.toml")


def test_a_variable_that_holds_no_key_is_named_and_not_shown() -> None:
    with pytest.raises(Invalid) as refused:
        _read(FILE, MY_KEY="my secret words")
    assert refused.value.message == "The environment variable 'MY_KEY' holds no key: it is not one plain word."
