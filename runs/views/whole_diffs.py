"""A diff with every byte of it: at once while it is small, else as a stream for which git waits, whatever its size."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import chain
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer

from accounts.permissions import UserRequest
from config.api.caching import names_tag

AT_ONCE_BYTES = 256 * 1024


class DiffRenderer(BaseRenderer):
    """Bytes as they are."""

    media_type, format = "text/x-diff", "diff"
    charset = None

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        whole: bytes = data
        return whole


def give_whole(request: UserRequest, pieces: Iterator[bytes], name: str) -> HttpResponseBase:
    """The answer. `name` tells these bytes from all others: it becomes the tag of a stream.

    What fails before the first part is out is answered as a problem; later, the connection breaks off.
    """
    headers = {"Content-Type": DiffRenderer.media_type, "X-Content-Type-Options": "nosniff"}
    begin = bytearray()
    for piece in pieces:
        begin += piece
        if len(begin) > AT_ONCE_BYTES:
            break
    else:
        return HttpResponse(bytes(begin), headers=headers)  # its tag is made from the bytes (config.api.caching)
    headers["ETag"] = tag = f'"{name}"'
    if names_tag(request.headers.get("If-None-Match", ""), tag):
        _close(pieces)
        return HttpResponse(status=304, headers=headers)
    parts = iter(()) if request.method == "HEAD" else chain([bytes(begin)], pieces)
    return StreamingHttpResponse(_sent(parts, pieces), headers=headers)


async def _sent(parts: Iterator[bytes], pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """In threads: under ASGI a plain iterator would be gathered into memory whole."""
    taking: asyncio.Future[bytes] | None = None
    try:
        while True:
            taking = asyncio.ensure_future(asyncio.to_thread(next, parts, b""))
            part = await asyncio.shield(taking)
            if not part:
                return
            yield part
    finally:
        if taking is not None:  # the client may be gone while a thread is still at it
            await asyncio.wait({taking})
        await asyncio.to_thread(_close, pieces)


def _close(pieces: Any) -> None:
    """Ends git where it has not ended by itself."""
    if hasattr(pieces, "close"):
        pieces.close()
