"""Reads a unified diff (POSIX ``diff -u``, with Git's headers for new modes and renames) and fits it to a text.

Lines must match exactly; a hunk may have moved. Binary patches and quoted names are refused.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@", re.ASCII)
_NO_NEWLINE = "\\ No newline"
_NOTHING = "/dev/null"


class DiffRefused(Exception):
    """The diff cannot be read, or does not fit; the message names the line of the diff."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """``old_lines`` are replaced by ``new_lines`` at ``old_start`` (from 1; 0 where there was nothing)."""

    line: int
    old_start: int
    old_lines: tuple[str, ...]
    new_lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What happens to one file; ``source`` None: it is new, ``target`` None: it goes. ``mode``: permission bits."""

    source: str | None
    target: str | None
    hunks: tuple[Hunk, ...]
    mode: int | None


@dataclass(slots=True)
class _Draft:
    source: str | None = None
    target: str | None = None
    hunks: list[Hunk] = field(default_factory=list)
    mode: int | None = None

    @property
    def is_file(self) -> bool:
        return self.source is not None or self.target is not None

    def finished(self) -> FileDiff:
        return FileDiff(self.source, self.target, tuple(self.hunks), self.mode)


def read_diff(diff: str) -> tuple[FileDiff, ...]:
    """The files of a diff in order; raises DiffRefused, also when there are none."""
    files = tuple(_Reader(diff.split("\n")).files())
    if not files:
        raise DiffRefused("the patch has no file in it: it must be a unified diff with ---, +++ and @@ lines")
    return files


class _Reader:
    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._at = 0

    def files(self) -> Iterator[FileDiff]:
        draft = _Draft()
        while self._at < len(self._lines):
            line = self._lines[self._at]
            starts_anew = line.startswith("diff --git ") or (line.startswith("--- ") and bool(draft.hunks))
            if starts_anew and draft.is_file:
                yield draft.finished()
            if starts_anew:
                draft = _Draft()
            self._read_line(line, draft)
        if draft.is_file:
            yield draft.finished()

    def _read_line(self, line: str, draft: _Draft) -> None:
        if line.startswith(("GIT binary patch", "Binary files ")):
            raise DiffRefused(f"line {self._at + 1} of the patch: binary patches cannot be applied")
        if line.startswith("@@") and draft.is_file:
            draft.hunks.append(self._read_hunk())
            return
        if line.startswith("--- "):
            self._read_names(draft)
        elif line.startswith(("new file mode ", "new mode ")):
            draft.mode = 0o755 if line.endswith("755") else 0o644
        elif line.startswith("rename from "):
            draft.source = line.removeprefix("rename from ")
        elif line.startswith("rename to "):
            draft.target = line.removeprefix("rename to ")
        self._at += 1

    def _read_names(self, draft: _Draft) -> None:
        source = self._name("--- ")
        self._at += 1
        target = self._name("+++ ")
        is_prefixed = source.startswith(("a/", _NOTHING)) and target.startswith(("b/", _NOTHING))
        draft.source = _stripped(source, is_prefixed)
        draft.target = _stripped(target, is_prefixed)
        if not draft.is_file:
            raise DiffRefused(f"line {self._at} of the patch names no file")

    def _name(self, marker: str) -> str:
        line = self._lines[self._at] if self._at < len(self._lines) else ""
        name = line.removeprefix(marker).split("\t")[0].rstrip()
        if not line.startswith(marker) or not name or name.startswith('"'):
            raise DiffRefused(f"line {self._at + 1} of the patch: expected {marker.strip()} and an unquoted path")
        return name

    def _read_hunk(self) -> Hunk:
        first = self._at
        header = _HUNK.match(self._lines[first])
        if header is None:
            raise DiffRefused(f"line {first + 1} of the patch is no hunk header such as @@ -1,2 +1,3 @@")
        old_left, new_left = int(header[2] or "1"), int(header[3] or "1")
        old: list[str] = []
        new: list[str] = []
        self._at += 1
        while len(old) < old_left or len(new) < new_left:
            self._read_hunk_line(old, new)
        if len(old) > old_left or len(new) > new_left:
            raise DiffRefused(f"the hunk at line {first + 1} of the patch is longer than its header says")
        self._drop_newline(old, new)
        return Hunk(first + 1, int(header[1]), tuple(old), tuple(new))

    def _read_hunk_line(self, old: list[str], new: list[str]) -> None:
        line = self._lines[self._at] if self._at < len(self._lines) else None
        if line is None or (line and line[0] not in " +-\\"):
            raise DiffRefused(f"line {self._at + 1} of the patch: the hunk is shorter than its header says")
        if line.startswith(_NO_NEWLINE):
            self._drop_newline(old, new)
            return
        text = line[1:] + "\n"
        if not line or line[0] in " -":
            old.append(text)
        if not line or line[0] in " +":
            new.append(text)
        self._at += 1

    def _drop_newline(self, old: list[str], new: list[str]) -> None:
        """At a "No newline" marker: it belongs to the side or sides of the line before it."""
        if self._at >= len(self._lines) or not self._lines[self._at].startswith(_NO_NEWLINE):
            return
        sign = self._lines[self._at - 1][:1]
        for side, signs in ((old, " -"), (new, " +")):
            if side and sign in signs:
                side[-1] = side[-1].removesuffix("\n")
        self._at += 1


def _stripped(name: str, is_prefixed: bool) -> str | None:
    if name == _NOTHING:
        return None
    return name[2:] if is_prefixed else name


def fit(text: str, hunks: Sequence[Hunk]) -> str:
    """``text`` with the hunks done, each at its line or the nearest place where its old lines stand."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    done: list[str] = []
    shift = 0
    for hunk in hunks:
        expected = max(hunk.old_start - 1, 0) + shift if hunk.old_lines else hunk.old_start + shift
        at = _nearest(lines, hunk, expected - len(done))
        if at is None:
            raise DiffRefused(f"the hunk at line {hunk.line} of the patch does not fit the file")
        done += lines[:at]
        lines = lines[at + len(hunk.old_lines) :]
        done += hunk.new_lines
        shift += len(hunk.new_lines) - len(hunk.old_lines)
    return "".join(done + lines)


def _nearest(lines: Sequence[str], hunk: Hunk, expected: int) -> int | None:
    old = list(hunk.old_lines)
    places = range(len(lines) - len(old) + 1)
    if not old:
        return min(max(expected, 0), len(lines))
    fitting = (place for place in places if list(lines[place : place + len(old)]) == old)
    return min(fitting, key=lambda place: abs(place - expected), default=None)
