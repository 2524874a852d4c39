"""The environment of one test process, set before Django's settings are read."""

import atexit
import os
import shutil
import tempfile

OURS = ("QUARTERDECK_", "DJANGO_SUPERUSER_", "DATABASE_URL", "REDIS_URL")
KEPT = ("QUARTERDECK_VENV",)


def cleared(environment: dict[str, str]) -> dict[str, str]:
    """A copy without anything that configures a Quarterdeck."""
    return {name: value for name, value in environment.items() if name in KEPT or not name.startswith(OURS)}


def prepare(database_url: str | None) -> None:
    """Give this process a temporary home and a known key; without an address the database is SQLite in that home."""
    ours = set(os.environ) - set(cleared(dict(os.environ)))
    for name in ours:
        del os.environ[name]
    home = tempfile.mkdtemp(prefix="quarterdeck-test-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["QUARTERDECK_HOME"] = home
    os.environ["QUARTERDECK_SECRET_KEY"] = "a-key-for-tests-only-" + "0" * 32
    if database_url is not None:
        os.environ["DATABASE_URL"] = database_url
