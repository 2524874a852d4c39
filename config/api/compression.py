"""JSON answers are gzip-compressed for clients that ask for it. Answers with secrets, streams and outputs never are."""

import re

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

MIN_BYTES = 1024
_JSON = re.compile(r"application/([a-z.]+\+)?json")
_REFUSED = re.compile(r"\bgzip\s*;\s*q=0(\.0*)?\s*(,|$)", re.IGNORECASE)


class JsonGZipMiddleware(GZipMiddleware):
    """Django's (which pads answers against BREACH and weakens tags), for JSON over 1 KiB that holds no secret."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not _is_compressible(request, response) or _REFUSED.search(request.headers.get("Accept-Encoding", "")):
            return response
        compressed: HttpResponseBase = super().process_response(request, response)
        return compressed


def _is_compressible(request: HttpRequest, response: HttpResponseBase) -> bool:
    return (
        not response.streaming
        and _JSON.match(response.headers.get("Content-Type", "")) is not None
        and not request.path.startswith("/api/auth/")
        and "no-store" not in response.headers.get("Cache-Control", "")
        and len(getattr(response, "content", b"")) > MIN_BYTES
    )
