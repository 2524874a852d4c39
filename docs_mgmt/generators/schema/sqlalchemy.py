"""SQLAlchemy's tables of a repository: its models, and the replay of Alembic's migrations."""

import ast

from docs_mgmt.generators.schema.alembic import replay_revisions
from docs_mgmt.generators.schema.drafts import Readings, SchemaDraft
from docs_mgmt.generators.schema.files import SourceFiles, folder, nearest
from docs_mgmt.generators.schema.python_files import PythonFiles
from docs_mgmt.generators.schema.sql import SqlBudget
from docs_mgmt.generators.schema.sqlalchemy_models import gather_tables


def read_sqlalchemy(files: SourceFiles, python: PythonFiles, readings: Readings, budget: SqlBudget) -> None:
    """Add what models and migrations tell, a database for each `alembic.ini`."""
    roots = frozenset(_above(folder(path)) for path in files.named("alembic.ini"))
    drafts: dict[str, SchemaDraft] = {}
    for table in gather_tables(python.project) if python.has_sqlalchemy else []:
        drafts.setdefault(_root(table.path, roots), SchemaDraft()).add_table(table)
    for root, draft in sorted(drafts.items()):
        paths = sorted({table.path for table in draft.tables.values()})
        readings.add("sqlalchemy", root, paths[0], len(paths), draft)
    by_root: dict[str, dict[str, ast.Module]] = {}
    for path, tree in python.alembic.items():
        by_root.setdefault(_root(path, roots), {})[path] = tree
    for root, trees in sorted(by_root.items()):
        readings.add("alembic", root, min(trees), len(trees), replay_revisions(trees, readings, budget))


def _above(home: str) -> str:
    """The project's own folder, where the configuration lies beside the migrations."""
    return folder(home) if home.rpartition("/")[2] in {"migrations", "alembic"} else home


def _root(path: str, roots: frozenset[str]) -> str:
    """The folder of the project that a file belongs to; where there is one in all, that one."""
    if len(roots) == 1:
        return next(iter(roots))
    return nearest(path, roots) or ""
