"""Writes answers: camelCase keys, times with three decimals, keys that are user data as they are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from djangorestframework_camel_case.render import CamelCaseJSONRenderer
from rest_framework.renderers import BaseRenderer
from rest_framework.utils.encoders import JSONEncoder as DRFJSONEncoder

from config.api.times import format_time


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
    """The API's renderer."""

    encoder_class = JSONEncoder
    charset = None


class MarkdownRenderer(BaseRenderer):
    """Text as it is, for those who ask for it bare."""

    media_type, format = "text/markdown", "markdown"
    charset = "utf-8"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        return str(data).encode()
