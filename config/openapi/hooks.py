"""What is added to the finished document: routes outside of Django REST framework, common components, examples."""

import json
import re
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from config.openapi import headers, security
from config.openapi.examples import add_examples
from config.openapi.links import add_links
from config.openapi.members import refine
from config.openapi.paths import SCHEMAS, outside_paths

_REFERENCE = re.compile(r'"#/components/schemas/(\w+)"')


def add_what_views_do_not_know(result: Any, generator: SchemaGenerator, **options: Any) -> Any:
    """drf-spectacular's postprocessing hook."""
    result["paths"] |= outside_paths(generator.registry)
    built = generator.registry.build({})
    for kind, components in built.items():
        result["components"].setdefault(kind, {}).update(components)
    result["components"]["headers"] = headers.HEADERS
    result["components"]["parameters"] = headers.PARAMETERS
    result["components"]["securitySchemes"] = security.SCHEMES
    schemas = result["components"]["schemas"]
    schemas |= SCHEMAS
    refine(schemas)
    add_examples(schemas)
    result["components"]["schemas"] = schemas = _simplify(schemas)
    _mark_required_bodies(result["paths"], schemas)
    _prune(result)
    add_links(result["paths"])
    for kind in result["components"]:
        result["components"][kind] = dict(sorted(result["components"][kind].items()))
    result["paths"] = dict(sorted(result["paths"].items()))
    for response in (each for name, each in result["components"].get("responses", {}).items()):
        _add_headers(response)
    return result


def _simplify(schema: Any) -> Any:
    """Anything, or null, is anything: drf-spectacular's `oneOf` would refuse null, which fits both."""
    if isinstance(schema, list):
        return [_simplify(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if {} in schema.get("oneOf", ()):
        return {name: value for name, value in schema.items() if name != "oneOf"}
    return {name: _simplify(value) for name, value in schema.items()}


def _mark_required_bodies(paths: Any, schemas: Any) -> None:
    """A body may be left out where an empty object would do; a file may not."""
    for operation in (each for item in paths.values() for each in item.values() if "requestBody" in each):
        content = operation["requestBody"]["content"]
        if "application/json" not in content:
            operation["requestBody"]["required"] = True
            continue
        schema = content["application/json"]["schema"]
        schema = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
        operation["requestBody"]["required"] = bool(schema.get("required") or schema.get("minProperties"))


def _prune(result: Any) -> None:
    """Parts of a request that turned out to be for reading only leave schemas that nothing refers to."""
    schemas = result["components"]["schemas"]
    while unused := set(schemas) - set(_REFERENCE.findall(json.dumps(result, default=str))):
        for name in unused:
            del schemas[name]


_WITHOUT_LIMITS = ("Internal Server Error", "Service Unavailable")
_MORE_HEADERS = {
    **dict.fromkeys(("Bad Request", "Not Found", "Conflict", "Unprocessable"), ("Idempotency-Replayed",)),
    "Too Many Requests": ("Retry-After",),
    "Unauthorized": ("WWW-Authenticate",),
    "Requested Range": ("Content-Range",),
}


def _add_headers(response: Any) -> None:
    """The headers of a refusal, by its status, which begins its description."""
    told = response["description"]
    names = ["X-Request-ID", *(() if told.startswith(_WITHOUT_LIMITS) else headers.LIMITS)]
    for phrase, more in _MORE_HEADERS.items():
        if told.startswith(phrase):
            names += more
    response["headers"] = headers.headers(*names)
