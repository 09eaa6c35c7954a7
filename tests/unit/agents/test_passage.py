"""What of an agent's request goes to a provider: its own conversation and tools, nothing that the provider would do."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from improvement.agents import speech
from improvement.broker.configuration import Dialect, ModelConfig
from improvement.exceptions import Invalid

CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
GEMINI = "/v1beta/models/some:generateContent"
DIALECTS = {
    CHAT: Dialect.OPENAI,
    RESPONSES: Dialect.OPENAI,
    MESSAGES: Dialect.ANTHROPIC,
    GEMINI: Dialect.GEMINI,
}
INLINE = "data:image/png;base64,iVBORw0KGgo="
PARAMETERS = {"type": "object", "properties": {"image_url": {"type": "string", "default": "https://a.example"}}}


def config(dialect: Dialect) -> ModelConfig:
    return ModelConfig("local", dialect, "https://models.example/v1", "tiny-1", max_tokens=1000)


def sent(path: str, body: dict[str, Any], dialect: Dialect | None = None) -> dict[str, Any]:
    found = speech.way_of(path)
    assert found is not None
    way, match = found
    request = speech.prepared(way, match, "", body, config(dialect or DIALECTS[path]))
    written: dict[str, Any] = json.loads(request.content)
    return written


def said(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def put_in(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"input": [{"type": "message", "role": "user", "content": list(parts)}]}


def held(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": list(parts)}]}


USUAL: list[tuple[str, dict[str, Any]]] = [
    (
        CHAT,
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": INLINE}}]},
                {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f"}}]},
                {"role": "tool", "tool_call_id": "c", "content": "https://a.example/file_id"},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": PARAMETERS}}],
            "tool_choice": "auto",
            "temperature": 0.2,
            "stop": ["x"],
            "reasoning_effort": "low",
            "response_format": {"type": "json_object"},
            "max_completion_tokens": 50,
        },
    ),
    (
        RESPONSES,
        {
            "instructions": "Be brief.",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": INLINE}]},
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "fine"},
            ],
            "tools": [{"type": "function", "name": "f", "parameters": PARAMETERS}, {"type": "custom", "name": "g"}],
            "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": "k",
            "reasoning": {"effort": "high"},
            "stream": True,
            "store": False,
            "max_output_tokens": 50,
        },
    ),
    (
        MESSAGES,
        {
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "so", "signature": "s"},
                        {"type": "tool_use", "id": "t", "name": "f", "input": {"type": "url", "url": "https://a.example"}},
                    ],
                },
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "fine"}]},
            ],
            "tools": [{"name": "f", "input_schema": PARAMETERS}, {"type": "custom", "name": "g", "input_schema": {}}],
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "stop_sequences": ["x"],
            "max_tokens": 50,
        },
    ),
    (
        GEMINI,
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "i"}}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"file_uri": "https://a.example"}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"url": "https://a.example"}}}]},
            ],
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": PARAMETERS}]}],
            "generationConfig": {"temperature": 0.5, "thinkingConfig": {"thinkingBudget": 8}, "maxOutputTokens": 50},
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body"), USUAL, ids=[path for path, _ in USUAL])
def test_what_agents_usually_send_is_passed_on_as_it_is(path: str, body: dict[str, Any]) -> None:
    model = {} if path == GEMINI else {"model": "tiny-1"}
    assert sent(path, body) == body | model


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        (CHAT, {"web_search_options": {}}, "web_search_options"),
        (CHAT, {"plugins": [{"id": "web"}]}, "plugins"),
        (CHAT, {"search_parameters": {"mode": "on"}}, "search_parameters"),
        (CHAT, {"n": 8}, "n"),
        (CHAT, {"tools": [{"type": "web_search"}]}, "web_search"),
        (CHAT, {"tools": {"type": "web_search"}}, "tools"),
        (CHAT, said({"type": "image_url", "image_url": {"url": "https://a.example/p.png"}}), "url"),
        (CHAT, said({"type": "image_url", "image_url": "HTTPS://a.example/p.png"}), "image_url"),
        (CHAT, said({"type": "file", "file": {"file_id": "file-1"}}), "file_id"),
        (CHAT, said({"type": "file", "file": {"file_data": "https://a.example/f"}}), "file_data"),
        (CHAT, said({"type": "video_url", "video_url": {"url": INLINE}}), "video_url"),
        (CHAT, said({"video_url": "https://a.example/v"}), "video_url"),
        (RESPONSES, {"background": True}, "background"),
        (RESPONSES, {"previous_response_id": "resp_1"}, "previous_response_id"),
        (RESPONSES, {"conversation": "conv_1"}, "conversation"),
        (RESPONSES, {"prompt": {"id": "pmpt_1"}}, "prompt"),
        (RESPONSES, {"tools": [{"type": "mcp", "server_url": "https://a.example"}]}, "mcp"),
        (RESPONSES, {"tools": [{"type": "code_interpreter"}]}, "code_interpreter"),
        (RESPONSES, put_in({"type": "input_file", "file_url": "https://a.example"}), "file_url"),
        (RESPONSES, put_in({"type": "input_image", "file_id": "file-1"}), "file_id"),
        (RESPONSES, {"input": [{"type": "item_reference", "id": "msg_1"}]}, "item_reference"),
        (MESSAGES, {"mcp_servers": [{"type": "url", "url": "https://a.example"}]}, "mcp_servers"),
        (MESSAGES, {"container": "c"}, "container"),
        (MESSAGES, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "web_search_20250305"),
        (MESSAGES, {"tools": [{"type": "code_execution_20250825", "name": "c"}]}, "code_execution_20250825"),
        (MESSAGES, said({"type": "image", "source": {"type": "url", "url": "https://a.example"}}), "url"),
        (MESSAGES, said({"type": "document", "source": {"type": "file", "file_id": "file_1"}}), "file"),
        (MESSAGES, said({"type": "container_upload", "file_id": "file_1"}), "container_upload"),
        (MESSAGES, said({"type": ["text"]}), "type"),
        (GEMINI, {"cachedContent": "cachedContents/1"}, "cachedContent"),
        (GEMINI, {"cached_content": "cachedContents/1"}, "cachedContent"),
        (GEMINI, {"tools": [{"googleSearch": {}}]}, "googleSearch"),
        (GEMINI, {"tools": [{"google_search": {}}]}, "googleSearch"),
        (GEMINI, {"tools": [{"url_context": {}}]}, "urlContext"),
        (GEMINI, {"tools": [{"codeExecution": {}}]}, "codeExecution"),
        (GEMINI, held({"fileData": {"fileUri": "https://a.example"}}), "fileUri"),
        (GEMINI, held({"file_data": {"file_uri": "https://a.example"}}), "file_uri"),
        (GEMINI, {"generationConfig": {"candidateCount": 8}}, "candidateCount"),
        (GEMINI, {"generation_config": {"candidate_count": 8}}, "candidateCount"),
        (GEMINI, {"generationConfig": {}, "generation_config": {"temperature": 1}}, "generationConfig"),
        (GEMINI, {"generationConfig": {"maxOutputTokens": 5, "max_output_tokens": 9999}}, "maxOutputTokens"),
        (GEMINI, {"generationConfig": {"responseModalities": ["IMAGE"]}}, "responseModalities"),
        (GEMINI, {"generationConfig": [1]}, "generationConfig"),
    ],
)  # fmt: skip
def test_what_a_provider_would_fetch_search_run_or_keep_is_refused_by_name(
    path: str, body: dict[str, Any], named: str
) -> None:
    with pytest.raises(Invalid, match=rf"\b{re.escape(named)}\b"):
        sent(path, body)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"metadata": {"a": "b"}, "user": "u", "store": True, "service_tier": "priority", "n": 1}),
        (RESPONSES, {"metadata": {}, "service_tier": "flex", "background": False, "previous_response_id": None}),
        (MESSAGES, {"metadata": {"user_id": "u"}, "context_management": {"edits": []}, "service_tier": "auto"}),
        (GEMINI, {"labels": {"a": "b"}, "generationConfig": {"candidateCount": 1}}),
    ],
)
def test_what_only_tells_of_the_asker_or_the_price_is_left_out(path: str, body: dict[str, Any]) -> None:
    left = set(sent(path, body)) - {"model", "max_tokens", "max_completion_tokens", "max_output_tokens", "store"}
    assert left <= {"generationConfig"}


def test_nothing_is_kept_at_the_provider() -> None:
    assert sent(RESPONSES, {"store": True})["store"] is False
    assert sent(RESPONSES, {})["store"] is False


@pytest.mark.parametrize(
    ("dialect", "key"), [(Dialect.OPENAI, "max_completion_tokens"), (Dialect.COMPATIBLE, "max_tokens")]
)
def test_of_two_limits_only_the_reserved_one_is_sent(dialect: Dialect, key: str) -> None:
    body = sent(CHAT, {"max_completion_tokens": 10, "max_tokens": 900}, dialect)
    assert body == {"model": "tiny-1", key: 10}


def test_spellings_with_a_low_line_are_read_like_the_others() -> None:
    body: dict[str, Any] = {
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"function_declarations": []}],
        "generation_config": {"max_output_tokens": 50, "stop_sequences": ["x"]},
    }
    assert sent(GEMINI, body) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"functionDeclarations": []}],
        "generationConfig": {"maxOutputTokens": 50, "stopSequences": ["x"]},
    }
