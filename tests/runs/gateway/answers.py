"""Answers as the four APIs give them, whole and streamed, with what they say they used."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from runs.execution.gateway.anthropic_messages import MessagesUsage
from runs.execution.gateway.gemini_content import GeminiUsage
from runs.execution.gateway.openai_chat import ChatUsage
from runs.execution.gateway.openai_responses import ResponsesUsage
from runs.execution.gateway.usage import Usage, UsageReader

TEXT = "Größe, naïve and 漢字: a text of some length that is streamed."


@dataclass(frozen=True)
class Example:
    """One API's way to say the same."""

    reader: Callable[[], UsageReader]
    whole: Any
    stream: bytes
    usage: Usage


def sse(*events: tuple[str, Any], end: str = "\n") -> bytes:
    lines: Iterable[str] = (
        f"{'event: ' + name + end if name else ''}data: {json.dumps(data, ensure_ascii=False)}{end}{end}"
        for name, data in events
    )
    return "".join(lines).encode()


def _chat() -> Example:
    usage = {"prompt_tokens": 1200, "completion_tokens": 34, "prompt_tokens_details": {"cached_tokens": 200}}
    chunks = [("", {"choices": [{"index": 0, "delta": {"content": TEXT}}]}), ("", {"choices": [], "usage": usage})]
    whole = {"choices": [{"message": {"role": "assistant", "content": TEXT}}], "usage": usage}
    return Example(ChatUsage, whole, sse(*chunks) + b"data: [DONE]\n\n", Usage(1200, 34, 200))


def _responses() -> Example:
    usage = {"input_tokens": 1200, "output_tokens": 34, "input_tokens_details": {"cached_tokens": 200}}
    events = [
        ("response.created", {"type": "response.created", "response": {"usage": None}}),
        ("response.output_text.delta", {"type": "response.output_text.delta", "delta": TEXT}),
        ("response.completed", {"type": "response.completed", "response": {"usage": usage}}),
    ]
    return Example(ResponsesUsage, {"output": [], "usage": usage}, sse(*events), Usage(1200, 34, 200))


def _messages() -> Example:
    read = {"input_tokens": 900, "cache_read_input_tokens": 200, "cache_creation_input_tokens": 100}
    events = [
        ("message_start", {"type": "message_start", "message": {"usage": {**read, "output_tokens": 1}}}),
        ("ping", {"type": "ping"}),
        ("content_block_delta", {"type": "content_block_delta", "delta": {"type": "text_delta", "text": TEXT}}),
        ("message_delta", {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 34}}),
        ("message_stop", {"type": "message_stop"}),
    ]
    whole = {"type": "message", "content": [], "usage": {**read, "output_tokens": 34}}
    return Example(MessagesUsage, whole, sse(*events), Usage(1200, 34, 200, 100))


def _gemini() -> Example:
    usage = {"promptTokenCount": 1200, "cachedContentTokenCount": 200}
    first = {"candidates": [{"content": {"parts": [{"text": TEXT}]}}], "usageMetadata": usage}
    ended = {**usage, "candidatesTokenCount": 30, "thoughtsTokenCount": 4}
    last = {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}], "usageMetadata": ended}
    return Example(GeminiUsage, [first, last], sse(("", first), ("", last), end="\r\n"), Usage(1200, 34, 200))


EXAMPLES = {"chat": _chat(), "responses": _responses(), "messages": _messages(), "gemini": _gemini()}
