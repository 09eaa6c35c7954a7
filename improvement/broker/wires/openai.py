"""OpenAI's chat completions, which xAI, vLLM, Ollama, llama.cpp and many others speak too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from improvement.broker.configuration import ModelConfig
from improvement.broker.wires.wire import Event, Heard, problem_in
from improvement.engine.model_calls import FinishReason, ModelRequest

_ENDS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH, "content_filter": FinishReason.REFUSED}


@dataclass(frozen=True, slots=True)
class OpenAI:
    """The chat completions format; servers differ in what they call the limit of the answer."""

    limit_key: str

    def path(self, config: ModelConfig) -> str:
        """Return the path of chat completions."""
        return "/chat/completions"

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the bearer token; a server of one's own often needs none."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def body(self, request: ModelRequest, config: ModelConfig) -> dict[str, Any]:
        """Return the body that asks for a stream which ends with the count of tokens."""
        optional = {"temperature": request.temperature, "seed": request.seed, "stop": list(request.stop) or None}
        return {
            "model": config.model,
            "messages": [{"role": one.role.value, "content": one.text} for one in request.messages],
            self.limit_key: min(request.max_tokens, config.max_tokens),
            "stream": True,
            "stream_options": {"include_usage": True},
            **{key: value for key, value in optional.items() if value is not None},
        }

    def hear(self, event: Event, heard: Heard) -> None:
        """Add one chunk: text, the reason of the end, tokens.

        Some servers leave what a model thought out of ``completion_tokens``, and charge for it: the total has it.
        """
        if event.get("error"):
            heard.error = problem_in(event) or "an error without words"
        usage = event.get("usage")
        if usage:
            asked, answered = usage.get("prompt_tokens"), usage.get("completion_tokens")
            heard.count(asked, max(answered or 0, (usage.get("total_tokens") or 0) - (asked or 0)))
        for choice in event.get("choices") or ():
            text = (choice.get("delta") or {}).get("content")
            if text:
                heard.say(text)
            if choice.get("finish_reason"):
                heard.finish = _ENDS.get(choice["finish_reason"], FinishReason.OTHER)
