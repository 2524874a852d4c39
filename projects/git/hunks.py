"""The hunks of one file's diff: found, named, and taken back by their line numbers alone; it runs no git.

`git apply --reverse` would not do: of some of a diff's hunks it looks for each by its context, near a line number that
the others have moved, and where a file repeats itself it may take back the wrong lines.
"""

import hashlib
import io
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

MAX_DIFF_BYTES = 1024 * 1024
"""As much of a file's diff as is shown: nobody judges hunks that they cannot see."""
MAX_FILE_BYTES = 4 * 1024 * 1024
"""Of the new file. The old one is that at most, and the lines that the diff takes out."""

_ORDINARY = frozenset({"100644", "100755"})
# Each line of a file has a sign before it in a diff, and git quotes names: nothing else can begin a line like this.
_HEADER = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


@dataclass(frozen=True)
class Hunk:
    """Changed lines with those around them. Lines count from 1; of no lines at all, `start` is the line before them.

    `id` names the hunk in the diff between its two blobs: of another content of either, the same lines have another id.
    """

    id: str
    old_start: int
    old_lines: int
    new_start: int
    new_lines: int

    @property
    def old_slice(self) -> slice:
        return _slice(self.old_start, self.old_lines)

    @property
    def new_slice(self) -> slice:
        return _slice(self.new_start, self.new_lines)


def why_indivisible(diff: bytes, *, is_binary: bool, size_bytes: int, modes: Iterable[str | None]) -> str | None:
    """Why a file can be taken or left as a whole only; None where it has hunks.

    `diff` is the file's, up to MAX_DIFF_BYTES + 1 at least; `modes` are those of the sides that there are.
    """
    if is_binary:
        return "binary"
    if not {mode for mode in modes if mode} <= _ORDINARY:
        return "special"
    if len(diff) > MAX_DIFF_BYTES or size_bytes > MAX_FILE_BYTES:
        return "too-large"
    return None if _HEADER.search(diff) else "no-lines"


def find_hunks(diff: bytes, *, old_blob: str | None, new_blob: str | None) -> tuple[Hunk, ...]:
    """The hunks of a file's unified diff, in its order."""
    return tuple(_hunk(match, f"{old_blob} {new_blob}") for match in _HEADER.finditer(diff))


def take_back(old: bytes, new: bytes, hunks: Collection[Hunk]) -> bytes:
    """The new content with these hunks as the old one has them.

    Exact, as the lines around a hunk's changes are the same on both sides; only LF ends a line, and the last line may
    lack it.
    """
    old_lines, lines = io.BytesIO(old).readlines(), io.BytesIO(new).readlines()
    for hunk in sorted(hunks, key=lambda hunk: hunk.new_start, reverse=True):
        lines[hunk.new_slice] = old_lines[hunk.old_slice]
    return b"".join(lines)


def _slice(start: int, count: int) -> slice:
    begin = start - 1 if count else start
    return slice(begin, begin + count)


def _hunk(match: re.Match[bytes], blobs: str) -> Hunk:
    old_start, old_lines, new_start, new_lines = (1 if text is None else int(text) for text in match.groups())
    name = f"{blobs} -{old_start},{old_lines} +{new_start},{new_lines}"
    return Hunk(hashlib.sha256(name.encode()).hexdigest()[:16], old_start, old_lines, new_start, new_lines)
