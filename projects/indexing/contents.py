"""Reads many blobs by one git process, one after another, so that only one is in memory at a time."""

from collections.abc import Generator, Sequence
from contextlib import closing

from projects.git.blob_files import BatchAnswer
from projects.git.repository import Repository

_AT_ONCE = 20_000


def read_contents(repository: Repository, blobs: Sequence[str]) -> Generator[bytes, None, None]:
    """The content of each blob, in this order. Raises GitFailed where one is not there (any more)."""
    for start in range(0, len(blobs), _AT_ONCE):
        yield from _read(repository, [blob.encode("ascii") for blob in blobs[start : start + _AT_ONCE]])


def _read(repository: Repository, blobs: Sequence[bytes]) -> Generator[bytes, None, None]:
    wanted = b"".join(blob + b"\n" for blob in blobs)
    with closing(repository.stream(["cat-file", "--batch", "--buffer"], standard_input=wanted)) as pieces:
        answer = BatchAnswer(pieces)
        for blob in blobs:
            yield b"".join(answer.content_of(blob, b"blob"))
        for _ in pieces:  # nothing, but git has ended then
            pass
