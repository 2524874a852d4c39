"""OpenAI's Responses (platform.openai.com/docs/api-reference/responses)."""

from collections.abc import Mapping
from typing import Any

from .usage import Usage, UsageReader, mapping, number


class ResponsesUsage(UsageReader):
    """`usage` of a whole answer, or of the `response` in the event that ends a stream."""

    def take(self, message: Mapping[str, Any]) -> None:
        self._wrote(message.get("delta"))
        usage = mapping(message, "usage") or mapping(mapping(message, "response"), "usage")
        if usage:
            self._says(
                Usage(
                    input_tokens=number(usage, "input_tokens"),
                    output_tokens=number(usage, "output_tokens"),
                    cached_tokens=number(mapping(usage, "input_tokens_details"), "cached_tokens"),
                )
            )
