"""Asking one configured model: a request goes out without secrets, and what comes back is an answer or the trouble."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx2

from improvement.broker import patience
from improvement.broker.configuration import ModelConfig
from improvement.broker.cutting import Cut
from improvement.broker.exchange import Exchange, Reply
from improvement.broker.redaction import Redaction
from improvement.broker.wires import wire_of
from improvement.broker.wires.wire import Heard, problem_in
from improvement.engine.model_calls import FinishReason, ModelAnswer, ModelRequest
from improvement.engine.visible import visible
from improvement.exceptions import ModelFailed

LETTERS_PER_TOKEN = 4  # on average: where a server counts nothing
_LONGEST_QUOTE = 300
_LARGEST_REFUSAL = 100_000


class Client:
    """The only speaker to one model. ``key`` is None for a server that wants none.

    ``pace_file`` counts the requests of all processes. ``secrets`` are this installation's, which never leave; the key
    itself is one of them. ``redaction`` is what takes them out, for those who keep what was asked. ``tries`` limits how
    often a request is sent; ``cut`` ends requests from another thread.
    """

    def __init__(
        self,
        config: ModelConfig,
        key: str | None,
        *,
        pace_file: Path,
        secrets: Iterable[str] = (),
        tries: int = patience.TRIES,
        cut: Cut | None = None,
    ) -> None:
        self.redaction = Redaction([*secrets, *([key] if key else [])])
        self._config = config
        self._wire = wire_of(config.dialect)
        self._exchange = Exchange(config, self._wire.headers(key), pace_file=pace_file, tries=tries, cut=cut)

    def answer(self, request: ModelRequest) -> ModelAnswer:
        """Ask and return the answer; what goes wrong stands in its ``error``, nothing is raised for it.

        Tokens are as the server counts them; where it says nothing, one for each four letters is taken. Raises
        ``Halted`` when it is cut off: what the answer would have been is not known then.
        """
        asked = self.redaction.request(request)
        body = json.dumps(self._wire.body(asked, self._config), ensure_ascii=False).encode()
        heard = Heard()
        try:
            with self._exchange.post(self._wire.path(self._config), body) as reply:
                self._listen(reply, heard)
        except ModelFailed as problem:
            heard.error = heard.error or problem.message
        return self.redaction.answer(self._made_of(asked, heard))

    def _listen(self, reply: Reply, heard: Heard) -> None:
        if reply.status != 200:
            raise ModelFailed(_refusal(reply))
        if reply.content_type != "text/event-stream":
            kind = reply.content_type or "nothing that has a name"
            raise ModelFailed(f"Its server answered with {kind} where a stream of events was asked for.")
        for data in _events(reply.chunks):
            self._hear(data, heard)
        if heard.finish is None and heard.error is None:
            raise ModelFailed("The answer was cut off before its end.")

    def _hear(self, data: str, heard: Heard) -> None:
        if data.strip() == "[DONE]":
            return
        try:
            self._wire.hear(json.loads(data), heard)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ModelFailed(
                f"Its server does not speak the {self._config.dialect.value} format: an event of its stream cannot be "
                "read."
            ) from error

    def _made_of(self, asked: ModelRequest, heard: Heard) -> ModelAnswer:
        text, failed = _whole("".join(heard.pieces)), heard.error is not None
        tokens_in, tokens_out = _counted(asked, text, heard)
        return ModelAnswer(
            text="" if failed else text,
            model=self._config.name,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cost_microusd=self._config.cost_microusd(tokens_in, tokens_out),
            finish_reason=FinishReason.FAILED if failed else heard.finish or FinishReason.OTHER,
            error=_line(heard.error) if heard.error is not None else None,
        )


def _events(chunks: Iterator[bytes]) -> Iterator[str]:
    """Give the data of each server-sent event."""
    stream = httpx2.Response(
        200,
        headers={"content-type": "text/event-stream; charset=utf-8"},
        content=chunks,
        request=httpx2.Request("POST", "https://model.invalid"),
    )
    try:
        for event in httpx2.EventSource(stream):
            yield event.data
    except httpx2.SSEError as error:
        raise ModelFailed("An event of the server's stream is too large.") from error


def _refusal(reply: Reply) -> str:
    """Say what a status other than 200 means, with the server's own words where it has some."""
    if 300 <= reply.status < 400:
        return f"Its server answered {reply.status}, a redirect, which is not followed: configure the final address."
    meanings = {401: "it does not take the key", 403: "this key may not use it", 404: "it has no such path or model"}
    meaning = meanings.get(
        reply.status, "it is overloaded or broken" if reply.status >= 429 else "it takes no such request"
    )
    told = problem_in(_json_of(reply.chunks))
    return f"Its server answered {reply.status}: {meaning}." + (f" It says: {told}" if told else "")


def _json_of(chunks: Iterator[bytes]) -> Any:
    content = b""
    for chunk in chunks:
        content += chunk
        if len(content) > _LARGEST_REFUSAL:
            return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _whole(text: str) -> str:
    """Return text without half characters: the halves of one that was cut between two pieces come together."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _line(text: str) -> str:
    return visible(" ".join(_whole(text).split()))[:_LONGEST_QUOTE]


def _counted(asked: ModelRequest, text: str, heard: Heard) -> tuple[int, int]:
    """Return the tokens asked and answered; of an answer that broke off, at least what its text must have taken."""
    began = bool(text) or heard.finish is not None
    asked_about = began * _about(sum(len(message.text) for message in asked.messages))
    answered = heard.tokens_out
    if answered is None or heard.finish is None:
        answered = max(answered or 0, _about(len(text)))
    return asked_about if heard.tokens_in is None else heard.tokens_in, answered


def _about(letters: int) -> int:
    return -(-letters // LETTERS_PER_TOKEN)
