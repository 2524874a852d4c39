"""Keeps what a command writes: whole in a file, shortened in memory, and in small portions for live readers.

Never holds more than a fixed number of bytes of one stream, and always says what was left out.
"""

import codecs
import time
from pathlib import Path

KEPT_BYTES = 64 * 1024
LIVE_BYTES = 32 * 1024
FILE_BYTES = 64 * 1024 * 1024
LIVE_INTERVAL_SECONDS = 0.1
_HALF_BYTES = KEPT_BYTES // 2


class StreamCapture:
    """One stream (``stdout`` or ``stderr``) of one command. ``path`` gets its bytes, up to FILE_BYTES."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self.total_bytes = 0
        self.filed_bytes = 0
        self._file = path.open("wb", buffering=0)
        self._head = bytearray()
        self._tail = bytearray()
        self._live = bytearray()
        self._live_left_out_bytes = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._last_live_at = float("-inf")

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        self.total_bytes += len(data)
        self._keep_in_file(data)
        room = _HALF_BYTES - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        del self._tail[:-_HALF_BYTES]
        self._live += data
        excess = len(self._live) - LIVE_BYTES
        if excess > 0:
            self._live_left_out_bytes += excess
            del self._live[:excess]

    def take_live(self, *, is_last: bool = False) -> str:
        """What came since the last portion, at most ten times a second; empty when there is nothing yet."""
        now = time.monotonic()
        if not is_last and (not self._live or now - self._last_live_at < LIVE_INTERVAL_SECONDS):
            return ""
        self._last_live_at = now
        text = self._decode_live(is_last)
        self._live.clear()
        return text

    def _decode_live(self, is_last: bool) -> str:
        if not self._live_left_out_bytes:
            return self._decoder.decode(bytes(self._live), is_last)
        left_out = _left_out(self._live_left_out_bytes)
        self._live_left_out_bytes = 0
        self._decoder.reset()
        return left_out + self._decoder.decode(bytes(self._live), is_last)

    def text(self) -> str:
        """The stream's text, its middle left out (and that said) when it is longer than KEPT_BYTES."""
        left_out_bytes = self.total_bytes - len(self._head) - len(self._tail)
        if not left_out_bytes:
            return (self._head + self._tail).decode("utf-8", "replace")
        head, tail = self._head.decode("utf-8", "replace"), self._tail.decode("utf-8", "replace")
        return head + _left_out(left_out_bytes) + tail

    @property
    def left_out_bytes(self) -> int:
        """How many of the stream's last bytes the file does not have."""
        return self.total_bytes - self.filed_bytes

    def close(self) -> None:
        """Close the file; text() goes on working."""
        self._file.close()

    def _keep_in_file(self, data: bytes) -> None:
        """A full disk or a size limit ends the file, not the command."""
        if self.filed_bytes + len(data) != self.total_bytes:
            return
        try:
            self.filed_bytes += self._file.write(data[: max(FILE_BYTES - self.filed_bytes, 0)])
        except OSError:
            return


def _left_out(count_bytes: int) -> str:
    return f"\n[{count_bytes} bytes left out]\n"
