"""Bytes from one stream to another: a body to its end and no further, or all that comes."""

import asyncio
from collections.abc import Callable

CHUNK_BYTES = 64 * 1024
MAX_LINE_BYTES = 4096
Step = Callable[[], None]
"""Called whenever something has moved."""


class BodyMalformed(Exception):
    """Its end cannot be told for certain: nothing more of it is passed on."""


async def pass_all(source: asyncio.StreamReader, target: asyncio.StreamWriter, step: Step) -> None:
    """Until the source's end."""
    while content := await source.read(CHUNK_BYTES):
        await _write(target, content, step)


async def pass_body(source: asyncio.StreamReader, target: asyncio.StreamWriter, length: int | None, step: Step) -> None:
    """A body of so many bytes, or one in chunks, whose trailers are left out (RFC 9112, 7.1)."""
    if length is not None:
        await _pass_bytes(source, target, length, step)
        return
    while size := _size(await _line(source)):
        await _write(target, b"%x\r\n" % size, step)
        await _pass_bytes(source, target, size, step)
        if await source.readexactly(2) != b"\r\n":
            raise BodyMalformed
        await _write(target, b"\r\n", step)
    while await _line(source) != b"\r\n":
        step()
    await _write(target, b"0\r\n\r\n", step)


async def _pass_bytes(source: asyncio.StreamReader, target: asyncio.StreamWriter, count: int, step: Step) -> None:
    while count:
        content = await source.read(min(count, CHUNK_BYTES))
        if not content:
            raise asyncio.IncompleteReadError(b"", count)
        count -= len(content)
        await _write(target, content, step)


async def _write(target: asyncio.StreamWriter, content: bytes, step: Step) -> None:
    target.write(content)
    await target.drain()
    step()


async def _line(source: asyncio.StreamReader) -> bytes:
    line = await source.readuntil(b"\r\n")
    if len(line) > MAX_LINE_BYTES:
        raise BodyMalformed
    return line


def _size(line: bytes) -> int:
    """Extensions are left out: nothing uses them but to be read in two ways."""
    digits = line[:-2].partition(b";")[0].strip(b" \t")
    if not 0 < len(digits) <= 12 or digits.strip(b"0123456789abcdefABCDEF"):
        raise BodyMalformed
    return int(digits, 16)
