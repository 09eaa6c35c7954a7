"""Signed heads of the log: C2SP signed notes (c2sp.org/signed-note) that are checkpoints (c2sp.org/tlog-checkpoint).

The private key file is one line in the form that Go's ``sumdb/note`` uses, so existing tools can sign with it too.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from improvement.exceptions import LedgerError
from improvement.ledger.verify import Checkpoint, Refused, open_checkpoint, parse_checkpoint, parse_key

__all__ = ["Checkpoint", "SigningKey", "read_checkpoint", "verify_checkpoint"]

ED25519 = b"\x01"
_NAME = re.compile(r"[^\s+]{1,120}")


@dataclass(frozen=True)
class SigningKey:
    """A log's Ed25519 key; ``name`` is the log's name and the origin of every checkpoint it signs."""

    name: str
    private: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"SigningKey(name={self.name!r})"

    @classmethod
    def create(cls, path: Path, name: str) -> SigningKey:
        """Make a new key, write it to a file that only its owner can read, and return it.

        Raises ``LedgerError`` when the name is unusable or the file exists: a log's key is never replaced silently.
        """
        if not _NAME.fullmatch(name):
            raise LedgerError(f"The log cannot be named {name!r}: use up to 120 characters without spaces and plus.")
        key = cls(name, Ed25519PrivateKey.generate())
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise LedgerError(f"{path.name} exists already: use that key, a log keeps its key.") from None
        except OSError as error:
            raise LedgerError(f"The log's key cannot be written to {path}: {error.strerror}.") from error
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(key._private_text() + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        return key

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """Return the key in a file, or raise ``LedgerError`` when it is missing, damaged, or readable by others."""
        try:
            with path.open(encoding="utf-8") as stream:
                if os.fstat(stream.fileno()).st_mode & 0o077:
                    raise LedgerError(f"The log's key {path.name} can be read by others: run chmod 600 on it.")
                text = stream.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise LedgerError(f"The log's key cannot be read, restore it from a backup: {error}.") from error
        return cls._parse(text, path)

    @classmethod
    def _parse(cls, text: str, path: Path) -> SigningKey:
        match = re.fullmatch(r"PRIVATE\+KEY\+([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", text)
        data = base64.b64decode(match[3]) if match else b""
        if match is None or data[:1] != ED25519 or len(data) != 33:
            raise LedgerError(f"{path.name} is not a log key: restore it from a backup.")
        key = cls(match[1], Ed25519PrivateKey.from_private_bytes(data[1:]))
        if key.key_id.hex() != match[2]:
            raise LedgerError(f"{path.name} is a damaged log key: restore it from a backup.")
        return key

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """The verifier key, one line of text to publish and to pin."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    def sign(self, origin: str, size: int, root: bytes) -> str:
        """Return the signed checkpoint over ``size`` events with this Merkle root (32 bytes).

        Raises ``LedgerError`` when ``origin`` is not this key's log.
        """
        if origin != self.name:
            raise LedgerError(f"The key of the log {self.name} does not sign for the log {origin}.")
        if size < 0 or len(root) != 32:
            raise LedgerError(f"A checkpoint needs a size and a root of 32 bytes, not {size} and {len(root)} bytes.")
        body = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        signature = base64.b64encode(self.key_id + self.private.sign(body.encode())).decode()
        return f"{body}\n\u2014 {self.name} {signature}\n"

    def _private_text(self) -> str:
        seed = base64.b64encode(ED25519 + self.private.private_bytes_raw()).decode()
        return f"PRIVATE+KEY+{self.name}+{self.key_id.hex()}+{seed}"


def read_checkpoint(text: str) -> Checkpoint:
    """Return what a checkpoint states without checking its signature, or raise ``LedgerError``."""
    try:
        return parse_checkpoint(text)
    except Refused as refusal:
        raise LedgerError(f"The checkpoint cannot be read: {refusal}.") from refusal


def verify_checkpoint(text: str, vkey: str) -> Checkpoint:
    """Return a checkpoint that the holder of the verifier key signed, or raise ``LedgerError``."""
    try:
        return open_checkpoint(text, parse_key(vkey))
    except Refused as refusal:
        raise LedgerError(f"The checkpoint cannot be trusted: {refusal}.") from refusal
