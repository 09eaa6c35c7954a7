"""Checkpoints are C2SP signed notes, and the pure Python verifier agrees with the library that signs."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from improvement.exceptions import LedgerError
from improvement.ledger.checkpoint import SigningKey, read_checkpoint, verify_checkpoint
from improvement.ledger.verify import ed25519_verify

ROOT = bytes(range(32))

# RFC 8032, 7.1, tests 1 to 3: public key, message, signature.
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.create(tmp_path / "log.key", "countersign.example/acme")


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_ed25519_accepts_the_reference_signatures(public: str, message: str, signature: str) -> None:
    assert ed25519_verify(bytes.fromhex(public), bytes.fromhex(signature), bytes.fromhex(message))
    assert not ed25519_verify(bytes.fromhex(public), bytes.fromhex(signature), bytes.fromhex(message) + b"!")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2), st.integers(0, 95), st.integers(0, 255))
def test_ed25519_agrees_with_the_signing_library_on_damaged_input(test: int, place: int, value: int) -> None:
    public, message, signature = (bytearray.fromhex(text) for text in RFC_8032[test])
    joined = public + signature
    joined[place] = value
    try:
        Ed25519PublicKey.from_public_bytes(bytes(joined[:32])).verify(bytes(joined[32:]), bytes(message))
        expected = True
    except (InvalidSignature, ValueError):
        expected = False
    assert ed25519_verify(bytes(joined[:32]), bytes(joined[32:]), bytes(message)) is expected


@given(st.binary(max_size=70), st.binary(max_size=70))
def test_ed25519_refuses_noise(public: bytes, signature: bytes) -> None:
    assert not ed25519_verify(public, signature, b"message")


def test_a_checkpoint_states_what_was_signed(key: SigningKey) -> None:
    checkpoint = verify_checkpoint(key.sign(key.name, 1042, ROOT), key.vkey)
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == ("countersign.example/acme", 1042, ROOT)


def test_a_checkpoint_has_the_form_of_a_signed_note(key: SigningKey) -> None:
    lines = key.sign(key.name, 1042, ROOT).split("\n")
    assert lines[:4] == ["countersign.example/acme", "1042", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", ""]
    assert lines[4].startswith("\u2014 countersign.example/acme ")
    assert lines[5:] == [""]


def test_the_verifier_key_is_the_one_of_the_signed_note_specification(key: SigningKey) -> None:
    # The example key of golang.org/x/mod/sumdb/note.
    text = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
    path = Path("unused.key")
    peter = SigningKey._parse(text, path)
    assert peter.vkey == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_a_cosignature_of_somebody_else_is_ignored(key: SigningKey) -> None:
    text = key.sign(key.name, 3, ROOT) + "\u2014 witness.example AAAAAAAAAAAAAAAAAAAA\n"
    assert verify_checkpoint(text, key.vkey).size == 3


def test_a_key_comes_back_from_its_file_and_is_for_its_owner_only(tmp_path: Path) -> None:
    made = SigningKey.create(tmp_path / "log.key", "log")
    assert (tmp_path / "log.key").stat().st_mode & 0o777 == 0o600
    assert SigningKey.load(tmp_path / "log.key").vkey == made.vkey
    assert made.vkey not in repr(made)


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    made = SigningKey.create(tmp_path / "log.key", "log")
    with pytest.raises(LedgerError, match="exists already"):
        SigningKey.create(tmp_path / "log.key", "log")
    assert SigningKey.load(tmp_path / "log.key").vkey == made.vkey


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    SigningKey.create(tmp_path / "log.key", "log")
    (tmp_path / "log.key").chmod(0o640)
    with pytest.raises(LedgerError, match="chmod 600"):
        SigningKey.load(tmp_path / "log.key")


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\nbreak", "x" * 121])
def test_a_log_with_an_unusable_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LedgerError, match="cannot be named"):
        SigningKey.create(tmp_path / "log.key", name)
    assert not (tmp_path / "log.key").exists()


def test_a_missing_or_damaged_key_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    with pytest.raises(LedgerError, match="restore it from a backup"):
        SigningKey.load(path)
    SigningKey.create(path, "log")
    for text in ("", "hello", path.read_text().replace("+log+", "+other+"), path.read_text()[:-5]):
        path.write_text(text)
        with pytest.raises(LedgerError, match="log key"):
            SigningKey.load(path)


def test_a_key_signs_for_no_other_log(key: SigningKey) -> None:
    with pytest.raises(LedgerError, match="does not sign for the log other"):
        key.sign("other", 1, ROOT)
    with pytest.raises(LedgerError, match="root of 32 bytes"):
        key.sign(key.name, 1, b"short")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log",
        "log\n1\n\n",
        "log\n01\nAAAA\n\n\u2014 log AAAA\n",
        "log\n1\nAAAA\n\n\u2014 log AAAA\n",
        "log\n1\n!\n\nx\n",
    ],
)
def test_what_is_not_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        read_checkpoint(text)


def test_a_checkpoint_that_is_not_signed_by_the_key_is_refused(tmp_path: Path, key: SigningKey) -> None:
    other = SigningKey.create(tmp_path / "other.key", key.name)
    signed = key.sign(key.name, 7, ROOT)
    for text, vkey, complaint in (
        (signed, other.vkey, "not signed by the given key"),
        (signed.replace("\n7\n", "\n8\n"), key.vkey, "signature is wrong"),
        (signed[:-1], key.vkey, "cut off"),
        (signed.replace("\u2014", "-"), key.vkey, "malformed signature"),
        (signed, key.vkey[:-2] + "==", "damaged"),
        (signed, "nonsense", "not a verifier key"),
    ):
        with pytest.raises(LedgerError, match=complaint):
            verify_checkpoint(text, vkey)
