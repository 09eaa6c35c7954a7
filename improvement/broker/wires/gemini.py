"""Google's generateContent, streamed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from improvement.broker.configuration import ModelConfig
from improvement.broker.wires.wire import Event, Heard, problem_in
from improvement.engine.model_calls import FinishReason, Message, ModelRequest, Speaker

_ENDS = {"STOP": FinishReason.STOP, "MAX_TOKENS": FinishReason.LENGTH}
_REFUSED = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"})


class Gemini:
    """The generateContent format: the model stands in the path, the assistant is called model."""

    def path(self, config: ModelConfig) -> str:
        """Return the path of this model's streamed answers."""
        return f"/models/{quote(config.model.removeprefix('models/'), safe='')}:streamGenerateContent?alt=sse"

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the key; in a header, for addresses get into logs."""
        return {"x-goog-api-key": key} if key else {}

    def body(self, request: ModelRequest, config: ModelConfig) -> dict[str, Any]:
        """Return the body."""
        limits = {
            "maxOutputTokens": min(request.max_tokens, config.max_tokens),
            "temperature": request.temperature,
            "seed": request.seed,
            "stopSequences": list(request.stop) or None,
        }
        rules = [_part(one) for one in request.messages if one.role is Speaker.SYSTEM]
        return {
            "contents": [
                {"role": "model" if one.role is Speaker.ASSISTANT else "user", "parts": [_part(one)]}
                for one in request.messages
                if one.role is not Speaker.SYSTEM
            ],
            "generationConfig": {key: value for key, value in limits.items() if value is not None},
            **({"systemInstruction": {"parts": rules}} if rules else {}),
        }

    def hear(self, event: Event, heard: Heard) -> None:
        """Add one piece of the answer; what the model thought is counted and not added."""
        if event.get("error"):
            heard.error = problem_in(event) or "an error without words"
        if (event.get("promptFeedback") or {}).get("blockReason"):
            heard.finish = FinishReason.REFUSED
        usage = event.get("usageMetadata")
        if usage:
            answered = (usage.get("candidatesTokenCount") or 0) + (usage.get("thoughtsTokenCount") or 0)
            heard.count(usage.get("promptTokenCount"), answered)
        for candidate in event.get("candidates") or ():
            for part in (candidate.get("content") or {}).get("parts") or ():
                if part.get("text") and not part.get("thought"):
                    heard.say(part["text"])
            reason = candidate.get("finishReason")
            if reason:
                heard.finish = FinishReason.REFUSED if reason in _REFUSED else _ENDS.get(reason, FinishReason.OTHER)


def _part(message: Message) -> dict[str, str]:
    return {"text": message.text}
