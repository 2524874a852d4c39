"""Answers of model servers that are errors, as the agent gets them: bounded, and without the key, which some repeat."""

import zlib

import aiohttp
import orjson
from aiohttp import hdrs, web

from .addresses import Target
from .compression import decoder
from .credentials import returned
from .upstream import Upstream

MAX_ERROR_BYTES = 256 * 1024
_OURS = (hdrs.CONTENT_LENGTH, hdrs.CONTENT_ENCODING, hdrs.CONTENT_TYPE)


async def error_answer(answer: aiohttp.ClientResponse, wanted: Target, upstream: Upstream) -> web.Response:
    """The same status with the server's own words, or ours where they cannot be passed on."""
    if answer.status < 400:
        text = (
            f"The model server of {wanted.key} sends elsewhere ({answer.status}): set providers.{wanted.key}.base_url."
        )
        return web.Response(
            status=502, body=orjson.dumps(wanted.vendor.error_body(502, text)), content_type="application/json"
        )
    body = await _read(answer)
    kind = answer.headers.get(hdrs.CONTENT_TYPE, "application/json")
    if body is None:
        text = f"The model server of {wanted.key} answers {answer.status}."
        body, kind = orjson.dumps(wanted.vendor.error_body(answer.status, text)), "application/json"
    response = web.Response(status=answer.status, body=_without_key(body, upstream))
    for name, value in returned(answer.headers.items(), answer.headers.get(hdrs.CONNECTION, "")):
        if name.title() not in _OURS:
            response.headers.add(name, _without_key(value.encode(), upstream).decode())
    response.headers[hdrs.CONTENT_TYPE] = kind
    return response


async def _read(answer: aiohttp.ClientResponse) -> bytes | None:
    """The body in clear, None where it is too large, breaks off or is encoded otherwise."""
    decode = decoder(answer.headers.get(hdrs.CONTENT_ENCODING, ""))
    pieces, size = [], 0
    try:
        async for chunk in answer.content.iter_any():
            for piece in () if decode is None else decode(chunk):
                size += len(piece)
                pieces.append(piece)
            if size > MAX_ERROR_BYTES:
                return None
    except (zlib.error, TimeoutError, aiohttp.ClientError, OSError):
        return None
    return None if decode is None else b"".join(pieces)


def _without_key(text: bytes, upstream: Upstream) -> bytes:
    return text if not upstream.api_key else text.replace(upstream.api_key.encode(), b"[key]")
