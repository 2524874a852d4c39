"""`GET /api/blobs/{signature}`: an output or attachment by its signed address, ranges too (RFC 9110, section 14)."""

import asyncio
import re
from collections.abc import AsyncIterator

from django.db.models.fields.files import FieldFile
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from rest_framework import status

from config.api.methods import require_safe
from config.api.problems import NotFound, Problem, problem_response
from runs.blobs import OutputMissing, SignatureInvalid, find_blob

CHUNK_BYTES = 128 * 1024
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Accept-Ranges": "bytes",
}


class InvalidSignature(Problem):
    title = "Address is forged or expired"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "invalid-signature"
    default_detail = "Ask for the command, or the attachment, again: it has a fresh address."


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
    except OutputMissing:
        return problem_response(NotFound("The output is not kept any more."), "/api/blobs")
    size, tag = found.size_bytes, f'"{found.key}-{found.size_bytes}"'
    part = _asked_part(request, size, tag)
    if part is not None and part.start >= part.stop:
        refusal = problem_response(RangeNotSatisfiable(f"The output has {size} bytes."), "/api/blobs")
        refusal.headers["Content-Range"] = f"bytes */{size}"
        return refusal
    given = part or range(size)
    headers = {
        **_HEADERS,
        "Content-Type": found.media_type,
        "Content-Disposition": content_disposition_header(as_attachment=True, filename=found.name) or "attachment",
        "Content-Length": str(len(given)),
        "ETag": tag,
    }
    if part is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    return StreamingHttpResponse(_read(found.file, given), status=200 if part is None else 206, headers=headers)


def _asked_part(request: HttpRequest, size: int, tag: str) -> range | None:
    """The bytes that are asked for, empty when there are none; None for everything.

    That is also the answer to HEAD, to several ranges, to what is no range, and to a part of what the output was when
    it had another tag (RFC 9110, sections 13.1.5 and 14.2).
    """
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    if match is None or request.method != "GET" or request.headers.get("If-Range", tag) != tag:
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size) if last else None
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last or size) + 1))


async def _read(kept: FieldFile, part: range) -> AsyncIterator[bytes]:
    """In threads: under ASGI a plain iterator would be gathered into memory whole. Opened only when it is read."""
    length = len(part)
    with await asyncio.to_thread(kept.open, "rb") as file:
        await asyncio.to_thread(file.seek, part.start)
        while length > 0 and (chunk := await asyncio.to_thread(file.read, min(CHUNK_BYTES, length))):
            length -= len(chunk)
            yield chunk
