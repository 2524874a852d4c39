"""Opens output files that an agent named; refuses everything but plain files beneath the run home."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from .script.paths import open_beneath


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
