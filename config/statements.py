"""Querysets that are compiled once a process: for the few that most requests need.

Building and compiling a queryset takes Django ten times as long as SQLite takes to answer it: three quarters of the
time of a run's detail. Here the SQL, the converters and the way from a row to an object are kept, and a call fills in
ids.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import QuerySet
from django.db.models.query import ValuesListIterable, get_related_populators

Row = TypeVar("Row")
_FIRST_MARK = 2**62  # stands for the first parameter while a queryset is compiled; no id is as large


class Statement(Generic[Row]):
    """A queryset whose only parameters are ids. Its rows are objects or, after `values_list`, tuples.

    `build` is called once, with so many numbers, and gives the queryset. Nothing else that may change may go into it:
    not the time, not a text, not the length of a list.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Row]], *, parameters: int) -> None:
        self._build, self._marks = build, range(_FIRST_MARK, _FIRST_MARK + parameters)

    def rows(self, *ids: int) -> list[Row]:
        """The rows for these ids."""
        compiled = self._compiled
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, compiled.fill(dict(zip(self._marks, ids, strict=True))))
            return compiled.read_all(cursor.fetchall())

    def first(self, *ids: int) -> Row | None:
        """The first of the rows; None without any."""
        return next(iter(self.rows(*ids)), None)

    @cached_property
    def _compiled(self) -> "_Compiled":
        return _Compiled(self._build(*self._marks))


class _Compiled:
    """What Django's own iterables (django.db.models.query) work out for each query, kept."""

    def __init__(self, queryset: QuerySet[Any, Any]) -> None:
        compiler: Any = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        # By name: of a statement with bare marks Django's SQLite backend finds each anew at every call, by a regex.
        self._parameters = {f"p{number}": value for number, value in enumerate(parameters)}
        self.sql = sql.replace("%%", "%%%%") % tuple(f"%({name})s" for name in self._parameters)
        select, info = compiler.select, compiler.klass_info
        self._converters = list(compiler.get_converters([column[0] for column in select]).items())
        self._is_tuple = queryset._iterable_class is ValuesListIterable  # noqa: SLF001 - as Django's own code tells
        if self._is_tuple:
            return
        self._model = info["model"]
        self._own = slice(info["select_fields"][0], info["select_fields"][-1] + 1)
        self._names = [column[0].target.attname for column in select[self._own]]
        populators: Any = get_related_populators  # the stubs are of a later Django
        self._related = populators(info, select, DEFAULT_DB_ALIAS)
        self._annotations = list(compiler.annotation_col_map.items()) if compiler.annotation_col_map else []

    def fill(self, ids: dict[int, int]) -> dict[str, Any]:
        """The parameters with ids for marks, in the types that the database's driver was to be given."""
        return {
            name: type(value)(ids[value]) if isinstance(value, int) and value in ids else value
            for name, value in self._parameters.items()
        }

    def read_all(self, rows: list[Any]) -> list[Any]:
        """What rows of the database are in Python."""
        return rows if self._is_tuple and not self._converters else [self._read(row) for row in rows]

    def _read(self, row: Sequence[Any]) -> Any:
        values = list(row)
        for position, (converters, expression) in self._converters:
            for convert in converters:
                values[position] = convert(values[position], expression, connection)
        return tuple(values) if self._is_tuple else self._object(values)

    def _object(self, values: list[Any]) -> Any:
        made = self._model.from_db(DEFAULT_DB_ALIAS, self._names, values[self._own])
        for related in self._related:
            related.populate(values, made)
        for name, position in self._annotations:
            setattr(made, name, values[position])
        return made
