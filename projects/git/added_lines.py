"""The lines that commits add, file by file, up to a bound; of what they take away and of binary files nothing."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

from projects.git.changes import PLAIN_OPTIONS, PREFIXES, display_path
from projects.git.outgoing import beyond_the_remote
from projects.git.repository import Repository

MAX_READ_BYTES = 8 * 1024 * 1024
HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(rb'\\([abtnvfr"\\]|[0-7]{3})')
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


@dataclass
class AddedFile:
    """Lines that one commit adds to one file, with their numbers."""

    path: str
    lines: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Added:
    """`stopped_at` is the first file of which something is left out, None where everything is there."""

    files: tuple[AddedFile, ...]
    size_bytes: int
    stopped_at: str | None


def added_lines(repository: Repository, commit: str, *, remote_commit: str | None, enough_bytes: int) -> Added:
    """All lines, about `enough_bytes` at most, that the commits add which the remote does not have yet.

    Commit by commit, newest first: what one adds and the next takes away is published as well.
    """
    options = ["--format=%x00%H", "-p", "-U0", "-m", "--diff-filter=d", "--no-show-signature", "--no-notes"]
    revisions = beyond_the_remote(repository, commit, remote_commit)
    reader = _Reader(enough_bytes)
    with closing(repository.stream(["log", *options, *PREFIXES, *PLAIN_OPTIONS, *revisions])) as pieces:
        for line in lines_in(pieces):
            if line is None or not reader.take(line):
                return Added(tuple(reader.files), reader.size_bytes, reader.path)
    return Added(tuple(reader.files), reader.size_bytes, None)


def lines_in(pieces: Iterator[bytes]) -> Iterator[bytes | None]:
    """Lines without their ends; None where there is more than anybody will read."""
    rest, read = b"", 0
    for piece in pieces:
        read += len(piece)
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
        if read > MAX_READ_BYTES:
            yield None
    if rest:
        yield rest


class _Reader:
    """Reads git's patches (git-diff(1), Generating patch text with -p). Lines of hunks are counted, never guessed."""

    def __init__(self, enough_bytes: int) -> None:
        self.files: list[AddedFile] = []
        self.size_bytes = 0
        self.path = ""
        self._enough_bytes = enough_bytes
        self._removed_left = self._added_left = self._number = 0

    def take(self, line: bytes) -> bool:
        """Whether there is room for more."""
        if line.startswith(b"-") and self._removed_left:
            self._removed_left -= 1
        elif line.startswith(b"+") and self._added_left:
            self._add(line[1:])
        elif line.startswith(b"+++ "):
            self.path = path_in_patch(line[4:], b"b/")
            self.files.append(AddedFile(self.path))
        elif (hunk := HUNK.match(line)) is not None:
            removed, first, added = hunk.groups()
            self._removed_left, self._added_left = int(removed or 1), int(added or 1)
            self._number = int(first)
        return self.size_bytes <= self._enough_bytes

    def _add(self, content: bytes) -> None:
        self.size_bytes += len(content) + 1
        if self.size_bytes <= self._enough_bytes:
            self.files[-1].lines.append((self._number, content.decode("utf-8", "replace").rstrip("\r")))
        self._added_left -= 1
        self._number += 1


def path_in_patch(name: bytes, prefix: bytes) -> str:
    """A name as in a patch's header: quoted in the manner of C where it has unusual characters, a tab after blanks."""
    name = name.rstrip(b"\t")
    if name.startswith(b'"'):
        name = _ESCAPE.sub(_unescaped, name[1:-1])
    return display_path(name.removeprefix(prefix).decode("utf-8", "surrogateescape"))


def _unescaped(match: re.Match[bytes]) -> bytes:
    escape = match[1]
    return bytes([int(escape, 8)]) if len(escape) == 3 else _ESCAPED.get(escape, escape)
