"""Reads files that may be the test's own database, as another process.

A process that closes a file gives up all of its POSIX locks on it, those of SQLite's open connections too: the next
process to close the database takes itself for the last one and deletes the log from under them
(https://www.sqlite.org/howtocorrupt.html, section 2.2). All later connections would fail with "disk I/O error".
"""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path


def contents_below(folder: Path) -> dict[str, bytes]:
    """The contents of every plain file below a folder, by its path from there."""
    packed = subprocess.run(["tar", "-C", str(folder), "-cf", "-", "."], capture_output=True, check=False).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as files:
        return {
            member.name.removeprefix("./"): file.read()
            for member in files
            if member.isfile() and (file := files.extractfile(member)) is not None
        }
