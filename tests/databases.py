"""Databases of their own for processes that a test starts: empty ones, and copies of one that has all migrations."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.conf import settings

from tests.process_home import cleared

ROOT = Path(__file__).resolve().parent.parent
FILES = "db.sqlite3*"  # with its log, should the process that made it have left one


@contextmanager
def empty(template: str = "template1") -> Iterator[dict[str, str]]:
    """`DATABASE_URL` of a new database of the kind under test; nothing for the embedded one of a new home."""
    if _is_embedded():
        yield {}
        return
    given = os.environ["DATABASE_URL"]
    name = f"quarterdeck_{os.getpid()}_{time.monotonic_ns()}"
    with psycopg.connect(given.replace("postgres://", "postgresql://", 1), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield {"DATABASE_URL": f"{given.rpartition('/')[0]}/{name}"}
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


class Migrated:
    """A database with all migrations, to be copied: migrating takes a server longer than all else at its start."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home, self.environment = home, environment

    @contextmanager
    def copied(self, home: Path) -> Iterator[dict[str, str]]:
        """The environment that names a copy of it, for a server with this new home."""
        if _is_embedded():
            home.mkdir(mode=0o700, exist_ok=True)
            for file in self.home.glob(FILES):
                shutil.copy(file, home)
            yield {}
            return
        with empty(self.environment["DATABASE_URL"].rpartition("/")[2]) as environment:
            yield environment


@contextmanager
def migrated(home: Path) -> Iterator[Migrated]:
    """Makes it in a process of its own, as a server does."""
    with empty() as environment:
        variables = {
            **cleared(dict(os.environ)),
            "QUARTERDECK_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            **environment,
        }
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(command, cwd=ROOT, env=variables, check=True)
        yield Migrated(home, environment)


def _is_embedded() -> bool:
    return "sqlite3" in settings.DATABASES["default"]["ENGINE"]
