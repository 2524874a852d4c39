"""Headers, as components that every route refers to."""

from typing import Any

Schema = dict[str, Any]

PARAMETERS: dict[str, Schema] = {
    "RequestId": {
        "name": "X-Request-ID",
        "in": "header",
        "description": "Letters, digits, `.`, `_`, `-`, at most 64; another one is replaced.",
        "schema": {"type": "string"},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "Tags that the client has: 304 when one of them is the present one.",
        "schema": {"type": "string"},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The tag of what the client knows: 412 when it has changed.",
        "schema": {"type": "string"},
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "For retries: the same key and body get the first answer again, for a day.",
        "schema": {"type": "string", "pattern": r"^[\x20-\x7e]{1,255}$", "examples": ["0b7f9a52-1f0c-4c5d"]},
    },
}
HEADERS: dict[str, Schema] = {
    "X-Request-ID": {"description": "The request's id, on every line of the log.", "schema": {"type": "string"}},
    "ETag": {"description": "The tag of this representation.", "schema": {"type": "string"}},
    "Location": {"description": "Where the new resource is.", "schema": {"type": "string", "format": "uri-reference"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "RateLimit": {
        "description": 'What is left (IETF draft): `"default";r=59;t=43`.',
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": 'The limits that apply (IETF draft): `"default";q=60;w=60`.',
        "schema": {"type": "string"},
    },
    "Idempotency-Replayed": {
        "description": "`true` on an answer that an earlier request with the same key got.",
        "schema": {"type": "string", "const": "true"},
    },
    "Cache-Control": {"description": "`no-store`: keep no copy (RFC 9111).", "schema": {"type": "string"}},
    "X-Accel-Buffering": {
        "description": "`no`: a proxy in between passes each event on at once.",
        "schema": {"type": "string", "const": "no"},
    },
    "Accept-Ranges": {"description": "`bytes`: parts may be asked for (RFC 9110).", "schema": {"type": "string"}},
    "Content-Range": {"description": "Which bytes of how many (RFC 9110).", "schema": {"type": "string"}},
    "Content-Disposition": {"description": "An attachment with its name.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to authenticate (RFC 9110).", "schema": {"type": "string"}},
}
ALWAYS_SENT = ("X-Request-ID", "Retry-After", "WWW-Authenticate", "Location", "X-Accel-Buffering", "Content-Range")
"""Where they are described at all."""
for _name in ALWAYS_SENT:
    HEADERS[_name]["required"] = True
LIMITS = ("RateLimit", "RateLimit-Policy")


def parameter(name: str) -> Schema:
    """A reference to a common parameter."""
    return {"$ref": f"#/components/parameters/{name}"}


def headers(*names: str) -> Schema:
    """References to common headers."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
