"""Output that an agent sends whole each time, as it has grown, or its end alone where it has grown too long."""

from collections.abc import Mapping
from typing import Any

from .dialect import OutputPiece, Written
from .payload import list_of, text_of

_SEAM_CHARACTERS = 400


def snapshot_output(payload: Mapping[str, Any], written: Written) -> OutputPiece | None:
    """What the texts of a running command's `content` have more than what was written before; both streams merged."""
    if text_of(payload, "status") != "in_progress":
        return None
    texts = [text_of(part, "content", "text") for part in list_of(payload, "content")]
    more = _grown("\n".join(text for text in texts if text), written.text)
    return OutputPiece("stdout", more) if more else None


def _grown(snapshot: str, before: str) -> str:
    if snapshot.startswith(before):
        return snapshot[len(before) :]
    seam = before[-_SEAM_CHARACTERS:]
    at = snapshot.rfind(seam)
    return snapshot if at < 0 else snapshot[at + len(seam) :]
