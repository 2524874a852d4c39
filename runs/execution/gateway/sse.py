"""Server-sent events out of bytes that come in any pieces, in bounded memory (WHATWG HTML, section 9.2.6)."""

from collections.abc import Iterator

MAX_EVENT_BYTES = 8 * 1024 * 1024


class EventReader:
    """Gives the data of each event as soon as it is complete. One that is too large is passed over."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._most = max_event_bytes
        self._pieces: list[bytes] = []  # of the line that is not complete yet
        self._data: list[bytes] = []
        self._line_bytes = self._event_bytes = 0
        self._is_after_return = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of the events that end in this chunk."""
        if self._is_after_return and chunk:  # else CR LF, cut in two, would be two line ends
            self._is_after_return = False
            chunk = chunk.removeprefix(b"\n")
        for part in chunk.splitlines(keepends=True):
            self._add(part.rstrip(b"\r\n"))
            if part.endswith((b"\n", b"\r")):
                yield from self._end_line()
        self._is_after_return = self._is_after_return or chunk.endswith(b"\r")

    def _add(self, piece: bytes) -> None:
        self._line_bytes += len(piece)
        self._event_bytes += len(piece)
        if self._event_bytes <= self._most:
            self._pieces.append(piece)
        else:
            self._pieces.clear()
            self._data.clear()

    def _end_line(self) -> Iterator[bytes]:
        is_blank, line = self._line_bytes == 0, b"".join(self._pieces)
        self._pieces, self._line_bytes = [], 0
        if is_blank:
            data, self._data, self._event_bytes = self._data, [], 0
            if data:
                yield b"\n".join(data)
        elif line.startswith(b"data:") and self._event_bytes <= self._most:
            self._data.append(line[5:].removeprefix(b" "))
