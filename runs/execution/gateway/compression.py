"""Bodies out of their content encodings (RFC 9110, section 8.4), a bounded piece at a time."""

import zlib
from collections.abc import Callable, Iterator

PIECE_BYTES = 64 * 1024
Decoder = Callable[[bytes], Iterator[bytes]]


def decoder(content_encoding: str) -> Decoder | None:
    """What takes chunks and gives what they hold, raising zlib.error; None for an encoding that is not known here."""
    names = {name.strip().lower() for name in content_encoding.split(",")} - {"", "identity"}
    if not names:
        return as_it_is
    if len(names) > 1 or not names <= {"gzip", "x-gzip", "deflate"}:
        return None
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, as the data says

    def inflate(chunk: bytes) -> Iterator[bytes]:
        piece = b"any"
        while (chunk or piece) and not stream.eof:  # what the limit has cut off comes without more input
            piece = stream.decompress(chunk, PIECE_BYTES)
            chunk = stream.unconsumed_tail
            yield piece

    return inflate


def as_it_is(chunk: bytes) -> Iterator[bytes]:
    """For what is not encoded."""
    yield chunk


def nothing(chunk: bytes) -> Iterator[bytes]:
    """For what cannot be read."""
    yield from ()
