"""Which language models there are: what an administrator states of each, checked."""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from improvement.engine.consulting import Offer
from improvement.exceptions import Invalid

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
_MODEL = re.compile(r"[^\s\x00-\x1f\x7f]{1,120}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_PLAIN = re.compile(r"[\x21-\x7e]{1,300}")
MAX_PRICE = Decimal(100_000)
DECIMALS = 6
MAX_SECONDS = 3600
MAX_TOKENS = 200_000
MAX_REQUESTS = 100_000


class Dialect(StrEnum):
    """The wire format that a model's server speaks."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    XAI = "xai"
    COMPATIBLE = "compatible"


ADDRESSES = {
    Dialect.OPENAI: "https://api.openai.com/v1",
    Dialect.ANTHROPIC: "https://api.anthropic.com/v1",
    Dialect.GEMINI: "https://generativelanguage.googleapis.com/v1beta",
    Dialect.XAI: "https://api.x.ai/v1",
}


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One language model, as it is configured.

    ``name`` is what strategies call it, ``model`` what its server calls it. Prices are in US dollars for a million
    tokens, ``seconds`` is the most that one answer may take, retries included. ``private`` says that the address may be
    one of this machine or this network; only then may it be plain http.
    """

    name: str
    dialect: Dialect
    base_url: str
    model: str
    price_in: Decimal = Decimal(0)
    price_out: Decimal = Decimal(0)
    max_tokens: int = 8192
    seconds: int = 180
    requests_per_minute: int = 60
    private: bool = False

    def __post_init__(self) -> None:
        _check_names(self.name, self.model)
        _check_address(self.base_url, private=self.private)
        for price in (self.price_in, self.price_out):
            _check_price(self.name, price)
        _check_whole(self.name, "max_tokens", self.max_tokens, MAX_TOKENS)
        _check_whole(self.name, "seconds", self.seconds, MAX_SECONDS)
        _check_whole(self.name, "requests_per_minute", self.requests_per_minute, MAX_REQUESTS)

    @property
    def host(self) -> str:
        """The host of the address."""
        return urlsplit(self.base_url).hostname or ""

    def offer(self, weight: float = 1.0) -> Offer:
        """Return what a strategy may know of it."""
        return Offer(self.name, weight, float(self.price_in), float(self.price_out), self.max_tokens)

    def cost_microusd(self, tokens_in: int, tokens_out: int) -> int:
        """Return what so many tokens cost, in millionths of a US dollar, rounded up."""
        return math.ceil(tokens_in * self.price_in + tokens_out * self.price_out)


def _check_names(name: str, model: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name[:80]!r} cannot name a model here: use 1 to 60 small letters, digits or . _ - and begin with a "
            "letter or digit."
        )
    if not _MODEL.fullmatch(model):
        raise Invalid(f"{name}: say what the server calls the model, in up to 120 characters without spaces.")


def _check_price(name: str, price: Decimal) -> None:
    if not price.is_finite() or not 0 <= price <= MAX_PRICE or price != round(price, DECIMALS):
        raise Invalid(
            f"{name}: a price is from 0 to {MAX_PRICE} US dollars for a million tokens, with up to {DECIMALS} decimals."
        )


def _check_address(address: str, *, private: bool) -> None:
    """Raise ``Invalid`` for what is no plain address of a server: with a password, a query, or http without need."""
    try:
        parts = _parts(address)
    except ValueError as error:
        raise Invalid(
            f"{_shown(address)} is not the address of a server: write https://host/path in up to 300 plain "
            "characters, without user, query or #."
        ) from error
    if parts.scheme == "http" and not private:
        raise Invalid(
            f"{_shown(address)} is not encrypted: use https://, or say that it is a private address of this machine or "
            "network."
        )


def _parts(address: str) -> SplitResult:
    """Split an address; raises ValueError for one that is no plain address of a server."""
    if not _PLAIN.fullmatch(address):
        raise ValueError
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or parts.username is not None or parts.password is not None:
        raise ValueError
    if parts.query or parts.fragment or parts.port == 0:
        raise ValueError
    if ":" in host:
        ipaddress.IPv6Address(host)
    elif not _HOST.fullmatch(host):
        raise ValueError
    return parts


def _shown(address: str) -> str:
    """Return an address for a message, without what stands before an @: people paste passwords there."""
    return repr(re.sub(r"//[^/@]*@", "//…@", address)[:120])


def _check_whole(name: str, key: str, value: int, most: int) -> None:
    if type(value) is not int or not 1 <= value <= most:
        raise Invalid(f"{name}: {key} is a whole number from 1 to {most}.")
