"""Keys of models at rest: sealed with AES-256-GCM, and opened only for the address that they were given for."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from improvement.broker.configuration import ModelConfig
from improvement.exceptions import Invalid

MAX_KEY = 400
SHOWN = 4
_NONCE_BYTES = 12


def check_key(key: str) -> str:
    """Return a key without what surrounds it; raises ``Invalid`` for what can be no key, without repeating it."""
    stripped = key.strip()
    if not stripped.isascii() or not stripped.isprintable() or " " in stripped or len(stripped) > MAX_KEY:
        raise Invalid(f"This is no key: a key is one word of at most {MAX_KEY} plain characters.")
    return stripped


def seal(key: str, config: ModelConfig, *, by: bytes) -> bytes:
    """Return the key sealed by 32 secret bytes, for this model's address alone."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(by).encrypt(nonce, key.encode("ascii"), _for(config))


def unseal(sealed: bytes, config: ModelConfig, *, by: bytes) -> str:
    """Return the key, or raise ``Invalid`` when it was sealed by other bytes or for another address."""
    try:
        return AESGCM(by).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _for(config)).decode("ascii")
    except (InvalidTag, ValueError) as error:
        raise Invalid(
            f"The stored key of {config.name} cannot be opened: it was stored for another address or by another "
            "installation. Enter it again on the Models page."
        ) from error


def end_of(key: str) -> str:
    """Return the last characters, by which people tell keys apart; nothing of a key so short that they give it away."""
    return key[-SHOWN:] if len(key) >= 4 * SHOWN else ""


def _for(config: ModelConfig) -> bytes:
    return "\n".join((config.name, config.dialect.value, config.base_url)).encode()
