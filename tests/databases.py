"""Databases of their own for processes that a test starts: empty ones, and copies of one that has all migrations."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.conf import settings

from tests.process_home import cleared

ROOT = Path(__file__).resolve().parent.parent
FILE = "db.sqlite3"


@contextmanager
def empty(template: str = "template1") -> Iterator[dict[str, str]]:
    """`DATABASE_URL` of a new database of the kind under test; nothing for the embedded one of a new home."""
    if is_embedded():
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
    """A database with all migrations, to be copied: migrating takes longer than all else at the start of a server, and
    of a test process. Its environment names its home, and its address if it has one."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    @contextmanager
    def copied(self, home: Path) -> Iterator[dict[str, str]]:
        """The environment that names a copy of it, for a server with this new home."""
        if is_embedded():
            home.mkdir(mode=0o700, exist_ok=True)
            self._copy_to(home / FILE)
            yield {}
            return
        with empty(self._name) as environment:
            yield environment

    def begin_tests(self) -> None:
        """Has the database of this test process begin as a copy. Call it before that is made."""
        test = settings.DATABASES["default"]["TEST"]
        if is_embedded():
            self._copy_to(Path(test["NAME"]))
        else:
            test["TEMPLATE"] = self._name

    @property
    def _name(self) -> str:
        return self._environment["DATABASE_URL"].rpartition("/")[2]

    def _copy_to(self, file: Path) -> None:
        """With its log, should the process that made it have left one."""
        for source in Path(self._environment["QUARTERDECK_HOME"]).glob(f"{FILE}*"):
            shutil.copy(source, file.with_name(source.name.replace(FILE, file.name, 1)))


@contextmanager
def place() -> Iterator[dict[str, str]]:
    """The environment of a database for `migrated`, in any process that has it; gone at the end."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-migrated-") as folder, empty() as environment:
        yield {"QUARTERDECK_HOME": f"{folder}/home", **environment}


def migrated(place: dict[str, str]) -> Migrated:
    """Makes it in a process of its own, as a server does; the first test process that needs it does that for all."""
    home = Path(place["QUARTERDECK_HOME"])
    sign = home.with_name("made")
    with home.with_name("lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not sign.exists():
            variables = {**cleared(dict(os.environ)), "DJANGO_SETTINGS_MODULE": "config.settings", **place}
            command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
            subprocess.run(command, cwd=ROOT, env=variables, check=True)
            sign.touch()
    return Migrated(place)


def is_embedded() -> bool:
    """Whether the tests run on SQLite."""
    return "sqlite3" in settings.DATABASES["default"]["ENGINE"]
