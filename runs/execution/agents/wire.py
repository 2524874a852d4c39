"""The lines between this server and an agent, as a transport of the ACP SDK; refuses lines that are no JSON object.

Session updates are handed on here, before the SDK sees them: it runs every notification in a task of its own (so an
awaiting handler sees them out of order, measured) and drops those that its schema does not know.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

LONGEST_LINE_BYTES = 16 * 1024 * 1024
_READ_BYTES = 256 * 1024
_BREATH_MESSAGES = 64

OnMessage = Callable[[dict[str, Any]], Awaitable[bool]]


class AgentWire:
    """Newline-delimited JSON over two streams.

    ``on_message`` sees every message first, one at a time, and says whether it took it. An agent that sends more than
    ``limit_bytes`` in all is not listened to any more. After the end ``problem`` is
    what broke the protocol (None: the agent just closed its output) and ``error`` what ``on_message`` raised.
    """

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        reader: asyncio.StreamReader,
        on_message: OnMessage,
        *,
        limit_bytes: int | None = None,
    ) -> None:
        self._limit_bytes, self._read_bytes = limit_bytes, 0
        self._writer = writer
        self._reader = reader
        self._on_message = on_message
        self._buffer = bytearray()
        self._message_count = 0
        self._discarding: asyncio.Task[None] | None = None
        self.problem: str | None = None
        self.error: Exception | None = None

    async def send(self, message: dict[str, Any]) -> None:
        """Write one message; raises ConnectionError when the agent no longer reads."""
        self._writer.write(json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n")
        await self._writer.drain()

    async def receive(self) -> dict[str, Any] | None:
        """The next message that is the SDK's to handle; None at the end, whatever its cause."""
        try:
            while (message := await self._read_message()) is not None:
                if not await self._on_message(message):
                    return message
        except ConnectionError:
            return None
        except Exception as error:
            self.error = error
        self.discard()
        return None

    async def close(self) -> None:
        """Close the agent's input."""
        with suppress(OSError):
            self._writer.close()

    def discard(self) -> None:
        """Throw away what still comes, once nothing else reads.

        An asyncio process whose output nobody reads is never seen to end: ``wait()`` hangs even after SIGKILL.
        """
        if self._discarding is None:
            self._discarding = asyncio.get_running_loop().create_task(self._read_on())

    async def _read_on(self) -> None:
        with suppress(OSError):
            while await self._reader.read(_READ_BYTES):
                pass

    async def _read_message(self) -> dict[str, Any] | None:
        line = b""
        while not line.strip():
            next_line = await self._read_line()
            if next_line is None:
                return None
            line = next_line
        self._message_count += 1
        if self._message_count % _BREATH_MESSAGES == 0:
            await asyncio.sleep(0)  # a flood in the buffer would else keep every other task waiting
        return self._parse(line)

    def _parse(self, line: bytes) -> dict[str, Any] | None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict) and _is_message(message):
            return message
        self.problem = "wrote a line to its output that is no JSON-RPC message"
        return None

    async def _read_line(self) -> bytes | None:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > LONGEST_LINE_BYTES:
                self.problem = f"wrote a line of more than {LONGEST_LINE_BYTES // 1024 // 1024} MiB"
                return None
            data = await self._reader.read(_READ_BYTES)
            if not data:
                return None
            self._buffer += data
            self._read_bytes += len(data)
            if self._limit_bytes is not None and self._read_bytes > self._limit_bytes:
                self.problem = f"sent more than {self._limit_bytes // 1024 // 1024} MiB"
                return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line


def _is_message(message: dict[str, Any]) -> bool:
    """A request or notification, or an answer whose id and error are such: the SDK takes that for granted."""
    if "method" in message:
        return isinstance(message["method"], str)
    return isinstance(message.get("id"), int | str | None) and isinstance(message.get("error"), dict | None)
