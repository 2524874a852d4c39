"""`GET /api/blobs/{signature}`: a kept output, by its signed address; ranges of it too (RFC 9110, section 14)."""

import asyncio
import re
from collections.abc import AsyncIterator

from django.db.models.fields.files import FieldFile
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from rest_framework import status

from config.api.methods import require_safe
from config.api.problems import Problem, problem_response
from runs.blobs import SignatureInvalid, find_blob

CHUNK_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_HEADERS = {
    "Content-Type": "text/plain; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Accept-Ranges": "bytes",
}


class InvalidSignature(Problem):
    title = "Address is forged or expired"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "invalid-signature"
    default_detail = "Ask for the command again: it has a fresh address."


class RangeNotSatisfiable(Problem):
    title = "Range is outside of the output"
    status_code = status.HTTP_416_REQUESTED_RANGE_NOT_SATISFIABLE
    default_code = "range-not-satisfiable"


@require_safe
def blob(request: HttpRequest, signature: str) -> HttpResponseBase:
    """Streams the output, so that its size does not matter."""
    try:
        found = find_blob(signature)
    except SignatureInvalid:
        return problem_response(InvalidSignature(), "/api/blobs")
    headers = {**_HEADERS, "Content-Disposition": f'attachment; filename="{found.name}"'}
    size = found.file.size
    first, last, is_partial = _range(request.headers.get("Range", ""), size)
    if first > last and is_partial:
        refusal = problem_response(RangeNotSatisfiable(f"The output has {size} bytes."), "/api/blobs")
        refusal.headers["Content-Range"] = f"bytes */{size}"
        return refusal
    headers["Content-Length"] = str(last - first + 1)
    if is_partial:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return StreamingHttpResponse(
        _read(found.file, first, last - first + 1), status=206 if is_partial else 200, headers=headers
    )


def _range(header: str, size: int) -> tuple[int, int, bool]:
    """First and last byte, and whether a range was asked for; more than one range gives the whole."""
    match = _RANGE.fullmatch(header)
    if match is None or match[0] == "bytes=-":
        return 0, size - 1, False
    if not match[1]:
        return max(0, size - int(match[2])), size - 1, True
    return int(match[1]), min(size - 1, int(match[2] or size)), True


async def _read(kept: FieldFile, start: int, length: int) -> AsyncIterator[bytes]:
    """In threads: under ASGI a plain iterator would be gathered into memory whole. Opened only when it is read."""
    with await asyncio.to_thread(kept.open, "rb") as file:
        await asyncio.to_thread(file.seek, start)
        while length > 0 and (chunk := await asyncio.to_thread(file.read, min(CHUNK_BYTES, length))):
            length -= len(chunk)
            yield chunk
