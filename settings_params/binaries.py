"""Looks for programs and asks them for their version; it knows no Django.

A program is started without the server's environment, in an empty folder, for a few seconds, and ends with all of its
children.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_VERSION = re.compile(rb"\d+\.\d+[0-9A-Za-z.+-]*")
_READ_BYTES = 4096


@dataclass(frozen=True)
class Binary:
    """A program on this machine. `fingerprint` changes when it is installed anew; `version`, where it is known."""

    path: Path
    fingerprint: str
    version: str | None = None


@dataclass(frozen=True)
class Version:
    """What a program said: a version, or nothing that looks like one; `has_failed` when it could not even say that."""

    text: str | None
    has_failed: bool = False


def find_binary(name: str) -> Binary | None:
    """The program of that name in the server's PATH."""
    found = shutil.which(name)
    if found is None:
        return None
    path = Path(found)
    try:
        status = path.stat()
    except OSError:
        return None
    return Binary(path, f"{path}:{status.st_ino}:{status.st_mtime_ns}:{status.st_size}")


def ask_version(path: Path, timeout_seconds: float) -> Version:
    """What `PROGRAM --version` says within that time. One that is too slow has no known version: no failure."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-version-") as folder, tempfile.TemporaryFile() as output:
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8"}
        try:
            process = subprocess.Popen(
                [path, "--version"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )
        except OSError:
            return Version(None, has_failed=True)
        try:
            status = process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return Version(None)
        finally:
            _end(process)
        output.seek(0)
        found = _VERSION.search(output.read(_READ_BYTES))
        return Version(found[0].decode()[:60] if found else None, has_failed=status != 0)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
