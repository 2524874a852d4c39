"""Cache headers, tags and 304 of everything below `/api/` (RFC 9110 sections 8.8 and 13, RFC 9111).

A tag names the uncompressed bytes of an answer. Answers that say `no-store` (tokens, signed addresses) have none.
"""

import hashlib
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags

PREFIX = "/api/"
VARY = ("Authorization", "Cookie", "Accept")
_OF_A_BODY = ("Content-Length", "Content-Type", "Content-Encoding", "Content-Disposition")


def tag_of(response: HttpResponseBase) -> str | None:
    """The tag of a whole 200 answer that may be stored; None for others."""
    if not isinstance(response, HttpResponse) or response.status_code != 200:
        return None
    if "no-store" in response.headers.get("Cache-Control", ""):
        return None
    return f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'


def names_tag(field: str, tag: str | None) -> bool:
    """Whether an `If-Match` or `If-None-Match` names the tag; with or without `W/`, as compression weakens tags."""
    given = parse_etags(field)
    return given == ["*"] or (tag is not None and tag in (each.removeprefix("W/") for each in given))


class CachingMiddleware:
    """Adds the headers, and answers 304 to a client that has the bytes already. Access has been checked by then."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not request.path.startswith(PREFIX):
            return response
        response.headers.setdefault("Cache-Control", "private, no-cache")
        patch_vary_headers(response, VARY)
        if request.method in ("GET", "HEAD"):
            _tag(request, response)
        return response


def _tag(request: HttpRequest, response: HttpResponseBase) -> None:
    tag = tag_of(response)
    if tag is None:
        return
    response.headers["ETag"] = tag
    if names_tag(request.headers.get("If-None-Match", ""), tag) and isinstance(response, HttpResponse):
        response.content, response.status_code = b"", 304
        for name in _OF_A_BODY:
            response.headers.pop(name, None)
