"""The files that may tell of a repository's databases, within bounds; tests and other people's code are left out."""

import re
from collections.abc import Iterator
from posixpath import basename

from docs_mgmt.generators.schema.drafts import Readings
from projects.indexing.shapes import Sources

MAX_FILE_BYTES = 16 * 1024**2  # a dump with data; code is bound by MAX_CODE_BYTES
MAX_CODE_BYTES = 1024**2
MAX_TOTAL_BYTES = 256 * 1024**2  # of all that is read

FOREIGN = re.compile(
    r"(?:^|/)(?:node_modules|vendor|third_party|bower_components|site-packages|\.venv|venv|dist|build"
    r"|tests?|testing|testdata|test_data|__tests__|__mocks__|__fixtures__|spec|specs|fixtures|cypress|e2e"
    r"|examples?|stubs)/|^(?:samples?|demos?|docs?|templates?|benchmarks?)/",
    re.IGNORECASE,
)
"""Folders with databases that are not the project's own: others' code, tests, examples."""


class SourceFiles:
    """The files of a commit that are the project's own, each read at most once a call, within a budget of bytes."""

    def __init__(self, sources: Sources, readings: Readings) -> None:
        self._sources = sources
        self._readings = readings
        self._left = MAX_TOTAL_BYTES
        self.all_paths: frozenset[str] = frozenset(sources.paths())
        self.paths: list[str] = sorted(path for path in self.all_paths if not FOREIGN.search(path))

    def ending(self, *suffixes: str) -> Iterator[str]:
        """Own files whose names end so, in order."""
        return (path for path in self.paths if path.endswith(suffixes))

    def named(self, *names: str) -> Iterator[str]:
        """Own files of these names, in order."""
        return (path for path in self.paths if basename(path) in names)

    def read(self, path: str, limit_bytes: int = MAX_CODE_BYTES) -> bytes | None:
        """The content of a file, None (and noted, if it is large) where it is not read."""
        content = self._sources.read(path)
        if content is None:
            return None
        if len(content) > limit_bytes or len(content) > self._left:
            self._readings.skip(path, None, f"it has more than {min(limit_bytes, self._left)} bytes")
            return None
        self._left -= len(content)
        return content

    def text(self, path: str, limit_bytes: int = MAX_CODE_BYTES) -> str | None:
        """The same as text; bytes that are no UTF-8 are replaced."""
        content = self.read(path, limit_bytes)
        return None if content is None else content.decode("utf-8-sig", "replace")


def folder(path: str) -> str:
    """The folder of a path, "" for the root."""
    return path.rpartition("/")[0]


def nearest(path: str, folders: frozenset[str]) -> str | None:
    """The innermost of these folders that a path lies in, None if in none."""
    here = folder(path)
    while here not in folders:
        if not here:
            return None
        here = folder(here)
    return here
