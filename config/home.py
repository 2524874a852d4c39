"""The data folder of one deployment and the secrets kept in it; it knows no Django."""

import contextlib
import os
import secrets
from pathlib import Path

from settings_params.private_files import write_once


def open_home(checkout: Path) -> Path:
    """The folder of all data: `QUARTERDECK_HOME`, else `var/` in the checkout. Made 0700 when missing."""
    home = Path(os.environ.get("QUARTERDECK_HOME") or checkout / "var").absolute()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


def read_secret_key(home: Path) -> str:
    """`QUARTERDECK_SECRET_KEY`, else the key kept 0600 in the home, made on first use."""
    if given := os.environ.get("QUARTERDECK_SECRET_KEY"):
        return given
    return write_once(home / "secret_key", secrets.token_urlsafe(48)).strip()


def keep_private(path: Path) -> None:
    """Makes an empty file that only the server's user can read, where there is none: the home may be open to others."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
