"""A client of HTTP/1 and Server-Sent Events that reads byte by byte where told to: real ones hide where they stop."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

MAX_HEAD_BYTES = 65536
HEAD_SECONDS = 20.0
POLL_SECONDS = 0.05


class Broken(Exception):
    """The connection was refused, reset, or ended where an answer must go on."""


@dataclass(frozen=True)
class Request:
    """What is asked for, and how large the client's buffer is to be."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    is_http_1_0: bool = False
    receive_buffer_bytes: int | None = None

    @property
    def bytes(self) -> bytes:
        """As it is sent."""
        query = f"?{urlencode(self.query)}" if self.query else ""
        version = "1.0" if self.is_http_1_0 else "1.1"
        lines = [f"GET {self.path}{query} HTTP/{version}", "Host: x"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()


class Answer:
    """An answer whose body is read piece by piece. Closed early it leaves the rest unread, as vanished clients do."""

    def __init__(self, port: int, request: Request) -> None:
        self.socket = socket.socket()
        self.is_complete = False
        try:
            if request.receive_buffer_bytes is not None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, request.receive_buffer_bytes)
            self.socket.settimeout(HEAD_SECONDS)
            self.socket.connect(("127.0.0.1", port))
            self.socket.sendall(request.bytes)
            self.status, self.headers, self.left = self._read_head()
        except OSError as error:
            self.socket.close()
            raise Broken(repr(error)) from error
        except Broken:
            self.socket.close()
            raise
        self.socket.settimeout(POLL_SECONDS)
        self.chunks = Chunks() if self.headers.get("transfer-encoding") == "chunked" else None

    def _read_head(self) -> tuple[int, dict[str, str], bytes]:
        received = b""
        while b"\r\n\r\n" not in received:
            piece = self.socket.recv(4096)
            if not piece or len(received) > MAX_HEAD_BYTES:
                raise Broken("no head")
            received += piece
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        return int(first.split(" ")[1]), {name.lower(): value for name, _, value in pairs}, rest

    def read(self, most: int) -> bytes | None:
        """Some bytes of the body; b"" at its end, None when nothing came for a moment. Broken where it is cut off."""
        if self.is_complete:
            return b""
        raw, self.left = self.left, b""
        if not raw:
            try:
                raw = self.socket.recv(most)
            except TimeoutError:
                return None
            except OSError as error:
                raise Broken(repr(error)) from error
            if not raw:
                return self._ended()
        if self.chunks is None:
            return raw
        body = self.chunks.feed(raw)
        self.is_complete = self.chunks.is_complete
        return body or (b"" if self.is_complete else None)

    def _ended(self) -> bytes:
        if self.chunks is None:
            length = self.headers.get("content-length")
            self.is_complete = length is not None
            return b""
        if not self.chunks.is_complete:
            raise Broken("cut off in the chunks")
        return b""

    def whole(self) -> bytes:
        """The rest of the body."""
        body = b""
        length = self.headers.get("content-length")
        while length is None or len(body) < int(length):
            piece = self.read(65536)
            if piece == b"":
                break
            body += piece or b""
        if length is not None and len(body) < int(length):
            raise Broken("shorter than it said")
        return body

    def close(self) -> None:
        """Closes the connection."""
        self.socket.close()


class Chunks:
    """Takes the chunks' borders out (RFC 9112, section 7.1), wherever the pieces of the network end."""

    def __init__(self) -> None:
        self.buffer = b""
        self.is_complete = False
        self.left = 0

    def feed(self, raw: bytes) -> bytes:
        """The content of what has come."""
        self.buffer += raw
        content = b""
        while not self.is_complete:
            if self.left > 2:
                taken = self.buffer[: self.left - 2]
                content += taken
                self.buffer = self.buffer[len(taken) :]
                self.left -= len(taken)
                if self.left > 2:
                    break
            if self.left:  # the line end after the content
                if len(self.buffer) < 2:
                    break
                assert self.buffer[:2] == b"\r\n", self.buffer[:20]
                self.buffer, self.left = self.buffer[2:], 0
            if b"\r\n" not in self.buffer:
                break
            size, _, self.buffer = self.buffer.partition(b"\r\n")
            self.left = int(size, 16) + 2
            self.is_complete = self.left == 2
        return content


class Message(NamedTuple):
    """An event of the stream: the id that it has set, and its data."""

    last_id: str
    data: str


class EventSource:
    """The parser of WHATWG HTML, section 9.2.6, for lines that end in LF. An event without its blank line never was."""

    def __init__(self) -> None:
        self.buffer = b""
        self.id = ""
        self.last_id: str | None = None
        self.data: list[str] = []

    def feed(self, body: bytes) -> list[Message]:
        """The events that have become complete."""
        *lines, self.buffer = (self.buffer + body).split(b"\n")
        return [message for line in lines if (message := self._take(line.decode())) is not None]

    def _take(self, line: str) -> Message | None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self.data.append(value)
        elif name == "id":
            self.id = value
        elif not line:
            return self._dispatch()
        else:
            assert name in ("", "event", "retry"), line
        return None

    def _dispatch(self) -> Message | None:
        if self.id:
            self.last_id = self.id
        data, self.data = self.data, []
        return Message(self.id, "\n".join(data)) if data else None
