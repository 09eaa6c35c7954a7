"""What of an agent's request may go to a provider: the conversation, and tools that the agent itself carries out.

Whatever the provider would search, fetch, run, keep or bill otherwise is refused by name; so is what is unknown. What
only tells of the asker is left out. Pictures and files pass where they stand in the request itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from improvement.exceptions import Invalid

Body = dict[str, Any]
BETAS = frozenset(
    {"effort-2025-11-24", "fine-grained-tool-streaming-2025-05-14", "interleaved-thinking-2025-05-14"},
)
_USUAL = {"n": 1, "candidateCount": 1, "background": False}
_ADDRESS = re.compile(r"ur[il]$|^file_?data$", re.IGNORECASE)
_FILE = re.compile(r"file_?ids?$", re.IGNORECASE)
_INERT = frozenset({"args", "input", "response"})  # what a tool was given or gave: data for the model alone
_LOW_LINE = re.compile(r"_([a-z])")


@dataclass(frozen=True, slots=True)
class Passage:
    """What one way of speaking lets pass.

    ``passed`` and ``left_out`` are keys of the body, ``content`` those of them that hold the conversation, ``kinds``
    the types of its parts. ``tools`` matches the types of tools that the agent carries out; without it a tool has no
    type and holds nothing but functionDeclarations.
    """

    passed: frozenset[str]
    left_out: frozenset[str]
    content: frozenset[str]
    kinds: frozenset[str]
    tools: re.Pattern[str] | None

    def through(self, body: Body) -> Body:
        """Return what passes of a body; raises Invalid for the first thing that may not."""
        passing = _kept({key: value for key, value in body.items() if key not in self.left_out}, self.passed)
        for key in sorted(self.content & passing.keys()):
            self._check(passing[key])
        for tool in _objects(passing.get("tools", [])):
            self._check_tool(tool)
        return passing

    def _check_tool(self, tool: Body) -> None:
        if self.tools is None:
            _kept(tool, frozenset({"functionDeclarations"}))
            return
        kind = tool.get("type", "custom")
        if not isinstance(kind, str) or not self.tools.fullmatch(kind):
            raise Invalid(f"A tool of type {str(kind)[:60]!r} is not passed on; only tools that you carry out are.")

    def _check(self, content: object) -> None:
        for key, value in _stated(content):
            if key == "type" and (not isinstance(value, str) or value not in self.kinds):
                raise Invalid(f"Content of type {str(value)[:60]!r} is not passed on.")
            if _FILE.search(key):
                raise Invalid(f"{key[:60]!r} is not passed on; put the file into the request itself.")
            if _ADDRESS.search(key) and isinstance(value, str) and not value.startswith("data:"):
                raise Invalid(f"{key[:60]!r} passes only as data:… in the request itself, never as an address.")


def spelled(body: Body) -> Body:
    """Return a body of Gemini's, which may spell its keys either way, in the one spelling that is then looked at."""
    spelt = _camel(body)
    if "generationConfig" in spelt:
        (settings,) = _objects([spelt["generationConfig"]], "generationConfig")
        spelt["generationConfig"] = _kept(_camel(settings), _SETTINGS)
    if "tools" in spelt:
        spelt["tools"] = [_camel(tool) for tool in _objects(spelt["tools"])]
    return spelt


def _camel(body: Body) -> Body:
    spelt = {_LOW_LINE.sub(lambda found: found[1].upper(), key): value for key, value in body.items()}
    if len(spelt) < len(body):
        raise Invalid(f"One of these is stated in two spellings: {', '.join(sorted(spelt))[:300]}.")
    return spelt


def _kept(body: Body, passed: frozenset[str]) -> Body:
    """Return a body without what is null or asks for the usual; raises Invalid for a key that does not pass."""
    stated = {key: value for key, value in body.items() if value is not None and _USUAL.get(key) != value}
    for key in stated.keys() - passed:
        raise Invalid(f"{key[:60]!r} is not passed on to models here; leave it out.")
    return stated


def _objects(value: object, name: str = "tools") -> list[Body]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Invalid(f"The form of {name} is wrong.")
    return value


def _stated(content: object) -> Iterator[tuple[str, object]]:
    """Give each value in a conversation with the key that it stands under, also in lists."""
    waiting: list[tuple[str, Any]] = [("", content)]
    while waiting:
        key, value = waiting.pop()
        yield key, value
        if isinstance(value, list):
            waiting.extend((key, one) for one in reversed(value))
        elif isinstance(value, dict) and key not in _INERT:
            waiting.extend(reversed(value.items()))


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


CHAT = Passage(
    passed=_names(
        "model messages tools tool_choice parallel_tool_calls functions function_call temperature top_p top_k min_p "
        "stop stream response_format reasoning_effort reasoning thinking verbosity max_tokens max_completion_tokens "
        "frequency_penalty presence_penalty repetition_penalty seed logit_bias logprobs top_logprobs prompt_cache_key"
    ),
    left_out=_names("metadata user safety_identifier service_tier store stream_options prompt_cache_retention"),
    content=_names("messages"),
    kinds=_names(
        "text refusal image_url input_audio file function custom ephemeral thinking redacted_thinking "
        "reasoning.text reasoning.summary reasoning.encrypted"
    ),
    tools=re.compile("function|custom"),
)
RESPONSES = Passage(
    passed=_names(
        "model input instructions tools tool_choice parallel_tool_calls temperature top_p stream text reasoning "
        "include max_output_tokens truncation top_logprobs prompt_cache_key"
    ),
    left_out=_names(
        "metadata client_metadata user safety_identifier service_tier store stream_options prompt_cache_retention "
        "max_tool_calls"
    ),
    content=_names("input instructions"),
    kinds=_names(
        "message input_text output_text refusal input_image input_file reasoning summary_text reasoning_text "
        "function_call function_call_output custom_tool_call custom_tool_call_output local_shell_call "
        "local_shell_call_output exec"
    ),
    tools=re.compile("function|custom|local_shell"),
)
MESSAGES = Passage(
    passed=_names(
        "model messages system tools tool_choice max_tokens temperature top_p top_k stop_sequences stream thinking "
        "output_config cache_control"
    ),
    left_out=_names("metadata service_tier context_management"),
    content=_names("messages system"),
    kinds=_names(
        "text image document search_result base64 content tool_use tool_result thinking redacted_thinking ephemeral "
        "char_location page_location content_block_location search_result_location"
    ),
    tools=re.compile(r"custom|(?:bash|text_editor)_[0-9]+"),
)
GEMINI = Passage(
    passed=_names("contents systemInstruction tools toolConfig safetySettings generationConfig"),
    left_out=_names("labels model"),
    content=_names("contents systemInstruction"),
    kinds=frozenset(),
    tools=None,
)
_SETTINGS = _names(
    "temperature topP topK maxOutputTokens stopSequences responseMimeType responseSchema responseJsonSchema "
    "thinkingConfig seed presencePenalty frequencyPenalty responseLogprobs logprobs mediaResolution"
)
