"""What JSON, UTF-8 and both databases can hold, made of any value; and its bytes, made as cheaply as they can be."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import orjson

MAX_DEPTH = 64
_STRICT = (
    orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
"""All that `storable` changes is an error then, but for numbers that are none, which are null in both."""


def storable(value: Any, depth: int = 0) -> Any:
    """The value as JSON, UTF-8 and PostgreSQL can hold it.

    Lone surrogates and NUL are replaced, whole numbers beyond 2^53 are text, NaN and the infinities are null, what is
    nested too deep is left out.
    """
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, Mapping | list | tuple) and depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {storable(str(key)): storable(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [storable(each, depth + 1) for each in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    is_plain = value is None or (isinstance(value, bool | int) and abs(value) < 2**53)
    return value if is_plain else str(value)


def encoded(value: Any) -> bytes:
    """The JSON of `storable(value)`. The value is walked through only where its JSON may not be storable as it is.

    That is 0.7 µs for an event in place of 9: nearly all are.
    """
    try:
        text = orjson.dumps(value, option=_STRICT)
    except TypeError:
        return orjson.dumps(storable(value))
    if b"\\u0000" in text or text.count(b"{") + text.count(b"[") > MAX_DEPTH:
        return orjson.dumps(storable(value))
    return text
