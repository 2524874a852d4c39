"""Looks on while an answer is passed on, and shows its JSON to a reader of usage; it changes and holds up nothing."""

import zlib
from collections.abc import Iterable, Mapping

import orjson

from .compression import Decoder, decoder, nothing
from .sse import EventReader
from .usage import Usage, UsageReader

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024


class AnswerWatch:
    """Of one answer: every chunk as it passes, and the usage at the end."""

    def __init__(self, reader: UsageReader) -> None:
        self._reader = reader
        self._form: _Events | _Document = _Document()
        self._decode: Decoder = nothing

    def begin(self, headers: Mapping[str, str]) -> None:
        """The answer has begun, with these headers."""
        if headers.get("Content-Type", "").lower().startswith("text/event-stream"):
            self._form = _Events()
        self._decode = decoder(headers.get("Content-Encoding", "")) or nothing

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the answer, cut anyhow."""
        try:
            for piece in self._decode(chunk):
                self._show(self._form.feed(piece))
        except zlib.error:
            self._decode = nothing

    def usage(self, request_body: bytes) -> Usage:
        """When no more comes: what the call has used. `request_body` is for the estimate where the answer broke off."""
        self._show(self._form.finish())
        return self._reader.total(request_body)

    def _show(self, texts: Iterable[bytes]) -> None:
        for text in texts:
            try:
                found = orjson.loads(text)
            except orjson.JSONDecodeError:
                continue
            for message in found if isinstance(found, list) else [found]:  # Gemini streams a list too
                if isinstance(message, Mapping):
                    self._reader.take(message)


class _Events:
    """A stream of events, each with a JSON object."""

    def __init__(self) -> None:
        self._events = EventReader()

    def feed(self, piece: bytes) -> Iterable[bytes]:
        return self._events.feed(piece)

    def finish(self) -> Iterable[bytes]:
        return self._events.feed(b"\n\n")  # some servers leave the last blank line out


class _Document:
    """One JSON text; one that is too large is passed over."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterable[bytes]:
        self._size += len(piece)
        if self._size <= MAX_DOCUMENT_BYTES:
            self._pieces.append(piece)
        else:
            self._pieces.clear()
        return ()

    def finish(self) -> Iterable[bytes]:
        return (b"".join(self._pieces),)
