"""Opens output files that an agent named; refuses everything but plain files beneath the run home."""

import os
import re
import stat
from pathlib import Path
from typing import BinaryIO

from .script.paths import open_beneath

_EXIT_CODE_BYTES = 8
_EXIT_CODE = re.compile(rb"\d{1,3}\n?")


class OutputFileRefused(Exception):
    """The agent named something that is no plain file of its run home; the output it gave in text is all there is."""


def open_output(home: Path, path: str) -> BinaryIO:
    """Open for reading, following no symbolic link on the way: the agent's commands can write in there too.

    ``path`` is absolute, or below the home.
    """
    try:
        return _open_plain(home, Path(os.path.normpath(home / path)))
    except (OSError, ValueError):
        raise OutputFileRefused("The agent named an output file that is no plain file of its run home") from None


def read_exit_code(home: Path, path: str | None) -> int | None:
    """The number in a file of the agent's, None where there is none."""
    if path is None:
        return None
    try:
        with open_output(home, path) as file:
            text = file.read(_EXIT_CODE_BYTES)
    except (OutputFileRefused, OSError):
        return None
    return int(text) if _EXIT_CODE.fullmatch(text) else None


def _open_plain(home: Path, path: Path) -> BinaryIO:
    beneath = next((path.relative_to(root) for root in (home, home.resolve()) if path.is_relative_to(root)), None)
    if beneath is None or beneath == Path():
        raise ValueError("outside")
    descriptor = open_beneath(home, home.resolve() / beneath, os.O_RDONLY)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        os.close(descriptor)
        raise ValueError("no plain file")
    return os.fdopen(descriptor, "rb")
