"""The agents that this server has installed for itself, below one folder: `<key>/<version>/bin/<program>`.

A version's folder appears whole, by a rename; the file `<key>/current` says which one is used. It knows no Django.
"""

import re
from dataclasses import dataclass
from pathlib import Path

SHAPE = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,59}")
"""What a version may look like: it is the name of a folder."""
CURRENT = "current"


@dataclass(frozen=True)
class Installation:
    """One version of one agent."""

    key: str
    version: str
    folder: Path

    def program(self, name: str) -> Path:
        """Where the program of that name is."""
        return self.folder / "bin" / name

    @property
    def fingerprint(self) -> str:
        """Changes when it is installed anew."""
        status = self.folder.stat()
        return f"{self.folder}:{status.st_ino}:{status.st_mtime_ns}"


def installed(agents: Path, key: str, version: str | None = None) -> Installation | None:
    """That version of the agent, or the one in use; None when it is not there."""
    if version is None:
        try:
            version = (agents / key / CURRENT).read_text().strip()
        except (OSError, UnicodeDecodeError):
            return None
    folder = agents / key / version
    if not SHAPE.fullmatch(version) or not folder.is_dir():
        return None
    return Installation(key, version, folder)


def all_installed(agents: Path, key: str) -> list[Installation]:
    """Every version of the agent that is there, by name."""
    if not (agents / key).is_dir():
        return []
    names = sorted(path.name for path in (agents / key).iterdir() if path.is_dir() and SHAPE.fullmatch(path.name))
    return [Installation(key, name, agents / key / name) for name in names]
