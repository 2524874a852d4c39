"""The files of a tree that generators read, laid out in a folder under numbers for a process that knows no git.

No name of the repository becomes a name on disk, and no link of it is followed: links, submodules, large files and
what no generator reads are named only.
"""

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from projects.git.blob_files import write_blobs
from projects.git.repository import Repository, is_object_id

MAX_FILES = 50_000
MAX_FILE_BYTES = 4 * 1024 * 1024
"""Dumps of large databases have more than one MiB."""
MAX_ALL_BYTES = 256 * 1024 * 1024
MAX_LISTING_BYTES = 64 * 1024 * 1024
LISTING, INDEXED = "listing.json", "indexed.json"
"""Beside the files: their paths, and what the index says of them."""

_ORDINARY = (b"100644", b"100755")
_SUFFIXES = frozenset(
    {
        *(".py", ".pyi", ".rb", ".ru", ".rake", ".php", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".cts"),
        *(".prisma", ".sql", ".go", ".mod", ".java", ".kt", ".cs", ".ex", ".exs", ".rs"),
        *(".json", ".toml", ".cfg", ".ini", ".yml", ".yaml"),
    }
)
_FOLDERS_OF_OTHERS = frozenset({"node_modules", "vendor", "bower_components", "third_party", ".venv", "venv", "dist"})


def lay_out(repository: Repository, tree: str, folder: Path) -> None:
    """Fills an empty folder from a tree or commit. Raises GitError, OSError."""
    if not is_object_id(tree):
        raise ValueError("a full object id is needed")
    arguments = ["ls-tree", "-r", "-l", "-z", "--full-tree", tree]
    listed = repository.run(arguments, timeout_seconds=300, enough_bytes=MAX_LISTING_BYTES)
    wanted: list[tuple[bytes, bytes]] = []
    paths: list[tuple[str, int | None]] = []
    left = MAX_ALL_BYTES
    for record in listed[: listed.rfind(b"\0") + 1].split(b"\0")[:-1]:  # the last one may be cut off
        head, _, name = record.partition(b"\t")
        mode, _, blob, size = head.split()
        path = _text(name)
        if path is None or mode not in _ORDINARY:
            continue
        number = None
        if _is_read(path) and int(size) <= min(MAX_FILE_BYTES, left) and len(wanted) < MAX_FILES:
            number, left = len(wanted), left - int(size)
            wanted.append((mode, blob))
        paths.append((path, number))
    if wanted:
        write_blobs(repository, wanted, folder)
    (folder / LISTING).write_text(json.dumps(paths))


def _text(name: bytes) -> str | None:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return None


def _is_read(path: str) -> bool:
    pure = PurePosixPath(path)
    return (pure.suffix in _SUFFIXES or not pure.suffix) and not _FOLDERS_OF_OTHERS & set(pure.parts[:-1])


class LaidOutSources:
    """The `Sources` of such a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers: dict[str, int | None] = dict(json.loads((folder / LISTING).read_text()))

    def paths(self) -> Sequence[str]:
        """All paths that are text, in order."""
        return list(self._numbers)

    def read(self, path: str) -> bytes | None:
        """The content; None where it is not to be read, or looks binary."""
        number = self._numbers.get(path)
        if number is None:
            return None
        content = (self._folder / str(number)).read_bytes()
        return None if b"\0" in content[:8000] else content
