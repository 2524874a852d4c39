"""Gemini's generateContent and streamGenerateContent (ai.google.dev/api/generate-content)."""

from collections.abc import Mapping
from typing import Any

from .usage import Usage, UsageReader, mapping, mappings, number


class GeminiUsage(UsageReader):
    """`usageMetadata`, in a stream of all until then; `finishReason` says that it is of the whole."""

    def __init__(self) -> None:
        super().__init__()
        self._is_whole = False

    def take(self, message: Mapping[str, Any]) -> None:
        candidates = list(mappings(message, "candidates"))
        is_over = any(candidate.get("finishReason") for candidate in candidates)
        self._is_whole |= is_over or bool(mapping(message, "promptFeedback").get("blockReason"))
        for candidate in candidates:
            for part in mappings(mapping(candidate, "content"), "parts"):
                self._wrote(part.get("text"), str(part.get("functionCall") or ""))
        usage = mapping(message, "usageMetadata")
        if usage:
            self._says(
                Usage(
                    input_tokens=number(usage, "promptTokenCount", "toolUsePromptTokenCount"),
                    output_tokens=number(usage, "candidatesTokenCount", "thoughtsTokenCount"),
                    cached_tokens=number(usage, "cachedContentTokenCount"),
                    is_estimate=not self._is_whole,
                )
            )
