"""What is added to the finished document: routes outside of Django REST framework, common components, examples."""

import json
import re
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from config.openapi import headers, security
from config.openapi.examples import EXAMPLES
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
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    result["components"]["schemas"] = schemas = _simplify(schemas)
    _prune(result)
    _link(result["paths"])
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


def _link(paths: Any) -> None:
    """What creates a thing leads to the operations on it: `POST /api/runs` to all of `/api/runs/{run}…`."""
    for path, item in paths.items():
        created = item.get("post", {}).get("responses", {}).get("201")
        name = path.rpartition("/")[2].removesuffix("s")
        targets = [each for each in paths if re.findall(r"{(\w+)}", each) == [name]]
        if created is None or not targets:
            continue
        created["links"] = {
            operation["operationId"]: {
                "operationId": operation["operationId"],
                "parameters": {name: "$response.body#/id"},
            }
            for target in targets
            for operation in paths[target].values()
        }


def _prune(result: Any) -> None:
    """Parts of a request that turned out to be for reading only leave schemas that nothing refers to."""
    schemas = result["components"]["schemas"]
    while unused := set(schemas) - set(_REFERENCE.findall(json.dumps(result, default=str))):
        for name in unused:
            del schemas[name]


def _add_headers(response: Any) -> None:
    """The headers of a refusal, by its status, which begins its description."""
    names = ["X-Request-ID"]
    if response["description"].startswith("Too Many Requests"):
        names += ["Retry-After", "RateLimit", "RateLimit-Policy"]
    if response["description"].startswith("Unauthorized"):
        names.append("WWW-Authenticate")
    response["headers"] = headers.headers(*names)
