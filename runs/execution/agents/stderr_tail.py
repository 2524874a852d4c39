"""Reads an agent's stderr to its end, so that it never blocks, and keeps only the last of it.

What is kept begins with a whole line, or word where a line is too long: half of a secret would not be known as one.
"""

import asyncio

TAIL_BYTES = 64 * 1024
_REASON_LINES = 10
_REASON_CHARACTERS = 1_000
_LAST_WORDS_SECONDS = 0.5


class StderrTail:
    """Must be made inside a running event loop. Reads on until the agent's process ends."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._kept = bytearray()
        self._task = asyncio.get_running_loop().create_task(self._read())

    @property
    def text(self) -> str:
        """The last of what came, up to TAIL_BYTES."""
        text = self._kept[-TAIL_BYTES:].decode("utf-8", "replace")
        return _from_a_boundary(text) if len(self._kept) > TAIL_BYTES else text

    async def last_words(self) -> str:
        """The last lines, for a reason of failure; waits a moment for what is still on its way."""
        await asyncio.wait({self._task}, timeout=_LAST_WORDS_SECONDS)
        lines = [line.rstrip() for line in self.text.splitlines() if line.strip()]
        words = "\n".join(lines[-_REASON_LINES:])
        return words if len(words) <= _REASON_CHARACTERS else _from_a_boundary(words[-_REASON_CHARACTERS:])

    async def _read(self) -> None:
        while data := await self._reader.read(TAIL_BYTES):
            self._kept += data
            del self._kept[: -TAIL_BYTES - 1]  # the one before tells that there was more


def _from_a_boundary(text: str) -> str:
    for boundary in ("\n", " "):
        _, _, whole = text.partition(boundary)
        if whole.strip():
            return whole
    return ""
