"""Pages by keyset cursor: the place of the last row, signed, and bound to the list, its filters and its order.

Never OFFSET, never COUNT(*): a page costs the same wherever it is, and rows that come or go do not move the others.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.core import signing
from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import Combinable
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.problems import InvalidCursor, InvalidParameter

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
PARAMETERS = frozenset({"cursor", "limit"})
ORDERING = "ordering"


def read_limit(request: Request) -> int:
    """`?limit=`, 1 to 200, 50 when absent."""
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
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
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        limit, after = read_limit(request), read_cursor(request)
        order = _read_order(request, getattr(view, "orderings", {}), oldest_first=getattr(view, "oldest_first", False))
        rows = self.read_rows(order.after(queryset, after), order, limit + 1)
        self._next = make_cursor(request, *order.place_of(rows[limit - 1])) if len(rows) > limit else None
        return rows[:limit]

    def read_rows(self, queryset: Any, order: "Order", count: int) -> list[Any]:
        """The first rows of a queryset in this order."""
        return list(order.sort(queryset)[:count])

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


class Order:
    """How a list is sorted: by an expression (None: by nothing else), then by id, both the same way."""

    _KEY = "ordering_key"

    def __init__(self, key: Combinable | None, *, ascending: bool) -> None:
        self.key, self.ascending = key, ascending
        self._beyond = "gt" if ascending else "lt"

    def sort(self, rows: Any) -> Any:
        """The rows sorted; those whose key is null at the end."""
        by_id = F("pk").asc() if self.ascending else F("pk").desc()
        if self.key is None:
            return rows.order_by(by_id)
        key = F(self._KEY)
        by_key = key.asc(nulls_last=True) if self.ascending else key.desc(nulls_last=True)
        return rows.annotate(**{self._KEY: self.key}).order_by(by_key, by_id)

    def place_of(self, row: Any) -> list[Any]:
        """Where a row stands: what its cursor says."""
        if self.key is None:
            return [row.pk]
        key = getattr(row, self._KEY)
        return [key.isoformat() if hasattr(key, "isoformat") else key, row.pk]

    def after(self, rows: Any, place: Sequence[Any] | None) -> Any:
        """The rows that come after a place."""
        if place is None:
            return rows
        beyond = Q(**{f"pk__{self._beyond}": place[-1]})
        if self.key is None:
            return rows.filter(beyond)
        rows = rows.alias(**{self._KEY: self.key})
        is_null = Q(**{f"{self._KEY}__isnull": True})
        if place[0] is None:
            return rows.filter(is_null & beyond)
        key = self._python_value(rows, place[0])
        same = Q(**{self._KEY: key}) & beyond
        return rows.filter(Q(**{f"{self._KEY}__{self._beyond}": key}) | same | is_null)

    def _python_value(self, rows: QuerySet[Any], value: Any) -> Any:
        try:
            return rows.query.annotations[self._KEY].output_field.to_python(value)
        except ValidationError:  # signed by a version that ordered by something else
            raise InvalidCursor from None


def _read_order(request: Request, orderings: Mapping[str, Combinable | None], *, oldest_first: bool) -> Order:
    text = request.query_params.get(ORDERING)
    if text is None:
        return Order(None, ascending=oldest_first)
    name = text.removeprefix("-")
    if name not in orderings:
        raise InvalidParameter(f"ordering is one of {', '.join(orderings)}, or the same after -.", parameter=ORDERING)
    return Order(orderings[name], ascending=name == text)


def page_of(request: Request, rows: Sequence[Any]) -> Response:
    """A page of a collection that is short, has no ids and never changes its order: the cursor is a position."""
    limit, place = read_limit(request), read_cursor(request)
    start = place[0] if place else 0
    following = start + limit
    cursor = make_cursor(request, following) if following < len(rows) else None
    return Response({"data": rows[start:following], "meta": {"next_cursor": cursor}})
