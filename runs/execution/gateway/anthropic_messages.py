"""Anthropic's Messages (docs.anthropic.com/en/api/messages, …/build-with-claude/streaming)."""

from collections.abc import Mapping
from typing import Any

from .usage import Usage, UsageReader, mapping, number

_INPUTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


class MessagesUsage(UsageReader):
    """`usage` of a whole answer; of a stream `message_start` tells the input, `message_delta` the output so far."""

    def __init__(self) -> None:
        super().__init__()
        self._input: Mapping[str, Any] = {}

    def take(self, message: Mapping[str, Any]) -> None:
        kind = message.get("type")
        if kind == "message":
            self._look_at(mapping(message, "usage"), is_whole=True)
        elif kind == "message_start":
            self._look_at(mapping(mapping(message, "message"), "usage"), is_whole=False)
        elif kind == "message_delta":
            self._look_at(mapping(message, "usage"), is_whole=True)
        elif kind == "content_block_delta":
            delta = mapping(message, "delta")
            self._wrote(delta.get("text"), delta.get("partial_json"), delta.get("thinking"))

    def _look_at(self, usage: Mapping[str, Any], *, is_whole: bool) -> None:
        """Later numbers replace earlier ones; those that an event leaves out stay."""
        if not usage:
            return
        self._input = {**self._input, **{name: usage[name] for name in _INPUTS if type(usage.get(name)) is int}}
        self._says(
            Usage(
                input_tokens=number(self._input, *_INPUTS),
                output_tokens=number(usage, "output_tokens"),
                cached_tokens=number(self._input, "cache_read_input_tokens"),
                cache_write_tokens=number(self._input, "cache_creation_input_tokens"),
                is_estimate=not is_whole,
            )
        )
