"""One schema of what several sources tell: the better source is believed, the others confirm it or disagree."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from docs_mgmt.generators.schema.column_types import differ
from docs_mgmt.generators.schema.drafts import ForeignKey, Reading, Readings, TableDraft
from docs_mgmt.generators.schema.shapes import (
    SOURCE_KINDS,
    Column,
    DatabaseSchema,
    Disagreement,
    Index,
    Place,
    Relation,
    SchemaSource,
    Table,
)

RANKS = {kind: rank for rank, kind in enumerate(SOURCE_KINDS)}
SAME_BY_TABLES = 0.5  # of the smaller one's tables, for sources in one folder or one within the other's
SAME_BY_TABLES_ELSEWHERE = 0.8  # for sources in unrelated folders: dialects of one schema
FEWEST_TABLES_ELSEWHERE = 3
CONFIRMED = 0.99
CONTRADICTED = 0.8  # at most, where another source disagrees
DOUBTFUL = 0.6  # at most, where a part was not understood
ONLY_BY_LESSER = 0.5  # at most, for a table that the believed source does not have
ONE_EACH = frozenset({"rails-schema", "rails-structure", "rails-migrations"})
"""Kinds of which each source is a database of its own, whatever tables it shares with others."""
BOOKKEEPING = frozenset({"migrations", "schema_migrations", "ar_internal_metadata", "alembic_version"})
"""Tables that a framework keeps for itself: migrations do not make them."""
OF_ONE = (
    {"django-models", "django-migrations"},
    {"rails-schema", "rails-structure", "rails-migrations"},
    {"laravel-schema", "laravel-migrations"},
    {"prisma", "prisma-migrations"},
    {"sqlalchemy", "alembic"},
    {"typeorm", "typeorm-migrations"},
)
"""Kinds that tell of the same database where they lie in the same project."""


@dataclass(slots=True)
class _Database:
    label: str
    readings: list[Reading]
    tables: dict[str, tuple[Reading, TableDraft]] = field(default_factory=dict)


def merge(readings: Readings) -> DatabaseSchema:
    """The schema; the order of the readings does not matter."""
    databases = _databases(readings)
    tables: list[Table] = []
    relations: list[Relation] = []
    disagreements: list[Disagreement] = []
    for database in databases:
        made, found = _merge_tables(database)
        tables += made
        disagreements += found
        relations += _relations(database)
    unread = sorted(set(readings.unread), key=lambda one: (one.path, one.line or 0, one.reason))
    sources = [
        SchemaSource(database.label, one.kind, one.path, one.files, len(one.draft.tables))
        for database in databases
        for one in database.readings
    ]
    return DatabaseSchema(tuple(tables), tuple(relations), tuple(disagreements), tuple(unread), tuple(sources))


def groups(readings: Readings) -> list[list[Reading]]:
    """The readings of each database, the one that is believed first."""
    return [database.readings for database in _databases(readings)]


def _databases(readings: Readings) -> list[_Database]:
    ordered = sorted(readings.found, key=lambda one: (RANKS[one.kind], one.root.count("/"), one.root, one.path))
    databases: list[_Database] = []
    for reading in ordered:
        _take(databases, reading)
    return sorted(databases, key=lambda one: one.label)


def _take(databases: list[_Database], reading: Reading) -> None:
    """Join the database that it tells of, or open one."""
    home = next((database for database in databases if _is_same(database, reading)), None)
    if home is None:
        labels = {database.label for database in databases}
        label = next(one for one in (reading.root, reading.path, *_numbered(reading.path)) if one not in labels)
        databases.append(home := _Database(label, []))
    home.readings.append(reading)
    for key, table in reading.draft.tables.items():
        home.tables.setdefault(key, (reading, table))


def _numbered(path: str) -> Iterable[str]:
    return (f"{path} {number}" for number in range(2, 100_000))


def _is_same(database: _Database, reading: Reading) -> bool:
    first = database.readings[0]
    if first.root == reading.root and any({first.kind, reading.kind} <= kinds for kinds in OF_ONE):
        return first.kind != reading.kind
    if first.kind == reading.kind and first.kind in ONE_EACH:
        return False
    shared = len(database.tables.keys() & reading.draft.tables.keys())
    smaller = min(len(database.tables), len(reading.draft.tables))
    if _is_within(first.root, reading.root) or _is_within(reading.root, first.root):
        return shared >= SAME_BY_TABLES * smaller
    return shared >= max(SAME_BY_TABLES_ELSEWHERE * smaller, FEWEST_TABLES_ELSEWHERE)


def _is_within(inner: str, outer: str) -> bool:
    return not outer or inner == outer or inner.startswith(f"{outer}/")


def _merge_tables(database: _Database) -> tuple[list[Table], list[Disagreement]]:
    tables: list[Table] = []
    disagreements: list[Disagreement] = []
    first = database.readings[0]
    for key, (reading, draft) in sorted(database.tables.items()):
        others = [one for one in database.readings if one is not reading and key in one.draft.tables]
        found = _by_kind(database.label, reading, draft, others)
        found += _missing(database, reading, draft, first)
        tables.append(_table(database.label, reading, draft, others, found, is_believed=reading is first))
        disagreements += found
    return tables, disagreements


def _by_kind(label: str, reading: Reading, draft: TableDraft, others: list[Reading]) -> list[Disagreement]:
    """What other sources say differently; of several of a kind, such as dialects, only what all of them say."""
    found: list[Disagreement] = []
    for kind in sorted({other.kind for other in others}, key=lambda one: RANKS[one]):
        compared = [
            _compare(label, reading, draft, other, other.draft.tables[draft.name.lower()])
            for other in others
            if other.kind == kind
        ]
        shared = [{(one.column, one.about) for one in disagreements} for disagreements in compared]
        common = set.intersection(*shared)
        found += [one for one in compared[0] if (one.column, one.about) in common]
    return found


def _missing(database: _Database, reading: Reading, draft: TableDraft, first: Reading) -> list[Disagreement]:
    """That the believed source has no such table, or that one which should tell the same does not."""
    if reading is not first:
        believed = Place(first.kind, first.path, None, "no such table")
        other = Place(reading.kind, draft.path, draft.line, "a table")
        return [Disagreement(database.label, draft.name, None, "table", believed, other)]
    return [
        Disagreement(
            database.label,
            draft.name,
            None,
            "table",
            Place(reading.kind, draft.path, draft.line, "a table"),
            Place(other.kind, other.path, None, "no such table"),
        )
        for other in database.readings[1:]
        if _covers(other, first)
        and draft.name.lower() not in BOOKKEEPING
        and draft.name.lower() not in other.draft.tables
        and any({first.kind, other.kind} <= kinds for kinds in OF_ONE)
    ]


def _covers(other: Reading, first: Reading) -> bool:
    """Whether a source means to tell of all tables: one that began later, or was cut short, does not."""
    return len(other.draft.tables.keys() & first.draft.tables.keys()) >= SAME_BY_TABLES * len(first.draft.tables)


def _compare(label: str, reading: Reading, draft: TableDraft, other: Reading, theirs: TableDraft) -> list[Disagreement]:
    """What the columns of two drafts of one table differ in."""
    found: list[Disagreement] = []
    for key in [*draft.columns, *(key for key in theirs.columns if key not in draft.columns)]:
        mine, their = draft.columns.get(key), theirs.columns.get(key)
        about, says = _difference(mine, their)
        if about is not None:
            first = _place(reading, draft, mine, says[0])
            second = _place(other, theirs, their, says[1])
            column = mine or their
            assert column is not None  # noqa: S101 # the key is of one of the two
            found.append(Disagreement(label, draft.name, column.name, about, first, second))
    return found


def _difference(mine: Column | None, their: Column | None) -> tuple[str | None, tuple[str, str]]:
    if mine is None or their is None:
        return "column", tuple("no such column" if one is None else one.type for one in (mine, their))  # type: ignore[return-value] # of two
    if differ(mine.type, their.type):
        return "type", (mine.type, their.type)
    if mine.nullable != their.nullable:
        says = ["may be null" if one.nullable else "not null" for one in (mine, their)]
        return "nullable", (says[0], says[1])
    return None, ("", "")


def _place(reading: Reading, draft: TableDraft, column: Column | None, says: str) -> Place:
    if column is None:
        return Place(reading.kind, draft.path, draft.line, says)
    return Place(reading.kind, column.path, column.line, says)


def _table(
    label: str,
    reading: Reading,
    draft: TableDraft,
    others: list[Reading],
    disagreements: list[Disagreement],
    *,
    is_believed: bool,
) -> Table:
    keys = _without_repetitions(draft)
    return Table(
        database=label,
        name=draft.name,
        columns=tuple(draft.columns.values()),
        primary_key=draft.primary_key,
        indexes=tuple(key for key in keys if not key.unique),
        unique_keys=tuple(key for key in keys if key.unique),
        checks=tuple(draft.checks),
        path=draft.path,
        line=draft.line,
        source_kind=reading.kind,
        also_in=tuple(sorted({one.kind for one in others} - {reading.kind})),
        confidence=_confidence(reading.kind, draft, others, disagreements, is_believed=is_believed),
    )


def _without_repetitions(draft: TableDraft) -> list[Index]:
    seen: dict[tuple[object, ...], Index] = {}
    for key in draft.keys:
        seen.setdefault((key.name, tuple(one.lower() for one in key.columns), key.unique, key.condition), key)
    return list(seen.values())


def _confidence(
    kind: str, draft: TableDraft, others: list[Reading], disagreements: list[Disagreement], *, is_believed: bool
) -> float:
    limits = [CONFIRMED if others and not disagreements else SOURCE_KINDS[kind]]
    if any(one.about != "nullable" for one in disagreements):
        limits.append(CONTRADICTED)
    if draft.is_doubtful:
        limits.append(DOUBTFUL)
    if not is_believed:
        limits.append(ONLY_BY_LESSER)
    return min(limits)


def _relations(database: _Database) -> list[Relation]:
    made = [
        _relation(database, draft, key)
        for _, (_, draft) in sorted(database.tables.items())
        for key in draft.foreign_keys
    ]
    return sorted(set(made), key=lambda one: (one.from_table, one.from_columns, one.to_table, one.path, one.line))


def _relation(database: _Database, draft: TableDraft, key: ForeignKey) -> Relation:
    aimed = database.tables.get(key.table.lower())
    to_columns = key.to_columns or (() if aimed is None else aimed[1].primary_key)
    columns = {name.lower() for name in key.columns}
    unique = [draft.primary_key, *(one.columns for one in draft.keys if one.unique and one.condition is None)]
    is_one = any(columns == {name.lower() for name in names} for names in unique)
    return Relation(
        database=database.label,
        from_table=draft.name,
        from_columns=key.columns,
        to_table=key.table if aimed is None else aimed[1].name,
        to_columns=to_columns,
        kind="one-to-one" if is_one else "many-to-one",
        on_delete=key.on_delete,
        is_enforced=key.is_enforced,
        path=key.path,
        line=key.line,
    )
