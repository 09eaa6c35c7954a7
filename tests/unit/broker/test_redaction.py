"""What counts as a secret, and what does not."""

from __future__ import annotations

import pytest

from improvement.broker.redaction import REMOVED, Redaction
from improvement.engine.model_calls import Message, ModelAnswer, ModelRequest, Speaker

LETTERS = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIE/abc+==\n-----END RSA PRIVATE KEY-----"
SECRETS = [
    f"sk-proj-{LETTERS}",
    f"sk-ant-api03-{LETTERS}",
    f"xai-{LETTERS}",
    f"AIza{LETTERS[:35]}",
    f"ghp_{LETTERS}",
    f"github_pat_{LETTERS}",
    f"glpat-{LETTERS[:20]}",
    f"xoxb-{LETTERS}",
    "AKIAIOSFODNN7EXAMPLE",
    f"hf_{LETTERS}",
    f"npm_{LETTERS}",
    f"sk_live_{LETTERS}",
    f"eyJ{LETTERS}.{LETTERS}.{LETTERS}",
    PEM,
    PEM.partition("-----END")[0],
]


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret[:12])
def test_what_looks_like_a_secret_is_removed(secret: str) -> None:
    assert Redaction().text(f"before\n{secret}") == f"before\n{REMOVED}"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("postgresql://me:hunter2@db.example.org/x", f"postgresql://me:{REMOVED}@db.example.org/x"),
        ("https://:t0ken@example.org", f"https://:{REMOVED}@example.org"),
        (f"Authorization: Bearer {LETTERS}", f"Authorization: Bearer {REMOVED}"),
        ('password = "correct4horse"', f'password = "{REMOVED}"'),
        ("{'api_key': 'abcdefg123'}", f"{{'api_key': '{REMOVED}'}}"),
        ("DB_PASSWORD_MAIN: 'abcdefg123'", f"DB_PASSWORD_MAIN: '{REMOVED}'"),
    ],
)
def test_what_stands_where_secrets_stand_is_removed(text: str, left: str) -> None:
    assert Redaction().text(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "task-based-scheduling-of-everything = 1",
        "https://example.org:8080/a@b",
        'token = "<end of text>"',
        'password = "password"',
        "secret_number = 12345678",
        "d41d8cd98f00b204e9800998ecf8427e",
        "eyJ is not alone a token",
        "bearer of bad news",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert Redaction().text(text) == text


def test_known_secrets_are_removed_wherever_they_stand_the_longest_first() -> None:
    redaction = Redaction(["hunter22", "hunter22-and-more", "short", ""])
    assert redaction.text("xhunter22x hunter22-and-more short") == f"x{REMOVED}x {REMOVED} short"


def test_twice_is_as_good_as_once() -> None:
    redaction = Redaction(["secret", "removed1"])
    once = redaction.text("\n".join([*SECRETS, "https://a:b@c", "password='abcdefg123'"]))
    assert redaction.text(once) == once


def test_requests_and_answers_are_cleaned_as_a_whole() -> None:
    redaction = Redaction(["hunter22"])
    request = ModelRequest((Message(Speaker.USER, "hunter22"),), "m", stop=("hunter22",))
    assert redaction.request(request) == ModelRequest((Message(Speaker.USER, REMOVED),), "m", stop=(REMOVED,))
    answer = ModelAnswer("hunter22", "m", error="no hunter22")
    assert redaction.answer(answer) == ModelAnswer(REMOVED, "m", error=f"no {REMOVED}")


@pytest.mark.parametrize(
    "piece", ["-----BEGIN PRIVATE KEY-----", "eyJ", "eyJ-", "sk-", "://", "://a:", "password='1", "Bearer ", "sk-a-"]
)
def test_a_text_that_is_made_to_be_slow_is_read(piece: str) -> None:
    """With patterns that look back and forth this would take hours, beyond the test's own limit."""
    assert Redaction().text(piece * (1_000_000 // len(piece)))
