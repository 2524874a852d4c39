"""The lines in which two trees differ, file by file and bounded, as far as rules look at them."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from projects.git.added_lines import HUNK, lines_in, path_in_patch
from projects.git.changes import PLAIN_OPTIONS, PREFIXES
from projects.git.errors import GitFailed
from projects.git.repository import Repository

MAX_FILE_BYTES = 32 * 1024
"""Of one file: of more, the first lines."""
MAX_BYTES = 1024 * 1024
"""Of all files: after so many, lines are left out."""
MAX_LINE_BYTES = 2_000
MAX_LEFT_OUT = 200
"""Of paths of 4 KiB as many as the arguments of a program have room for."""


@dataclass
class ChangedLines:
    """What was added to a file, by line numbers from 1, and what was removed; no lines of a binary file."""

    added: list[tuple[int, str]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    size_bytes: int = 0


def changed_lines(
    repository: Repository, base: str, tree: str, *, without: Sequence[str] = ()
) -> Mapping[str, ChangedLines]:
    """By path as shown, the new one, or the old one of a deleted file. Of too much the first files and lines are given.

    Files `without` which it is to be, since they would take too long, are not in it. Raises GitError, `too-large` where
    these are too many.
    """
    if len(without) > MAX_LEFT_OUT:
        raise GitFailed(f"More than {MAX_LEFT_OUT} files are too large to be read.", code="too-large")
    options = ["-r", "-p", "-U0", "--full-index", *PREFIXES, *PLAIN_OPTIONS]
    left_out = [f":(exclude,top,literal){path}" for path in without]
    environment = {"GIT_LITERAL_PATHSPECS": "0"} if without else None
    reader = _Reader()
    with closing(
        repository.stream(["diff-tree", *options, base, tree, "--", *left_out], environment=environment)
    ) as pieces:
        for line in lines_in(pieces):
            if line is None or not reader.take(line):
                break
    return reader.files


class _Reader:
    """Reads a patch (git-diff(1), Generating patch text with -p). Lines of hunks are counted, never guessed."""

    def __init__(self) -> None:
        self.files: dict[str, ChangedLines] = {}
        self._old_path, self._size_bytes = "", 0
        self._removed_left = self._added_left = self._number = 0
        self._file = ChangedLines()

    def take(self, line: bytes) -> bool:
        """Whether there is room for more."""
        if self._removed_left and line.startswith(b"-"):
            self._removed_left -= 1
            self._keep(line[1:], None)
        elif self._added_left and line.startswith(b"+"):
            self._added_left -= 1
            self._keep(line[1:], self._number)
            self._number += 1
        elif line.startswith(b"--- "):
            self._old_path = path_in_patch(line[4:], b"a/")
        elif line.startswith(b"+++ "):
            path = path_in_patch(line[4:], b"b/")
            self._file = self.files.setdefault(self._old_path if path == "/dev/null" else path, ChangedLines())
        elif (hunk := HUNK.match(line)) is not None:
            removed, first, added = hunk.groups()
            self._removed_left, self._added_left = int(removed or 1), int(added or 1)
            self._number = int(first)
        return self._size_bytes <= MAX_BYTES

    def _keep(self, content: bytes, number: int | None) -> None:
        file = self._file
        if file.size_bytes > MAX_FILE_BYTES:
            return
        text = content[:MAX_LINE_BYTES].decode("utf-8", "replace").rstrip("\r")
        file.size_bytes += len(text) + 1
        self._size_bytes += len(text) + 1
        if number is None:
            file.removed.append(text)
        else:
            file.added.append((number, text))
