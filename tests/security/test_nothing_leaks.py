"""What other users of the machine, and readers of the log, must not get."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.api.log_lines import LineFormatter

pytestmark = pytest.mark.plumbing
ROOT = Path(__file__).resolve().parent.parent.parent
SIGNATURE = "WzEsMiwic3Rkb3V0Il0:1vAbCd:x-_Y9"


def line(message: str, *, raised: Exception | None = None) -> str:
    information = None if raised is None else (type(raised), raised, None)
    record = logging.LogRecord("django.request", logging.ERROR, "", 1, message, None, information)
    return LineFormatter("{message}", style="{").format(record)


def test_a_signed_address_is_not_in_a_log_line() -> None:
    assert line(f"Internal Server Error: /api/blobs/{SIGNATURE}") == "Internal Server Error: /api/blobs/…"


def test_a_signed_address_is_not_in_a_traceback() -> None:
    assert SIGNATURE not in line("failed", raised=OSError(f"<WebRequest uri=/api/blobs/{SIGNATURE} clientproto=1>"))


def test_the_database_is_private_in_a_home_that_is_not(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    environment = {"PATH": os.environ["PATH"], "QUARTERDECK_HOME": str(home)}
    subprocess.run([sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, check=True, capture_output=True)
    assert (home / "db.sqlite3").stat().st_mode & 0o777 == 0o600


def test_every_log_line_is_written_so() -> None:
    from config import settings

    assert settings.LOGGING["formatters"]["line"]["()"] == "config.api.log_lines.LineFormatter"
