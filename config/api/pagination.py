"""Pages by keyset cursor: the place of the last row, signed, and bound to the list, its filters and its order.

Never OFFSET, never COUNT(*): a page costs the same wherever it is, and rows that come or go do not move the others.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.core import signing
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.looking import is_looked_for, look
from config.api.ordering import ORDERING, Order, read_order
from config.api.problems import InvalidCursor, InvalidParameter

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
PARAMETERS = frozenset({"cursor", "limit"})


def read_limit(request: Request, *, default: int = DEFAULT_LIMIT) -> int:
    """`?limit=`, 1 to 200, 50 when absent."""
    text = request.query_params.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_LIMIT):
        raise InvalidParameter(f"limit is a whole number from 1 to {MAX_LIMIT}.", parameter="limit")
    return int(text)


def _salt(request: Request) -> str:
    """Of this list, with these filters, in this order: a cursor of another one has another signature."""
    filters = sorted((name, values) for name, values in request.query_params.lists() if name not in PARAMETERS)
    return "cursor " + hashlib.sha256(json.dumps([request.path, filters]).encode()).hexdigest()


def make_cursor(request: Request, *place: Any) -> str:
    """An opaque text for a place in this list: the id of its row, before it what the list is ordered by."""
    return signing.dumps(place, salt=_salt(request))


def read_cursor(request: Request) -> list[Any] | None:
    """The place after which the page starts, None at the beginning. What we did not sign is 400 `invalid-cursor`."""
    text = request.query_params.get("cursor")
    if text is None:
        return None
    try:
        place: list[Any] = signing.loads(text, salt=_salt(request))
    except signing.BadSignature:
        raise InvalidCursor from None
    return place


class KeysetPagination(BasePagination):
    """`{data, meta: {nextCursor}}`, newest first, or oldest first where the view says `oldest_first`.

    `?ordering=` takes the names of the view's `orderings`, with `-` for the other way round; rows that have nothing
    there come last both ways. Rows that are equal there follow their ids.

    Where rows are looked at one by one (config.api.looking), a page may have fewer rows than its limit, or none, and
    yet a `nextCursor`: it goes on where this page stopped looking.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        limit, after = read_limit(request), read_cursor(request)
        orderings, oldest_first = getattr(view, "orderings", {}), getattr(view, "oldest_first", False)
        order = read_order(request.query_params.get(ORDERING), orderings, oldest_first=oldest_first)
        if is_looked_for(queryset):
            rows, place = look(queryset, order, after, limit)
        else:
            found = self.read_rows(queryset, order, after, limit + 1)
            rows, place = found[:limit], order.place_of(found[limit - 1]) if len(found) > limit else None
        self._next = None if place is None else make_cursor(request, *place)
        return rows

    def read_rows(self, queryset: Any, order: Order, after: Sequence[Any] | None, count: int) -> list[Any]:
        """The first rows of a queryset after a place in this order."""
        return order.first(queryset, after, count)

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

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """What the OpenAPI schema says of a page's parameters."""
        cursor = "`meta.nextCursor` of the page before, with the same other parameters."
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        shown = [
            _parameter("cursor", cursor, {"type": "string"}),
            _parameter("limit", "How many rows a page has at most.", limit),
        ]
        if names := getattr(view, "orderings", {}):
            choices = {"type": "string", "enum": [way + name for name in names for way in ("", "-")]}
            shown.append(_parameter(ORDERING, "What the list is ordered by; `-`: the other way round.", choices))
        return shown


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "required": False, "in": "query", "description": description, "schema": schema}


def page_of(request: Request, rows: Sequence[Any]) -> Response:
    """A page of a collection that is short, has no ids and never changes its order: the cursor is a position."""
    limit, place = read_limit(request), read_cursor(request)
    start = place[0] if place else 0
    following = start + limit
    cursor = make_cursor(request, following) if following < len(rows) else None
    return Response({"data": rows[start:following], "meta": {"next_cursor": cursor}})
