"""A diff for display: cut past a size, undecodable bytes replaced, known secrets redacted; all of that is said."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Count, Sum

from config.api.renderers import Verbatim
from projects.git.changes import FileChange
from projects.git.hunks import MAX_DIFF_BYTES, Hunk, find_hunks, why_indivisible
from runs.models import RunAttempt, WorkspaceFile
from runs.redaction import Redactor

MAX_DISPLAY_BYTES = MAX_DIFF_BYTES
ENOUGH_BYTES = MAX_DISPLAY_BYTES + 1
"""As much of a diff as `cut` needs to see. The rest may be gigabytes."""
_FILE_START = re.compile(rb"^diff --git ", re.MULTILINE)


def describe_diff(
    diff: bytes, redactor: Redactor, *, tree: str | None, stats: dict[str, int], is_in_part: bool = False
) -> Any:
    """`{diff, stats, tree, truncated, lossy}`: a diff that leads to this tree, or what there is of it."""
    shown = cut(diff)
    text = redactor.text(shown.decode("utf-8", "replace"))
    return Verbatim(
        {
            "diff": text,
            "stats": stats,
            "tree": tree,
            "truncated": is_in_part or len(shown) < len(diff),
            "lossy": text.encode() != shown,
        }
    )


def cut(diff: bytes) -> bytes:
    """The whole files of a diff that fit into what is displayed; nothing of a first file that does not fit."""
    if len(diff) <= MAX_DISPLAY_BYTES:
        return diff
    starts = [match.start() for match in _FILE_START.finditer(diff) if match.start() <= MAX_DISPLAY_BYTES]
    return diff[: starts[-1]]


def describe_file_diff(
    file: WorkspaceFile, pieces: Iterator[bytes], redactor: Redactor, *, is_in_part: bool = False
) -> dict[str, Any]:
    """`{diff, truncated, lossy, hunks, indivisible}` of one file: its first lines, as many as are displayed.

    No more than that is read. Hunks are told of a whole diff only, and `indivisible` why there are none.
    """
    found = bytearray()
    for piece in pieces:
        found += piece
        if len(found) > MAX_DISPLAY_BYTES:
            break
    end = len(found) if len(found) <= MAX_DISPLAY_BYTES else found.rfind(b"\n", 0, MAX_DISPLAY_BYTES) + 1
    text = redactor.text(found[:end].decode("utf-8", "replace"))
    return {
        "diff": text,
        "truncated": is_in_part or end < len(found),
        "lossy": text.encode() != found[:end],
        **_describe_hunks(file, bytes(found)),
    }


def _describe_hunks(file: WorkspaceFile, diff: bytes) -> dict[str, Any]:
    modes = (file.old_mode, file.new_mode)
    reason = why_indivisible(diff, is_binary=file.binary, size_bytes=file.size_bytes, modes=modes)
    hunks = () if reason else find_hunks(diff, old_blob=file.old_blob, new_blob=file.new_blob)
    return {"hunks": [describe_hunk(hunk) for hunk in hunks], "indivisible": reason}


def describe_hunk(hunk: Hunk) -> dict[str, Any]:
    """A hunk as clients see it."""
    return {
        "id": hunk.id,
        "oldStart": hunk.old_start,
        "oldLines": hunk.old_lines,
        "newStart": hunk.new_start,
        "newLines": hunk.new_lines,
    }


def stats_of(attempt: RunAttempt | None) -> dict[str, int]:
    """The sums over an attempt's files, or for a run that has none yet."""
    if attempt is None:
        return {"files": 0, "additions": 0, "deletions": 0}
    additions, deletions = Sum("additions", default=0), Sum("deletions", default=0)
    return attempt.files.aggregate(files=Count("pk"), additions=additions, deletions=deletions)


def sums_of(changes: Sequence[FileChange]) -> dict[str, int]:
    """The same over files that were just compared."""
    added, deleted = sum(change.additions for change in changes), sum(change.deletions for change in changes)
    return {"files": len(changes), "additions": added, "deletions": deleted}
