"""The body of an agent's request: read whole within bounds, decoded, and looked into for what the meter must know."""

import zlib
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from .compression import decoder
from .errors import CallRefused
from .openai_chat import ChatUsage, with_usage
from .openai_responses import ResponsesUsage
from .vendors import Route

MAX_BODY_BYTES = 32 * 1024 * 1024


async def read_body(request: web.BaseRequest) -> bytes:
    """The body without its content encoding. CallRefused: 413 where it is too large, 415 and 400 where unreadable."""
    decode = decoder(request.headers.get("Content-Encoding", ""))
    if decode is None:
        raise CallRefused(415, "The gateway reads gzip and deflate only: send the body uncompressed.")
    pieces, size = [], 0
    try:
        async for chunk in request.content.iter_any():
            for piece in decode(chunk):
                size += len(piece)
                if size > MAX_BODY_BYTES:
                    raise CallRefused(413, f"The gateway takes bodies of at most {MAX_BODY_BYTES >> 20} MiB.")
                pieces.append(piece)
    except zlib.error:
        raise CallRefused(400, "The body is not compressed as its Content-Encoding says.") from None
    return b"".join(pieces)


def look_into(route: Route, body: bytes, model: str) -> tuple[str, bytes]:
    """The model that a metered call asks for, and the body as it goes on. CallRefused (400) where it names none.

    A stream of Chat Completions tells its usage only when asked: it is asked for, where the agent did not.
    """
    request = _object(body)
    found = model or request.get("model")
    if not isinstance(found, str) or not 0 < len(found) <= 200:
        raise CallRefused(400, "The request names no model.")
    if route.reader is ResponsesUsage and request.get("background"):
        raise CallRefused(400, "The gateway passes on no background responses: their usage could not be counted.")
    changed = with_usage(request) if route.reader is ChatUsage else None
    return found, body if changed is None else orjson.dumps(changed)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, Mapping):
        raise CallRefused(400, "The body is no JSON object.")
    return found
