"""Filters that no index answers: a page looks at the list's rows one by one, in its order, and at so many at most.

A text in the middle of a title, or a value beside the one that an index begins with, may be in every row or in none of
a million. A page that has looked at `LOOKED_AT` rows ends there; its cursor is that place. So it costs the same however
many rows there are, and what it may miss comes with the next page.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import F, Q

from config.api.ordering import KEY, Order

FIRST_LOOK, LOOKED_AT = 500, 5_000
"""So many rows are looked at first, as often that is enough, and so many in all."""
_PREFIX = "looked_for_"


def look_for(rows: Any, condition: Q) -> Any:
    """The same rows, of which a page is to show those for which this holds."""
    return rows.alias(**{f"{_PREFIX}{len(_conditions(rows))}": condition})


def is_looked_for(rows: Any) -> bool:
    """Whether a page of these looks at them one by one."""
    return bool(_conditions(rows))


def filtered(rows: Any) -> Any:
    """The rows for which the conditions hold, found by the database as it likes: for few rows."""
    names = _conditions(rows)
    found = rows.filter(**dict.fromkeys(names, True))
    for name in names:  # the rows of this query are no longer looked at one by one
        del found.query.annotations[name]
    return found


def _conditions(rows: Any) -> list[str]:
    return [name for name in rows.query.annotations if name.startswith(_PREFIX)]


def look(rows: Any, order: Order, after: Sequence[Any] | None, limit: int) -> tuple[list[Any], list[Any] | None]:
    """A page of the rows that are looked for, and the place after which there may be more."""
    found: list[list[Any]] = []
    place, is_end = after, False
    for count in (FIRST_LOOK, LOOKED_AT - FIRST_LOOK):
        seen = _look_at(rows, order, place, count)
        found += [each[0] for each in seen if each[1]]
        is_end = len(seen) < count
        if is_end or len(found) > limit:
            break
        place = seen[-1][0]
    if len(found) > limit:
        following: list[Any] | None = found[limit - 1]
    else:
        following = None if is_end else list(place or ())
    ids = [each[-1] for each in found[:limit]]
    shown = {row.pk: row for row in rows.filter(pk__in=ids)}
    return [shown[pk] for pk in ids if pk in shown], following  # one may have been deleted meanwhile


def _look_at(rows: Any, order: Order, place: Sequence[Any] | None, count: int) -> list[tuple[list[Any], bool]]:
    """The places of so many rows, each with whether it is looked for."""
    names = _conditions(rows)
    seen: list[tuple[list[Any], bool]] = []
    for part in order.parts(rows, place):
        left = count - len(seen)
        if not left:
            break
        shown = part.annotate(**{name: F(name) for name in names})
        columns = [*names, *([KEY] if order.key is not None else [])]
        for pk, *values in shown.values_list("pk", *columns)[:left]:
            key = values.pop() if order.key is not None else None
            seen.append((order.place(pk, key), all(values)))
    return seen
