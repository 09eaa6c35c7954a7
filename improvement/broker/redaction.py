"""Secrets are taken out of what goes to a model, and out of what is kept of it.

Every pattern begins where a word begins and is read in one pass, so a prompt that is made to be slow is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from improvement.engine.model_calls import ModelAnswer, ModelRequest

REMOVED = "[secret removed]"
SHORTEST = 8  # a shorter text stands in too many innocent places

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[^-]|-(?!----))*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
)
_TOKEN = re.compile(
    r"""(?<![A-Za-z0-9_-])(?:
      sk-[A-Za-z0-9_-]{20,}                                       # OpenAI, Anthropic and others
    | xai-[A-Za-z0-9]{20,}
    | AIza[A-Za-z0-9_-]{30,}                                      # Google
    | ya29\.[A-Za-z0-9._-]{20,}
    | gh[pousr]_[A-Za-z0-9]{30,} | github_pat_[A-Za-z0-9_]{22,}
    | glpat-[A-Za-z0-9_-]{20,}
    | xox[abeprs]-[A-Za-z0-9-]{10,}                               # Slack
    | (?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])                    # AWS
    | hf_[A-Za-z0-9]{30,} | npm_[A-Za-z0-9]{36} | pypi-AgE[A-Za-z0-9_-]{50,}
    | [rs]k_(?:live|test)_[A-Za-z0-9]{16,}                        # Stripe
    | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}  # a signed JSON web token
    )""",
    re.VERBOSE,
)
_IN_ADDRESS = re.compile(r"(://[^\s:/@]{0,100}:)[^\s/@]{1,200}(?=@)")
_BEARER = re.compile(r"(?<![A-Za-z])((?:Bearer|Basic)\s{1,4})[A-Za-z0-9._~+/=-]{20,}", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"""((?:password|passwd|secret|api_?key|access_?key|access_?token|auth_?token|private_?key)
         [A-Za-z0-9_]{0,20}["']?\s{0,4}[:=]\s{0,4}["'])
        (?=[^"'\s]{0,199}[0-9])(?=[^"'\s]{0,199}[A-Za-z])[^"'\s]{8,200}(?=["'])""",
    re.VERBOSE | re.IGNORECASE,
)


class Redaction:
    """Takes secrets out of texts: what looks like one, and the ``known`` ones of this installation."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        words = sorted({word for word in known if len(word) >= SHORTEST}, key=lambda word: (-len(word), word))
        self._known = re.compile("|".join(map(re.escape, words))) if words else None

    def text(self, text: str) -> str:
        """Return the text with each secret replaced; doing it twice changes nothing more."""
        cleaned = self._known.sub(REMOVED, text) if self._known else text
        cleaned = _TOKEN.sub(REMOVED, _PRIVATE_KEY.sub(REMOVED, cleaned))
        for pattern in (_IN_ADDRESS, _BEARER, _ASSIGNED):
            cleaned = pattern.sub(rf"\g<1>{REMOVED}", cleaned)
        return cleaned

    def request(self, request: ModelRequest) -> ModelRequest:
        """Return the request as it may leave and be kept."""
        messages = tuple(replace(message, text=self.text(message.text)) for message in request.messages)
        return replace(request, messages=messages, stop=tuple(map(self.text, request.stop)))

    def answer(self, answer: ModelAnswer) -> ModelAnswer:
        """Return the answer as it may be handed on and be kept."""
        error = None if answer.error is None else self.text(answer.error)
        return replace(answer, text=self.text(answer.text), error=error)
