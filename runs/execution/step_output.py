"""What a command of the server's own prints: kept whole in unnamed files, and told while it goes on, in bounds."""

import asyncio
import codecs
import tempfile
from collections.abc import Mapping
from typing import BinaryIO, cast

from runs.events import MAX_MESSAGE_CHARACTERS
from runs.execution.recorder import TEXT_EVERY_SECONDS, Recorder
from runs.services.recording import CommandProgress

CHUNK_BYTES = 65_536
MAX_TOLD_CHARACTERS = 65_536
"""Of each stream; the rest is in the kept output."""


class _Stream:
    """One of the two: its file, and the text that has not been told yet."""

    def __init__(self) -> None:
        self.file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - handed on with the command's end
        self.untold, self.left_characters, self.left_out_bytes = "", MAX_TOLD_CHARACTERS, 0
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")


class StepOutput:
    """Both streams of one command. Each keeps `limit_bytes` at most; what comes after that is read and dropped."""

    def __init__(self, recorder: Recorder, tool_call_id: str, *, limit_bytes: int) -> None:
        self._recorder, self._id, self._limit_bytes = recorder, tool_call_id, limit_bytes
        self._streams = {"stdout": _Stream(), "stderr": _Stream()}

    async def read(self, name: str, pipe: asyncio.StreamReader) -> None:
        """Reads to the end."""
        stream = self._streams[name]
        while data := await pipe.read(CHUNK_BYTES):
            room = self._limit_bytes - stream.file.tell()
            await asyncio.to_thread(stream.file.write, data[: max(0, room)])
            if len(stream.untold) < stream.left_characters:
                stream.untold += stream.decoder.decode(data)
            else:
                stream.left_out_bytes += len(data)

    async def tell(self) -> None:
        """Tells four times a second what has come, until cancelled."""
        while True:
            await asyncio.sleep(TEXT_EVERY_SECONDS)
            self._tell()

    def finish(self) -> None:
        """Tells the rest, and how much of each stream is in the kept output only."""
        self._tell()
        for name, stream in self._streams.items():
            if stream.left_out_bytes:
                self._recorder.add(CommandProgress(self._id, name, "", stream.left_out_bytes))

    def files(self) -> Mapping[str, BinaryIO]:
        """The kept outputs, open."""
        return {name: stream.file for name, stream in self._streams.items()}

    def _tell(self) -> None:
        for name, stream in self._streams.items():
            text, rest = stream.untold[: stream.left_characters], stream.untold[stream.left_characters :]
            stream.untold, stream.left_characters = "", stream.left_characters - len(text)
            stream.left_out_bytes += len(rest.encode())
            for at in range(0, len(text), MAX_MESSAGE_CHARACTERS):
                self._recorder.add(CommandProgress(self._id, name, text[at : at + MAX_MESSAGE_CHARACTERS]))
