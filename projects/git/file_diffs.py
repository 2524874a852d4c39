"""The diff of one changed file: between two trees that hold nothing else, so that no other change can get into it.

A pathspec would not do: that of a file which was a folder takes in what lay in the folder, and a rename could be paired
with another file than in the whole diff.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from projects.git.changes import DIFF_OPTIONS, display_path
from projects.git.environment import quote_object_directory
from projects.git.repository import Repository

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""Git knows it whether or not it was ever written."""


@dataclass(frozen=True)
class Side:
    """A file on one side of a change. The path is Git's own bytes, the mode octal."""

    path: bytes
    mode: str
    blob: str


@dataclass(frozen=True)
class FileSides:
    """A changed file as it was and as it is; None on the side where there is none."""

    old: Side | None
    new: Side | None


def find_sides(
    repository: Repository,
    base: str,
    tree: str,
    *,
    path: str,
    old_path: str | None,
    old_blob: str | None,
    new_blob: str | None,
) -> FileSides:
    """The file that a FileChange between the two trees told of, by its display paths and its blobs."""
    output = repository.run(["diff-tree", "-r", "-z", "--raw", "--no-renames", "--abbrev=40", base, tree, "--"])
    old: Side | None = None
    new: Side | None = None
    for before, after in _entries(output):
        if before and before.blob == old_blob and _is_named(before, old_path or path):
            old = before
        if after and after.blob == new_blob and _is_named(after, path):
            new = after
    return FileSides(old, new)


def diff_of_file(repository: Repository, sides: FileSides) -> Generator[bytes, None, None]:
    """The file's part of the diff between the trees, piece by piece, as `stream_git` gives them."""
    with _alone(repository, sides) as (old, new, environment):
        yield from repository.stream(["diff-tree", *DIFF_OPTIONS, old, new, "--"], environment=environment)


def _entries(output: bytes) -> Iterator[tuple[Side | None, Side | None]]:
    fields = iter(output.split(b"\0"))
    for field in fields:
        if field:
            path = next(fields)
            old_mode, new_mode, old_blob, new_blob, _ = field[1:].decode("ascii").split(" ")
            yield _side(path, old_mode, old_blob), _side(path, new_mode, new_blob)


def _side(path: bytes, mode: str, blob: str) -> Side | None:
    return None if mode == "000000" else Side(path, mode, blob)


def _is_named(side: Side, name: str) -> bool:
    return display_path(side.path.decode("utf-8", "surrogateescape")) == name


@contextmanager
def _alone(repository: Repository, sides: FileSides) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Two trees with the file alone, and the environment in which they exist: the repository gets no object."""
    with TemporaryDirectory(prefix="quarterdeck-") as folder:
        objects = Path(folder, "objects")
        objects.mkdir()
        kept = (repository.objects, repository.private_objects)
        environment = {
            "GIT_INDEX_FILE": f"{folder}/index",
            "GIT_OBJECT_DIRECTORY": os.fspath(objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": ":".join(map(quote_object_directory, kept)),
        }
        old = _tree_of(repository, sides.old, environment)
        yield old, _tree_of(repository, sides.new, environment), environment


def _tree_of(repository: Repository, side: Side | None, environment: dict[str, str]) -> str:
    if side is None:
        return EMPTY_TREE
    Path(environment["GIT_INDEX_FILE"]).unlink(missing_ok=True)
    entry = f"{side.mode} {side.blob}\t".encode() + side.path + b"\0"
    repository.run(["update-index", "-z", "--index-info"], environment=environment, standard_input=entry)
    return repository.run(["write-tree", "--missing-ok"], environment=environment).decode().strip()
