"""Pages by keyset cursor: the last row's id, bound to the list and its filters. Never OFFSET, never COUNT(*)."""

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.problems import InvalidCursor, InvalidParameter

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
PARAMETERS = frozenset({"cursor", "limit"})
_MAX_ID = 2**63 - 1


def read_limit(request: Request) -> int:
    """`?limit=`, 1 to 200, 50 when absent."""
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_LIMIT):
        raise InvalidParameter(f"limit is a whole number from 1 to {MAX_LIMIT}.", parameter="limit")
    return int(text)


def _fingerprint(request: Request) -> str:
    filters = sorted((name, values) for name, values in request.query_params.lists() if name not in PARAMETERS)
    return hashlib.sha256(json.dumps([request.path, filters]).encode()).hexdigest()[:16]


def make_cursor(request: Request, last_id: int) -> str:
    """An opaque text for the place after `last_id` in this list with these filters."""
    return base64.urlsafe_b64encode(f"{_fingerprint(request)}.{last_id}".encode()).decode().rstrip("=")


def read_cursor(request: Request) -> int | None:
    """The id after which the page starts, None at the beginning."""
    text = request.query_params.get("cursor")
    if text is None:
        return None
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        decoded = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        fingerprint, _, last_id = decoded.partition(".")
        if fingerprint == _fingerprint(request) and last_id.isascii() and last_id.isdigit() and int(last_id) <= _MAX_ID:
            return int(last_id)
    except ValueError:
        pass
    raise InvalidCursor


class KeysetPagination(BasePagination):
    """`{data, meta: {nextCursor}}`, newest first, or oldest first where the view says `oldest_first`."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        limit, after = read_limit(request), read_cursor(request)
        oldest_first = getattr(view, "oldest_first", False)
        if after is not None:
            queryset = queryset.filter(**{"pk__gt" if oldest_first else "pk__lt": after})
        rows = list(queryset.order_by("pk" if oldest_first else "-pk")[: limit + 1])
        self._next = make_cursor(request, rows[limit - 1].pk) if len(rows) > limit else None
        return rows[:limit]

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"data": data, "meta": {"next_cursor": self._next}})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        cursor = {"nextCursor": {"type": ["string", "null"]}}
        meta = {"type": "object", "properties": cursor, "required": ["nextCursor"]}
        return {
            "type": "object",
            "properties": {"data": schema, "meta": meta},
            "required": ["data", "meta"],
        }


def page_of(request: Request, rows: Sequence[Any]) -> Response:
    """A page of a collection that is short, has no ids and never changes its order: the cursor is a position."""
    limit, start = read_limit(request), read_cursor(request) or 0
    following = start + limit
    cursor = make_cursor(request, following) if following < len(rows) else None
    return Response({"data": rows[start:following], "meta": {"next_cursor": cursor}})
