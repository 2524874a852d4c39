"""Made schemas for the tests of diagrams."""

from collections.abc import Iterable, Sequence

from docs_mgmt.generators.schema.shapes import Column, DatabaseSchema, Index, Relation, Table


def table(name: str, *columns: str, database: str = "", key: tuple[str, ...] = (), unique: str | None = None) -> Table:
    made = tuple(Column(each, "varchar(20)", "x", each.startswith("maybe"), None, "a.sql", 1) for each in columns)
    keys = (Index(None, (unique,), True, None, "a.sql", 1),) if unique else ()
    return Table(database, name, made, key, (), keys, (), "a.sql", 1, "sql-schema", (), 0.9)


def relation(source: str, column: str, target: str, *, kind: str = "many-to-one", enforced: bool = True) -> Relation:
    return Relation("", source, (column,), target, ("id",), kind, None, enforced, "a.sql", 1)


def schema(tables: Iterable[Table], relations: Sequence[Relation] = ()) -> DatabaseSchema:
    return DatabaseSchema(tuple(tables), tuple(relations), (), (), ())
