"""The order of a list, and the rows after a place in it as pieces of which each follows an index."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import Col, Combinable

from config.api.problems import InvalidCursor, InvalidParameter

ORDERING = "ordering"
KEY = "ordering_key"


class Order:
    """How a list is sorted: by an expression (None: by nothing else), then by id, both the same way.

    Rows whose key is null come last both ways. The index that a list needs has its key and then its id.
    """

    def __init__(self, key: Combinable | None, *, ascending: bool) -> None:
        self.key, self.ascending = key, ascending
        self._beyond = "gt" if ascending else "lt"

    def first(self, rows: Any, place: Sequence[Any] | None, count: int) -> list[Any]:
        """So many of the rows after a place, None: from the beginning."""
        found: list[Any] = []
        for part in self.parts(rows, place):
            found += part[: count - len(found)]
            if len(found) == count:
                break
        return found

    def parts(self, rows: Any, place: Sequence[Any] | None) -> list[Any]:
        """The rows after a place, sorted, as querysets of which one comes after the other.

        In one condition (`key > x OR key = x AND id > y OR key IS NULL`) no database finds the place in an index.
        """
        by_id = F("pk").asc() if self.ascending else F("pk").desc()
        beyond = Q() if place is None else Q(**{f"pk__{self._beyond}": place[-1]})
        if self.key is None:
            return [rows.filter(beyond).order_by(by_id)]
        rows = rows.annotate(**{KEY: self.key})
        may_be_null = any(isinstance(each, Col) and each.target.null for each in rows.query.annotations[KEY].flatten())
        without = [rows.filter(**{f"{KEY}__isnull": True}).order_by(by_id)] if may_be_null else []
        if place is not None and place[0] is None:
            return [part.filter(beyond) for part in without]
        by_key = [F(KEY).asc() if self.ascending else F(KEY).desc(), by_id]
        if place is None:
            return [(rows.filter(**{f"{KEY}__isnull": False}) if may_be_null else rows).order_by(*by_key), *without]
        key = _python_value(rows, place[0])
        same = rows.filter(beyond, **{KEY: key}).order_by(by_id)
        return [same, rows.filter(**{f"{KEY}__{self._beyond}": key}).order_by(*by_key), *without]

    def place_of(self, row: Any) -> list[Any]:
        """Where a row of `first` stands: what its cursor says."""
        return self.place(row.pk, None if self.key is None else getattr(row, KEY))

    def place(self, pk: Any, key: Any) -> list[Any]:
        """The place of a row with this id and key."""
        return [pk] if self.key is None else [key.isoformat() if hasattr(key, "isoformat") else key, pk]


def _python_value(rows: QuerySet[Any], value: Any) -> Any:
    try:
        return rows.query.annotations[KEY].output_field.to_python(value)
    except ValidationError:  # signed by a version that ordered by something else
        raise InvalidCursor from None


def read_order(text: str | None, orderings: Mapping[str, Combinable | None], *, oldest_first: bool) -> Order:
    """From the query parameter `ordering`; 400 `invalid-parameter` for what the list is not ordered by."""
    if text is None:
        return Order(None, ascending=oldest_first)
    name = text.removeprefix("-")
    if name not in orderings:
        raise InvalidParameter(f"ordering is one of {', '.join(orderings)}, or the same after -.", parameter=ORDERING)
    return Order(orderings[name], ascending=name == text)
