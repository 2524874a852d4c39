"""Writes answers: camelCase keys, times with three decimals, keys that are user data as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from djangorestframework_camel_case.render import CamelCaseJSONRenderer
from djangorestframework_camel_case.util import camelize_re, underscore_to_camel
from rest_framework.renderers import BaseRenderer
from rest_framework.utils.encoders import JSONEncoder as DRFJSONEncoder

from config.api.times import format_time

_PLAIN = (str, int, float, bool, type(None))
_OURS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_NON_STR_KEYS


@dataclass(frozen=True)
class Verbatim:
    """A value whose keys are a user's, not ours: it reaches the client exactly as it is."""

    value: Any


class JSONEncoder(DRFJSONEncoder):
    """Adds our form of times, and `Verbatim`, which the camel-casing before this has passed over."""

    def default(self, obj: Any) -> Any:
        if isinstance(obj, Verbatim):
            return obj.value
        return format_time(obj) if isinstance(obj, datetime) else super().default(obj)


class JSONRenderer(CamelCaseJSONRenderer):
    """The API's renderer: the keys of djangorestframework-camel-case, each worked out once, in orjson's bytes.

    The library's own walk and Python's encoder took a quarter of the time of a whole request.
    """

    encoder_class = JSONEncoder
    charset = None

    def render(self, data: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None) -> bytes:
        if data is None:
            return b""
        try:
            return orjson.dumps(_camelized(data), default=_encode, option=_OURS)
        except TypeError:  # numbers beyond 64 bits
            whole: bytes = super().render(data, media_type, context)  # type: ignore[no-untyped-call] # has no types
            return whole


_encode = JSONEncoder().default


@lru_cache(maxsize=4096)
def _camel_key(key: str) -> str:
    return camelize_re.sub(underscore_to_camel, key)


def _camelized(data: Any) -> Any:
    if isinstance(data, _PLAIN):
        return data
    if isinstance(data, dict):
        return {_camel_key(key) if isinstance(key, str) else key: _camelized(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_camelized(each) for each in data]
    return data


class MarkdownRenderer(BaseRenderer):
    """Text as it is, for those who ask for it bare."""

    media_type, format = "text/markdown", "markdown"
    charset = "utf-8"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        return str(data).encode()
