"""OpenAI's Chat Completions, which most local model servers speak too (platform.openai.com/docs/api-reference/chat)."""

from collections.abc import Mapping
from typing import Any

from .usage import Usage, UsageReader, mapping, mappings, number


class ChatUsage(UsageReader):
    """`usage` of a whole answer, or of the last chunk of a stream whose request has `stream_options.include_usage`."""

    def take(self, message: Mapping[str, Any]) -> None:
        usage = mapping(message, "usage")
        if usage:
            self._says(
                Usage(
                    input_tokens=number(usage, "prompt_tokens"),
                    output_tokens=number(usage, "completion_tokens"),
                    cached_tokens=number(mapping(usage, "prompt_tokens_details"), "cached_tokens"),
                )
            )
        for choice in mappings(message, "choices"):
            delta = mapping(choice, "delta") or mapping(choice, "message")
            self._wrote(delta.get("content"), delta.get("reasoning_content"))
            for call in mappings(delta, "tool_calls"):
                self._wrote(mapping(call, "function").get("arguments"))


def with_usage(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A streaming request that also asks for the usage; None when nothing is to be changed."""
    if request.get("stream") is not True or mapping(request, "stream_options").get("include_usage") is True:
        return None
    return {**request, "stream_options": {**mapping(request, "stream_options"), "include_usage": True}}
