"""Laravel's dumps of a schema: it loads one, then runs the migrations that the dump does not name."""

import re
from dataclasses import dataclass
from posixpath import basename

from docs_mgmt.generators.schema.drafts import Readings, SchemaDraft
from docs_mgmt.generators.schema.files import MAX_FILE_BYTES, SourceFiles
from docs_mgmt.generators.schema.sql import SqlBudget, apply_sql
from docs_mgmt.generators.schema.sql_dialects import detect_dialect, dialect_of_path

DUMP_FILE = re.compile(r"(?:^|/)database/schema/[^/]+\.(?:sql|dump)$")
MIGRATION_NAME = re.compile(r"\b\d{4}_\d\d_\d\d_\d{4,6}_\w{1,200}")
PREFERRED = ("mysql", "mariadb", "pgsql", "sqlite")


@dataclass(frozen=True, slots=True)
class LaravelDump:
    """The tables of a dump, and the names of the migrations that are in it."""

    path: str
    draft: SchemaDraft
    migrations: frozenset[str]


def read_dump(files: SourceFiles, readings: Readings, budget: SqlBudget, root: str) -> LaravelDump | None:
    """The dump of an application, of several that of the database it names first in PREFERRED; None without any."""
    paths = [path for path in files.ending(".sql", ".dump") if DUMP_FILE.search(path) and _root(path) == root]
    if not paths:
        return None
    path = min(paths, key=_preference)
    text = files.text(path, MAX_FILE_BYTES) or ""
    draft = SchemaDraft()
    apply_sql(draft, text, path, dialect_of_path(path) or detect_dialect(text[:200_000]), readings, budget)
    return LaravelDump(path, draft, frozenset(MIGRATION_NAME.findall(text)))


def roots_of_dumps(files: SourceFiles) -> set[str]:
    """The folders of the applications that have one."""
    return {_root(path) for path in files.ending(".sql", ".dump") if DUMP_FILE.search(path)}


def _root(path: str) -> str:
    return path[: path.rindex("database/schema/")].rstrip("/")


def _preference(path: str) -> tuple[int, str]:
    name = basename(path)
    return (next((at for at, one in enumerate(PREFERRED) if name.startswith(one)), len(PREFERRED)), name)
