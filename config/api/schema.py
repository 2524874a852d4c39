"""What the OpenAPI schema says of every route beyond its own answer: errors are problems (RFC 9457)."""

from typing import Any

from drf_spectacular.openapi import AutoSchema

PROBLEM = {
    "type": "object",
    "description": "A problem (RFC 9457); clients compare only `code`.",
    "required": ["type", "code", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "code": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
    },
    "additionalProperties": True,
}


class ProblemSchema(AutoSchema):
    """DRF's views described, each with the one form of error that all of them share."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        problem = {"content": {"application/problem+json": {"schema": PROBLEM}}, "description": "A problem."}
        return {**bodies, "default": problem}
