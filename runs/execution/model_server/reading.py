"""Reads the common parts of a request's JSON; a value of another shape counts as missing."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .script import read_script
from .tools import Tool


def members(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list; nothing else of it."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text_in(content: Any) -> str:
    """The text of a message's content: a text, or parts with a text."""
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in members(content) if isinstance(part.get("text"), str))


def tool(name: Any, schema: Any) -> Tool | None:
    """A tool that is called with an object."""
    return Tool(name, schema if isinstance(schema, dict) else {}) if isinstance(name, str) else None


def named(tools: Iterable[Tool | None]) -> tuple[Tool, ...]:
    """Those that are some."""
    return tuple(each for each in tools if each is not None)


def since_the_script(
    messages: list[Mapping[str, Any]],
    words_of_a_person: Callable[[Mapping[str, Any]], str],
    results_in: Callable[[Mapping[str, Any]], int],
) -> tuple[str, int]:
    """The last message of a person that has a script, and how many results of tools came after it."""
    for index in range(len(messages) - 1, -1, -1):
        words = words_of_a_person(messages[index])
        if read_script(words) is not None:
            return words, sum(map(results_in, messages[index + 1 :]))
    return "", 0


def everything(body: Mapping[str, Any]) -> str:
    """The whole request as text, its line breaks real ones: what a model would have read."""
    return json.dumps(body, ensure_ascii=False).replace("\\n", "\n")
