"""A diff for display: cut at a file's boundary past a size, undecodable bytes replaced, both said."""

import re
from collections.abc import Iterator
from typing import Any

from django.db.models import Sum

from config.api.renderers import Verbatim
from runs.models import RunAttempt

MAX_DISPLAY_BYTES = 1024 * 1024
ENOUGH_BYTES = MAX_DISPLAY_BYTES + 1
"""As much of a diff as `cut` needs to see. The rest may be gigabytes."""
_FILE_START = re.compile(rb"^diff --git ", re.MULTILINE)


def describe_diff(attempt: RunAttempt | None, diff: bytes) -> Any:
    """`{diff, stats, tree, truncated, lossy}` for an attempt, or for a run that has none yet."""
    shown = cut(diff)
    text = shown.decode("utf-8", "replace")
    return Verbatim(
        {
            "diff": text,
            "stats": _stats(attempt),
            "tree": None if attempt is None else attempt.tree,
            "truncated": len(shown) < len(diff),
            "lossy": text.encode() != shown,
        }
    )


def cut(diff: bytes) -> bytes:
    """The whole files of a diff that fit into what is displayed; nothing of a first file that does not fit."""
    if len(diff) <= MAX_DISPLAY_BYTES:
        return diff
    starts = [match.start() for match in _FILE_START.finditer(diff) if match.start() <= MAX_DISPLAY_BYTES]
    return diff[: starts[-1]]


def describe_file_diff(pieces: Iterator[bytes]) -> dict[str, Any]:
    """`{diff, truncated, lossy}` of one file: its first lines, as many as are displayed. No more than that is read."""
    found = bytearray()
    for piece in pieces:
        found += piece
        if len(found) > MAX_DISPLAY_BYTES:
            break
    end = len(found) if len(found) <= MAX_DISPLAY_BYTES else found.rfind(b"\n", 0, MAX_DISPLAY_BYTES) + 1
    text = found[:end].decode("utf-8", "replace")
    return {"diff": text, "truncated": end < len(found), "lossy": text.encode() != found[:end]}


def _stats(attempt: RunAttempt | None) -> dict[str, int]:
    if attempt is None:
        return {"files": 0, "additions": 0, "deletions": 0}
    totals = attempt.files.aggregate(additions=Sum("additions", default=0), deletions=Sum("deletions", default=0))
    return {"files": attempt.files.count(), **totals}
