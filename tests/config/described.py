"""The OpenAPI document as tests walk it: every operation, and the codes that it may answer."""

from collections.abc import Iterator
from typing import Any

from config.openapi.views import document

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]
Operation = tuple[str, str, dict[str, Any]]


def operations() -> Iterator[Operation]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


OPERATIONS = list(operations())
IDS = [each[2]["operationId"] for each in OPERATIONS]


def codes_of(operation: dict[str, Any], status: int) -> set[str]:
    """The codes that an operation may answer with that status."""
    response = operation["responses"].get(str(status), {})
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = response.get("content", {}).get("application/problem+json", {}).get("schema", {})
    refs = [each["$ref"] for each in schema.get("oneOf", [schema] if schema else [])]
    return {SCHEMAS[ref.rpartition("/")[2]]["properties"]["code"]["const"] for ref in refs}
