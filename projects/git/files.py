"""Files of a commit, read from the repository's objects; it needs no work tree."""

from collections.abc import Sequence
from dataclasses import dataclass

from projects.git.repository import Repository, is_object_id

_ORDINARY = (b"100644", b"100755")


@dataclass(frozen=True)
class TreeFile:
    """An ordinary file in a tree: its path, blob id and size in bytes."""

    path: str
    blob: str
    size_bytes: int


def list_files(repository: Repository, commit: str, paths: Sequence[str]) -> list[TreeFile]:
    """Those of the paths that are ordinary files in the commit: no symbolic links, folders or submodules."""
    if not is_object_id(commit):
        raise ValueError("a full commit id is needed")
    output = repository.run(["ls-tree", "-l", "-z", "--full-tree", commit, "--", *paths])
    rows = (record.partition(b"\t") for record in output.split(b"\0") if record)
    entries = ((head.split(), path) for head, _, path in rows)
    return [
        TreeFile(path.decode("utf-8", "surrogateescape"), blob.decode("ascii"), int(size))
        for (mode, _, blob, size), path in entries
        if mode in _ORDINARY
    ]


def read_blob(repository: Repository, blob: str) -> bytes:
    """The content of a file by its full blob id, whole in memory: look at its size first."""
    if not is_object_id(blob):
        raise ValueError("a full blob id is needed")
    return repository.run(["cat-file", "blob", blob])
