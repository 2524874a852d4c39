"""Reads bodies: strict JSON (RFC 8259), nothing ambiguous, camelCase keys turned into ours."""

import json
from typing import IO, Any

import orjson
from django.http import RawPostDataException
from djangorestframework_camel_case.settings import api_settings
from djangorestframework_camel_case.util import underscoreize
from rest_framework.parsers import BaseParser

from config.api.problems import MalformedJson


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise MalformedJson("A key stands twice in one object.")
    return keys


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. Refused: other charsets, lone surrogates, NaN, duplicate keys, deep nesting."""
    try:
        orjson.loads(body)  # strict about UTF-8, surrogates, NaN and depth, but silent about duplicate keys
        return json.loads(body, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError, RawPostDataException) as error:
        raise MalformedJson(f"The body is not JSON: {error}.") from error


class VerbatimParser(BaseParser):
    """Keys stay as they are, for bodies whose keys are user data."""

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        return parse_json(stream.read())


class CamelCaseParser(VerbatimParser):
    """camelCase keys become snake_case ones."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        return underscoreize(super().parse(stream, media_type, parser_context), **api_settings.JSON_UNDERSCOREIZE)
