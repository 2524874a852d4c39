"""`bin/manage` with a database that is not ready: a line that says what to do, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import process_home

pytestmark = pytest.mark.plumbing
ROOT = Path(__file__).resolve().parents[2]


def manage(home: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {**process_home.cleared(dict(os.environ)), "QUARTERDECK_HOME": str(home), **variables}
    del environment["DJANGO_SETTINGS_MODULE"]
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", [("install_agent", "--list"), ("runs", "list"), ("params", "list")], ids=" ".join)
def test_a_database_without_tables_is_told_with_its_cure(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = manage(tmp_path / "home", *command)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip().splitlines()[-1] == (
        "The database is not set up for this version: start bin/serve once, or run bin/manage migrate."
    )
    assert "Traceback" not in done.stderr


def test_a_database_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    nowhere = f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.sqlite3'}"
    done = manage(tmp_path / "home", "runs", "list", DATABASE_URL=nowhere)
    assert (done.returncode, "The database cannot be used: unable to open database file" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr
