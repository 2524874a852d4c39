"""What is known of the databases of a repository: tables, columns, keys and relations, each with the line that says so.

Values only. Lines count from 1; paths are relative to the repository, with `/`. Every tuple is in an order that depends
on the files alone: tables and relations by database and name, columns as they are declared.
"""

from dataclasses import dataclass

SOURCE_KINDS = {
    "rails-schema": 0.98,
    "rails-structure": 0.98,
    "laravel-schema": 0.95,
    "prisma": 0.98,
    "sql-schema": 0.95,
    "django-models": 0.95,
    "sqlalchemy": 0.9,
    "typeorm": 0.9,
    "django-migrations": 0.9,
    "laravel-migrations": 0.85,
    "rails-migrations": 0.8,
    "alembic": 0.8,
    "prisma-migrations": 0.85,
    "typeorm-migrations": 0.8,
    "sql-migrations": 0.85,
}
"""What tables are read from, the one that is believed first, with how sure it is where nothing else confirms it."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `type` as a database would call it, in small letters (`varchar(100)`), `raw_type` as it is written.

    `default` is the text of the default that the database or the framework fills in, None where there is none.
    """

    name: str
    type: str
    raw_type: str
    nullable: bool
    default: str | None
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Index:
    """An index or a unique key: `columns` are names, or expressions as they are written; `name` None if not given.

    `condition` is the text of the predicate of a partial one.
    """

    name: str | None
    columns: tuple[str, ...]
    unique: bool
    condition: str | None
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Check:
    """A check constraint, its expression as it is written."""

    name: str | None
    expression: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table: `database` tells apart the databases of a repository (the folder it is described in; "" for the root).

    `primary_key` are names of columns, none where there is none or it is not known. `indexes` are those that are not
    unique, `unique_keys` those that are. `source_kind` is a key of `SOURCE_KINDS`: the source that is believed;
    `also_in` are the kinds of the others that tell of this table. `confidence` is from 0 to 1.
    """

    database: str
    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    indexes: tuple[Index, ...]
    unique_keys: tuple[Index, ...]
    checks: tuple[Check, ...]
    path: str
    line: int
    source_kind: str
    also_in: tuple[str, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Relation:
    """A reference from columns of one table to columns of another of the same database.

    `kind` is many-to-one or one-to-one (a many-to-many is a table of its own, with two references). `to_columns` is
    empty where they are not known. `on_delete` is cascade, set null, restrict, set default, no action, or None where it
    is not said. `is_enforced` is false where the framework knows of the reference and the database does not.
    """

    database: str
    from_table: str
    from_columns: tuple[str, ...]
    to_table: str
    to_columns: tuple[str, ...]
    kind: str
    on_delete: str | None
    is_enforced: bool
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a source, and what it says in plain words; the path alone where it says nothing of the matter."""

    source_kind: str
    path: str
    line: int | None
    says: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What two sources of a database say differently; the first of them is believed.

    `column` is None where it is about the table. `about` is table, column, type or nullable.
    """

    database: str
    table: str
    column: str | None
    about: str
    believed: Place
    other: Place


@dataclass(frozen=True, slots=True)
class Unread:
    """A file, or the part of it at `line`, that is not in the schema, and why, in plain words."""

    path: str
    line: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class SchemaSource:
    """Files of one kind that tell of one database, how many there are, and how many tables they make."""

    database: str
    kind: str
    path: str
    files: int
    tables: int


@dataclass(frozen=True, slots=True)
class DatabaseSchema:
    """All databases of a repository at one commit; empty where it declares none that is understood."""

    tables: tuple[Table, ...]
    relations: tuple[Relation, ...]
    disagreements: tuple[Disagreement, ...]
    unread: tuple[Unread, ...]
    sources: tuple[SchemaSource, ...]
