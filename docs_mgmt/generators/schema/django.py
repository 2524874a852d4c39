"""Django's tables of a repository: its models, and the replay of its migrations, a database for each `manage.py`."""

from docs_mgmt.generators.schema.django_apps import DjangoApps, find_apps
from docs_mgmt.generators.schema.django_migrations import replay_migrations
from docs_mgmt.generators.schema.django_models import add_known_modules, gather_models
from docs_mgmt.generators.schema.django_tables import DjangoModels, draft_tables
from docs_mgmt.generators.schema.drafts import Readings, SchemaDraft
from docs_mgmt.generators.schema.files import SourceFiles, folder, nearest
from docs_mgmt.generators.schema.python_files import PythonFiles


def read_django(files: SourceFiles, python: PythonFiles, readings: Readings) -> None:
    """Add what models and migrations tell."""
    if not python.has_django and not python.django:
        return
    add_known_modules(python.project)
    apps = find_apps(python.project, files.paths)
    roots = frozenset(folder(path) for path in files.named("manage.py"))
    _add(readings, "django-models", gather_models(python.project, apps), roots)
    _add(readings, "django-migrations", _replayed(python, apps), roots)


def _replayed(python: PythonFiles, apps: DjangoApps) -> DjangoModels:
    return replay_migrations(python.django, apps, python.project)


def _add(readings: Readings, kind: str, models: DjangoModels, roots: frozenset[str]) -> None:
    """One reading for each project of a repository."""
    only = next(iter(roots)) if len(roots) == 1 else ""
    drafts: dict[str, SchemaDraft] = {}
    for table in draft_tables(models).tables.values():
        root = nearest(table.path, roots)
        drafts.setdefault(only if root is None else root, SchemaDraft()).add_table(table)
    for root, draft in sorted(drafts.items()):
        paths = sorted({table.path for table in draft.tables.values()})
        readings.add(kind, root, paths[0], len(paths), draft)
