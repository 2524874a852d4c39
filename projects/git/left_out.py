"""What of a commit is not here, as it is not fetched: submodules, and contents that Git LFS keeps elsewhere."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from projects.git.repository import Repository

_SUBMODULE_MODE = b"160000"
_LFS = re.compile(rb"^[^#\n]*\sfilter=lfs(?:\s|$)", re.MULTILINE)
MAXIMUM_ATTRIBUTE_FILES = 200
MAXIMUM_ATTRIBUTE_BYTES = 1 << 20


@dataclass(frozen=True)
class LeftOut:
    """`submodules`: how many, their folders stay empty. `has_lfs`: some files are Git LFS pointers."""

    submodules: int
    has_lfs: bool


def find_left_out(repository: Repository, commit: str) -> LeftOut:
    """Looks at the names in the commit, and at its first `.gitattributes`; of huge ones at the beginning."""
    submodules, attributes = 0, []
    for mode, blob, path in _entries(repository, commit):
        submodules += mode == _SUBMODULE_MODE
        if path.rpartition(b"/")[2] == b".gitattributes" and mode.startswith(b"100"):
            attributes.append(blob)
    return LeftOut(submodules, _has_lfs(repository, attributes[:MAXIMUM_ATTRIBUTE_FILES]))


def _entries(repository: Repository, commit: str) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Mode, object id and path of every file and submodule."""
    for entry in repository.run(["ls-tree", "-r", "-z", "--full-tree", commit]).split(b"\0"):
        if entry:
            facts, _, path = entry.partition(b"\t")
            mode, _, object_id = facts.split(b" ")
            yield mode, object_id, path


def _has_lfs(repository: Repository, blobs: list[bytes]) -> bool:
    return any(
        _LFS.search(repository.run(["cat-file", "blob", blob.decode()], enough_bytes=MAXIMUM_ATTRIBUTE_BYTES))
        for blob in dict.fromkeys(blobs)
    )
