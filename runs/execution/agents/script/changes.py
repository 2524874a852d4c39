"""Works out what a file step changes before it is done, so that it can be shown and asked about first."""

from dataclasses import dataclass
from pathlib import Path

from .blocks import AppendFile, ApplyPatch, DeleteFile, WriteFile
from .diffs import FileDiff, fit, read_diff
from .files import FileStepFailed, append_file, delete_file, read_file, refuse_missing, write_file
from .paths import place, place_of_entry
from .protocol import Json

_SHOWN_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file as it is and as it will be; ``after`` None: it goes. ``addition``: only this is appended."""

    path: str
    before: bytes | None
    after: bytes | None
    addition: bytes | None = None
    mode: int | None = None

    def place(self, root: Path) -> str:
        """The absolute path; raises PathRefused when it leaves ``root``."""
        return str(place_of_entry(root, self.path) if self.after is None else place(root, self.path))

    def apply(self, root: Path) -> None:
        """Do it; raises PathRefused or FileStepFailed."""
        if self.addition is not None:
            append_file(root, self.path, self.addition)
        elif self.after is None:
            delete_file(root, self.path)
        else:
            write_file(root, self.path, self.after, mode=self.mode)

    def as_content(self, root: Path) -> list[Json]:
        """ACP diff content for a small text file; nothing for others."""
        if self.after is None or len(self.after) + len(self.before or b"") > _SHOWN_BYTES:
            return []
        try:
            old_text = None if self.before is None else self.before.decode()
            return [{"type": "diff", "path": self.place(root), "oldText": old_text, "newText": self.after.decode()}]
        except UnicodeDecodeError:
            return []


def changes_of(step: WriteFile | AppendFile | DeleteFile | ApplyPatch, root: Path) -> tuple[FileChange, ...]:
    """The step's changes, none of them done; raises PathRefused, FileStepFailed or DiffRefused."""
    if isinstance(step, WriteFile):
        return (FileChange(step.path, read_file(root, step.path), step.content.encode()),)
    if isinstance(step, AppendFile):
        before, addition = read_file(root, step.path), step.content.encode()
        return (FileChange(step.path, before, (before or b"") + addition, addition),)
    if isinstance(step, DeleteFile):
        refuse_missing(root, step.path)
        return (FileChange(step.path, None, None),)
    return tuple(change for diff in read_diff(step.diff) for change in _patched(diff, root))


def _patched(diff: FileDiff, root: Path) -> list[FileChange]:
    before = None if diff.source is None else read_file(root, diff.source)
    if diff.source is not None and before is None:
        raise FileStepFailed(f"{diff.source!r} does not exist")
    if diff.source is None and diff.target is not None and read_file(root, diff.target) is not None:
        raise FileStepFailed(f"{diff.target!r} exists already")
    text = fit((before or b"").decode("utf-8", "surrogateescape"), diff.hunks)
    after = text.encode("utf-8", "surrogateescape")
    changes = []
    if diff.target is not None:
        changes.append(FileChange(diff.target, None if diff.source != diff.target else before, after, mode=diff.mode))
    if diff.source is not None and diff.source != diff.target:
        changes.append(FileChange(diff.source, before, None))
    return changes
