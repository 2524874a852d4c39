"""What one stream of a command puts out, told while the command goes on: redacted, in few and bounded parts.

An output of any size and pace is some seventy parts and a few hundred kilobytes of memory: all of it is kept elsewhere.
"""

import time

from runs.events import MAX_MESSAGE_CHARACTERS
from runs.redaction import TextStream
from runs.services.recording import CommandProgress

TELL_EVERY_SECONDS = 0.25
MAX_HELD_CHARACTERS = 4 * MAX_MESSAGE_CHARACTERS
"""What comes faster than that in a quarter of a second is left out, the oldest of it first."""
MAX_TOLD_CHARACTERS = 1024 * 1024
"""Of one stream while it goes on. What comes then is told by one more part, at its end."""


class LiveOutput:
    """Holds the newest text. What there is no room for is in the kept output only; the next part says how much."""

    def __init__(self, tool_call_id: str, stream: str, redacting: TextStream) -> None:
        self._id, self._stream, self._redacting = tool_call_id, stream, redacting
        self._waiting, self._left_out_bytes = "", 0
        self._room_characters, self._due_at = MAX_TOLD_CHARACTERS, 0.0

    def take(self, text: str, left_out_bytes: int = 0) -> None:
        """More output; before it, so many bytes were left out already."""
        self._left_out_bytes += left_out_bytes
        self._keep(self._redacting.take(text))

    @property
    def is_due(self) -> bool:
        """Whether the next part may be told: the first one at once."""
        return self._has_news and time.monotonic() >= self._due_at

    def tell(self) -> list[CommandProgress]:
        """What has gathered, in parts; none once the stream has had its room."""
        return self._parts() if self._has_news and self._room_characters > 0 else []

    def finish(self) -> list[CommandProgress]:
        """The rest, at the stream's end."""
        self._keep(self._redacting.finish())
        return self._parts() if self._has_news else []

    @property
    def _has_news(self) -> bool:
        return bool(self._waiting or self._left_out_bytes)

    def _keep(self, text: str) -> None:
        text = self._waiting + text
        excess = max(0, len(text) - MAX_HELD_CHARACTERS)
        self._left_out_bytes += len(text[:excess].encode("utf-8", "replace"))
        self._waiting = text[excess:]

    def _parts(self) -> list[CommandProgress]:
        text, left_out_bytes = self._waiting, self._left_out_bytes
        self._waiting, self._left_out_bytes = "", 0
        self._room_characters -= len(text)
        self._due_at = time.monotonic() + TELL_EVERY_SECONDS if self._room_characters > 0 else float("inf")
        pieces = [text[at : at + MAX_MESSAGE_CHARACTERS] for at in range(0, len(text), MAX_MESSAGE_CHARACTERS)] or [""]
        return [
            CommandProgress(self._id, self._stream, piece, 0 if number else left_out_bytes)
            for number, piece in enumerate(pieces)
        ]
