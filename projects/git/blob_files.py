"""Writes blobs as files of a folder of ours, under numbers instead of names: every byte as it is in the repository."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from projects.git.errors import GitFailed
from projects.git.repository import Repository

LINK = b"120000"
_EXECUTABLE = b"100755"


def write_blobs(repository: Repository, blobs: Sequence[tuple[bytes, bytes]], folder: Path) -> None:
    """Of each mode and blob (as git has them) the file, executable file or link, named by its place in the list.

    Large ones go through memory piece by piece. Raises GitFailed where a blob is not there, and OSError.
    """
    wanted = b"".join(blob + b"\n" for _, blob in blobs)
    arguments = ["cat-file", "--batch", "--buffer"]
    with closing(repository.stream(arguments, standard_input=wanted)) as pieces:
        answer = BatchAnswer(pieces)
        for number, (mode, blob) in enumerate(blobs):
            _write(answer.content_of(blob, b"blob"), mode, folder / str(number))
        for _ in pieces:  # nothing, but git has ended then
            pass


def _write(content: Iterator[bytes], mode: bytes, path: Path) -> None:
    if mode == LINK:
        target = b"".join(content)
        if b"\0" in target:
            raise GitFailed("The snapshot holds a symbolic link that no disk can hold.")
        path.symlink_to(os.fsdecode(target))
        return
    with path.open("xb") as file:
        file.writelines(content)
        os.fchmod(file.fileno(), 0o755 if mode == _EXECUTABLE else 0o644)


class BatchAnswer:
    """What `git cat-file --batch` says: of each object a line, its content, and a line's end."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def content_of(self, object_id: bytes, *kinds: bytes) -> Iterator[bytes]:
        """The content of the next object, which must be this one and of such a kind, in pieces; to be taken whole."""
        kind, _, size = self._line().removeprefix(object_id + b" ").partition(b" ")
        if kind not in kinds:
            raise GitFailed("Content of the repository is not there any more.")
        yield from self._take(int(size))
        for _ in self._take(1):  # the line's end
            pass

    def _line(self) -> bytes:
        while b"\n" not in self._rest:
            self._rest += self._next()
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _take(self, size: int) -> Iterator[bytes]:
        while size:
            piece, self._rest = self._rest[:size], self._rest[size:]
            size -= len(piece)
            yield piece
            if size and not self._rest:
                self._rest = self._next()

    def _next(self) -> bytes:
        """Raises GitFailed where git ends before it has said all, and what git fails with."""
        piece = next(self._pieces, b"")
        if not piece:
            raise GitFailed("Content of the repository could not be read.")
        return piece
