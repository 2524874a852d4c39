"""A diff for display: cut at a file's boundary past a size, undecodable bytes replaced, both said."""

import re
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


def _stats(attempt: RunAttempt | None) -> dict[str, int]:
    if attempt is None:
        return {"files": 0, "additions": 0, "deletions": 0}
    totals = attempt.files.aggregate(additions=Sum("additions", default=0), deletions=Sum("deletions", default=0))
    return {"files": attempt.files.count(), **totals}
