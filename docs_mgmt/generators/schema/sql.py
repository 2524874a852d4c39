"""Tables of SQL files: snapshots of a schema, and migrations in their order; each folder and dialect by itself."""

import re
from dataclasses import dataclass
from posixpath import basename

from docs_mgmt.generators.schema.drafts import Readings, SchemaDraft
from docs_mgmt.generators.schema.files import MAX_FILE_BYTES, SourceFiles, folder
from docs_mgmt.generators.schema.sql_dialects import detect_dialect, dialect_of_path
from docs_mgmt.generators.schema.sql_split import split_statements
from docs_mgmt.generators.schema.sql_statements import StatementNotUnderstood, apply_statement

MAX_STATEMENTS = 20_000  # of a repository: each takes one to two milliseconds
MAX_COMPLAINTS = 20  # of a file
MIGRATIONS = re.compile(r"(?:^|/)[^/]*(?:migrat|flyway|changelog|upgrades?)[^/]*(?=/)", re.IGNORECASE)
SNAPSHOT = re.compile(
    r"(?:latest|schema|structure|full|baseline|dump|current|complete)[^/]*\.sql$|/[^/]*[._-](?:schema|structure)\.sql$",
    re.IGNORECASE,
)
BACKWARDS = re.compile(
    r"(?:[._-]|/)(?:down|rollback|undo|revert)(?:[._-][^/]*)?\.sql$|/(?:down|rollback|revert)/|/U\d+[\d.]*__[^/]*\.sql$",
    re.IGNORECASE,
)
PROVIDER = re.compile(r"^\s*provider\s*=\s*\"(\w+)\"", re.MULTILINE)
LARAVEL_DUMP = re.compile(r"(?:^|/)database/schema/[^/]+$")
DOWN_PART = re.compile(
    r"^--[ \t]*(?:\+goose[ \t]+Down|migrate:down|\+migrate[ \t]+Down|!Down|@UNDO)\b", re.IGNORECASE | re.MULTILINE
)


@dataclass(slots=True)
class SqlBudget:
    """How many statements are still read in this repository."""

    statements: int = MAX_STATEMENTS


@dataclass(frozen=True, slots=True)
class _Group:
    kind: str
    root: str
    dialect: str


def read_sql(files: SourceFiles, readings: Readings, budget: SqlBudget) -> None:
    """Add the tables of all SQL files: Rails' snapshots, Prisma's migrations, and all others but Laravel's dumps."""
    groups: dict[_Group, list[str]] = {}
    for path in files.ending(".sql"):
        if not BACKWARDS.search(path) and not LARAVEL_DUMP.search(path):
            groups.setdefault(_group(path), []).append(path)
    for group, paths in sorted(groups.items(), key=lambda one: (one[0].kind, one[0].root, one[0].dialect)):
        _read_group(files, readings, budget, group, sorted(paths, key=natural_order))


def natural_order(path: str) -> list[tuple[int, str]]:
    """A key that puts 2 before 10."""
    parts = re.split(r"(\d{1,30})", path)
    return [(int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in parts]


def apply_sql(
    draft: SchemaDraft, text: str, path: str, dialect: str, readings: Readings, budget: SqlBudget, line: int = 1
) -> None:
    """Apply the statements of a text that begins on that line of a file; those that are not understood are noted."""
    complaints = 0
    for statement in split_statements(text, has_escapes=dialect == "mysql"):
        if not budget.statements:
            readings.skip(path, statement.line + line - 1, "the statements before it are as many as are read")
            return
        budget.statements -= 1
        try:
            apply_statement(draft, statement, path, dialect, line)
        except StatementNotUnderstood:
            complaints += 1
            if complaints <= MAX_COMPLAINTS:
                head = " ".join(statement.text[:80].split())
                readings.skip(path, statement.line + line - 1, f"a statement is not understood: {head}")


def _group(path: str) -> _Group:
    name, home = basename(path), folder(path)
    if name == "structure.sql" or (name.endswith("_structure.sql") and basename(home) == "db"):
        database = name.removesuffix("structure.sql").rstrip("_")
        root = folder(home) if basename(home) == "db" else home
        return _Group("rails-structure", f"{root}/{database}".strip("/") if database else root, "")
    if name == "migration.sql":
        return _Group("prisma-migrations", _prisma_root(folder(folder(home))), "")
    dialect = dialect_of_path(path)
    if SNAPSHOT.search(f"/{path}".rpartition("/")[2]) or not (found := MIGRATIONS.search(path)):
        return _Group("sql-schema", home, dialect or "")
    return _Group("sql-migrations", path[: found.end()].strip("/"), dialect or "")


def _prisma_root(home: str) -> str:
    return folder(home) if basename(home) == "prisma" else home


def _read_group(files: SourceFiles, readings: Readings, budget: SqlBudget, group: _Group, paths: list[str]) -> None:
    texts = {path: _text(files, path) for path in paths}
    by_dialect: dict[str, list[str]] = {}
    common = (
        group.dialect
        or _locked_dialect(files, paths[0])
        or detect_dialect("\n".join(text[:20_000] for text in texts.values())[:400_000])
    )
    for path, text in texts.items():
        own = common if group.kind != "sql-schema" else group.dialect or detect_dialect(text[:200_000])
        by_dialect.setdefault(own, []).append(path)
    for dialect, mine in by_dialect.items():
        draft = SchemaDraft()
        for path in mine:
            apply_sql(draft, texts[path], path, dialect, readings, budget)
        readings.add(group.kind, group.root, mine[0], len(mine), draft)


def _locked_dialect(files: SourceFiles, path: str) -> str | None:
    """The dialect that Prisma notes beside its migrations."""
    lock = f"{folder(folder(path))}/migration_lock.toml".lstrip("/")
    found = PROVIDER.search(files.text(lock) or "") if lock in files.all_paths else None
    return None if found is None else dialect_of_path(found[1])


def _text(files: SourceFiles, path: str) -> str:
    """The text of a file, without the part that takes a migration back."""
    text = files.text(path, MAX_FILE_BYTES) or ""
    down = DOWN_PART.search(text)
    return text if down is None else text[: down.start()]
