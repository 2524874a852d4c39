"""Tables while they are put together: what a source creates, and what its later migrations change of it.

A change of what is not there is no error: it is passed over, as the part that made it may not have been understood.
Names are matched without regard to case, as most databases do, and kept as they are written first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from docs_mgmt.generators.schema.shapes import Check, Column, Index, Unread

MAX_TABLES = 10_000
MAX_COLUMNS = 2_000  # of a table; the databases' own limits are below


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A reference to another table; `to_columns` is empty where the target's primary key is meant."""

    columns: tuple[str, ...]
    table: str
    to_columns: tuple[str, ...]
    on_delete: str | None
    path: str
    line: int
    name: str | None = None
    is_enforced: bool = True


@dataclass(slots=True)
class TableDraft:
    """A table as far as it is known; `is_doubtful` where a part of its declaration was not understood."""

    name: str
    path: str
    line: int
    columns: dict[str, Column] = field(default_factory=dict)
    primary_key: tuple[str, ...] = ()
    keys: list[Index] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    is_doubtful: bool = False

    def column(self, name: str) -> Column | None:
        return self.columns.get(name.lower())

    def add_column(self, column: Column) -> None:
        """Add it last, or in the place of the one of its name."""
        if len(self.columns) < MAX_COLUMNS:
            self.columns[column.name.lower()] = column

    def drop_column(self, name: str) -> None:
        """Remove it, with the keys that hold it, as databases do."""
        self.columns.pop(name.lower(), None)
        self.keys = [key for key in self.keys if not _names(name, key.columns)]
        self.foreign_keys = [key for key in self.foreign_keys if not _names(name, key.columns)]
        if _names(name, self.primary_key):
            self.primary_key = ()

    def rename_column(self, old: str, new: str) -> None:
        """Give it the new name, in its place and in all keys."""
        if old.lower() not in self.columns:
            return
        self.columns = {
            (new if key == old.lower() else key).lower(): replace(one, name=new) if key == old.lower() else one
            for key, one in self.columns.items()
        }
        self.primary_key = _renamed(self.primary_key, old, new)
        self.keys = [replace(key, columns=_renamed(key.columns, old, new)) for key in self.keys]
        self.foreign_keys = [replace(key, columns=_renamed(key.columns, old, new)) for key in self.foreign_keys]

    def alter_column(self, name: str, **changes: object) -> None:
        """Change some of its type, raw_type, nullable and default."""
        found = self.columns.get(name.lower())
        if found is not None:
            self.columns[name.lower()] = replace(found, **changes)  # type: ignore[arg-type] # of the names above

    def drop_constraint(self, name: str) -> None:
        """Remove the key or check of that name."""
        self.keys = [key for key in self.keys if not _is(key.name, name)]
        self.checks = [check for check in self.checks if not _is(check.name, name)]
        self.foreign_keys = [key for key in self.foreign_keys if not _is(key.name, name)]

    def rename_constraint(self, old: str, new: str) -> None:
        self.keys = [replace(key, name=new) if _is(key.name, old) else key for key in self.keys]
        self.checks = [replace(check, name=new) if _is(check.name, old) else check for check in self.checks]
        self.foreign_keys = [replace(key, name=new) if _is(key.name, old) else key for key in self.foreign_keys]

    def drop_key(self, columns: Iterable[str], *, unique: bool | None = None) -> None:
        """Remove the index over just these columns."""
        wanted = tuple(name.lower() for name in columns)
        self.keys = [
            key
            for key in self.keys
            if tuple(name.lower() for name in key.columns) != wanted or unique not in (None, key.unique)
        ]

    def drop_foreign_key(self, columns: Iterable[str]) -> None:
        wanted = tuple(name.lower() for name in columns)
        self.foreign_keys = [key for key in self.foreign_keys if tuple(c.lower() for c in key.columns) != wanted]


@dataclass(slots=True)
class SchemaDraft:
    """The tables of one database, as one kind of source tells of them."""

    tables: dict[str, TableDraft] = field(default_factory=dict)

    def table(self, name: str) -> TableDraft | None:
        return self.tables.get(name.lower())

    def add_table(self, table: TableDraft) -> None:
        """Add it, or put it in the place of the one of its name."""
        if len(self.tables) < MAX_TABLES or table.name.lower() in self.tables:
            self.tables[table.name.lower()] = table

    def drop_table(self, name: str) -> None:
        self.tables.pop(name.lower(), None)

    def rename_table(self, old: str, new: str) -> None:
        """Give it the new name, in all references to it too."""
        found = self.tables.pop(old.lower(), None)
        if found is None:
            return
        found.name = new
        self.tables[new.lower()] = found
        for table in self.tables.values():
            if table.foreign_keys and any(_is(key.table, old) for key in table.foreign_keys):
                table.foreign_keys = [
                    replace(key, table=new) if _is(key.table, old) else key for key in table.foreign_keys
                ]

    def drop_index(self, name: str) -> None:
        """Remove the index of that name, of whatever table."""
        for table in self.tables.values():
            if table.keys:
                table.keys = [key for key in table.keys if not _is(key.name, name)]

    def rename_index(self, old: str, new: str) -> None:
        for table in self.tables.values():
            table.keys = [replace(key, name=new) if _is(key.name, old) else key for key in table.keys]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the files of one kind tell of one database: `root` is the folder of the project they belong to.

    `path` is the file, or the folder, that a person would look at first; `files` how many there are.
    """

    kind: str
    root: str
    path: str
    files: int
    draft: SchemaDraft


@dataclass(slots=True)
class Readings:
    """All that the extractors find, and what they could not read."""

    found: list[Reading] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def add(self, kind: str, root: str, path: str, files: int, draft: SchemaDraft) -> None:
        """Take a reading, unless it knows of no table."""
        if draft.tables:
            self.found.append(Reading(kind, root, path, files, draft))

    def skip(self, path: str, line: int | None, reason: str) -> None:
        self.unread.append(Unread(path, line, reason))


def _is(name: str | None, wanted: str) -> bool:
    return name is not None and name.lower() == wanted.lower()


def _names(name: str, columns: Iterable[str]) -> bool:
    return any(_is(column, name) for column in columns)


def _renamed(columns: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if _is(column, old) else column for column in columns)
