"""Reads bodies: strict JSON (RFC 8259), nothing ambiguous, camelCase keys turned into ours."""

import json
import re
from collections.abc import Iterator
from typing import IO, Any

import orjson
from django.http import RawPostDataException
from django.utils.http import parse_header_parameters
from djangorestframework_camel_case.settings import api_settings
from djangorestframework_camel_case.util import camelize, underscoreize
from rest_framework.parsers import BaseParser

from config.api.problems import MalformedJson, ValidationFailed

MAX_DEPTH = 64
_MEMBER = re.compile(r"[a-z][A-Za-z0-9]*")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise MalformedJson("A key stands twice in one object.")
    return keys


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. Refused: other charsets, lone surrogates, NaN, duplicate keys, deep nesting."""
    try:
        orjson.loads(body)  # strict about UTF-8, surrogates and NaN, but silent about duplicate keys
        value = json.loads(body, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError, RawPostDataException) as error:
        raise MalformedJson(f"The body is not JSON: {error}.") from error
    if _is_deeper(value, MAX_DEPTH):
        raise MalformedJson(f"The body is nested deeper than {MAX_DEPTH} levels.")
    return value


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_is_deeper(each, levels - 1) for each in inner)


def _misspelt(value: Any, pointer: str = "") -> Iterator[str]:
    """Pointers (RFC 6901) to members that are not written in camelCase, as ours are; `repository_url` is not ours."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _misspelt(each, f"{pointer}/{index}")
    if isinstance(value, dict):
        for key, each in value.items():
            place = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if _MEMBER.fullmatch(key) and key in camelize(_underscoreize({key: 0})):
                yield from _misspelt(each, place)
            else:
                yield place


def _underscoreize(value: Any) -> Any:
    return underscoreize(value, **api_settings.JSON_UNDERSCOREIZE)


class VerbatimParser(BaseParser):
    """Keys stay as they are, for bodies whose keys are user data."""

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        _, parameters = parse_header_parameters(media_type or self.media_type)
        charset = parameters.get("charset", "utf-8")
        if charset.lower() not in ("utf-8", "us-ascii"):
            raise MalformedJson("JSON is sent as UTF-8 (RFC 8259, section 8.1).")
        return parse_json(stream.read())


class CamelCaseParser(VerbatimParser):
    """camelCase keys become snake_case ones; other keys are unknown members."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        value = super().parse(stream, media_type, parser_context)
        if strange := list(_misspelt(value)):
            detail = {"code": "unknown-member", "detail": "There is no such member."}
            raise ValidationFailed(errors=[{"pointer": pointer, **detail} for pointer in strange])
        return _underscoreize(value)
