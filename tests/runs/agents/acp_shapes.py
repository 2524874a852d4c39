"""Pieces of what agents send, as the Agent Client Protocol has them."""

from typing import Any


def content(text: str) -> list[dict[str, Any]]:
    """The content of a tool call that is one text."""
    return [{"type": "content", "content": {"type": "text", "text": text}}]
