"""Models that the environment states: a TOML file, and the keys of providers that stand in the usual variables."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from improvement.broker.configuration import ADDRESSES, Dialect, ModelConfig
from improvement.broker.vault import check_key
from improvement.exceptions import Invalid

_TEXTS = ("dialect", "address", "model", "key")
_NUMBERS = ("max_tokens", "seconds", "requests_per_minute")
_PRICES = ("price_in", "price_out")
_KNOWN = (*_TEXTS, *_PRICES, *_NUMBERS, "private")

# What each provider's key makes available when no file says otherwise: list prices of November 2026, US dollars.
_USUAL = {
    "OPENAI_API_KEY": ("openai", Dialect.OPENAI, "gpt-6.1-sol", Decimal(2), Decimal(10)),
    "ANTHROPIC_API_KEY": ("anthropic", Dialect.ANTHROPIC, "claude-sonnet-5-5", Decimal(2), Decimal(10)),
    "GEMINI_API_KEY": ("gemini", Dialect.GEMINI, "gemini-3.8-flash", Decimal("1.50"), Decimal("7.50")),
    "XAI_API_KEY": ("xai", Dialect.XAI, "grok-4.7", Decimal(2), Decimal(6)),
}


@dataclass(frozen=True, slots=True)
class Stated:
    """One model that the environment states; ``key`` is None where its server wants none or none is set."""

    config: ModelConfig
    key: str | None = field(repr=False)
    wants_key: bool = True


def stated_models(text: str, *, where: str, variables: Mapping[str, str]) -> tuple[Stated, ...]:
    """Return the models of a TOML file's text and of the usual key variables, by name.

    A usual model gives way to one of the same name in the file. ``where`` names the file in errors; raises ``Invalid``.
    """
    found = {one.config.name: one for one in _usual(variables)}
    found |= {one.config.name: one for one in models_of_file(text, where=where, variables=variables)}
    return tuple(found[name] for name in sorted(found))


def _usual(variables: Mapping[str, str]) -> list[Stated]:
    return [
        Stated(ModelConfig(name, dialect, ADDRESSES[dialect], model, price_in, price_out), _key(variables, variable))
        for variable, (name, dialect, model, price_in, price_out) in _USUAL.items()
        if variables.get(variable, "").strip()
    ]


def models_of_file(text: str, *, where: str, variables: Mapping[str, str]) -> list[Stated]:
    """Return the models of a TOML file's text alone, in its order; raises ``Invalid``."""
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, ArithmeticError) as error:
        raise Invalid(f"{where} is not TOML: {error}.") from error
    models = content.pop("models", {})
    if content or not isinstance(models, dict) or not all(isinstance(one, dict) for one in models.values()):
        raise Invalid(f"{where} may hold tables of the form [models.NAME] only.")
    return [_model(name, table, f"{where}, [models.{name}]", variables) for name, table in models.items()]


def _model(name: str, table: Mapping[str, Any], where: str, variables: Mapping[str, str]) -> Stated:
    _check_table(table, where)
    dialect = _dialect(table.get("dialect", "compatible"), where)
    address = table.get("address", ADDRESSES.get(dialect))
    if address is None or "model" not in table:
        raise Invalid(f"{where}: model is missing, or the address that a compatible server needs.")
    prices = {key: Decimal(table[key]) for key in _PRICES if key in table}
    further: dict[str, Any] = {key: table[key] for key in (*_NUMBERS, "private") if key in table}
    try:
        config = ModelConfig(name, dialect, address, table["model"], **{**further, **prices})
    except Invalid as problem:
        raise Invalid(f"{where}: {problem.message}") from problem
    return Stated(config, _key(variables, table["key"]) if "key" in table else None, wants_key="key" in table)


def _check_table(table: Mapping[str, Any], where: str) -> None:
    for key, value in table.items():
        if key not in _KNOWN:
            raise Invalid(f"{where}: there is no {key}; a model has {', '.join(_KNOWN)}.")
        if key in _TEXTS and not isinstance(value, str):
            raise Invalid(f"{where}: {key} is a text.")
        if key in _PRICES and (isinstance(value, bool) or not isinstance(value, int | Decimal)):
            raise Invalid(f"{where}: {key} is a number of US dollars for a million tokens.")
        if key == "private" and not isinstance(value, bool):
            raise Invalid(f"{where}: private is true or false.")


def _dialect(value: str, where: str) -> Dialect:
    try:
        return Dialect(value)
    except ValueError:
        raise Invalid(f"{where}: dialect is one of {', '.join(Dialect)}.") from None


def _key(variables: Mapping[str, str], name: str) -> str | None:
    """Return the key that an environment variable holds; the message of a wrong one names only the variable."""
    try:
        return check_key(variables.get(name, "")) or None
    except Invalid as problem:
        raise Invalid(f"The environment variable {name[:60]!r} holds no key: it is not one plain word.") from problem
