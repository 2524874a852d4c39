"""Reads single values out of an agent's JSON; a value of another type counts as missing, nothing raises."""

from collections.abc import Mapping
from typing import Any


def text_of(payload: Any, *keys: str) -> str | None:
    """The text at the path of keys, or None."""
    value = value_of(payload, *keys)
    return value if isinstance(value, str) else None


def whole_number_of(payload: Any, *keys: str) -> int | None:
    """The whole number at the path of keys, or None; true and false are no numbers."""
    value = value_of(payload, *keys)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def list_of(payload: Any, *keys: str) -> list[Any]:
    """The list at the path of keys, or an empty one."""
    value = value_of(payload, *keys)
    return value if isinstance(value, list) else []


def value_of(payload: Any, *keys: str) -> Any:
    """Whatever is at the path of keys, or None."""
    for key in keys:
        # A dict nearly always: the wider question costs five times as much, and is asked thousands of times a second.
        payload = payload.get(key) if type(payload) is dict or isinstance(payload, Mapping) else None
    return payload
