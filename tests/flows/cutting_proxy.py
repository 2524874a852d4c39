"""A proxy on loopback that breaks event streams off, each at another byte, and notes where their clients resume."""

import random
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STREAM = re.compile(rb"GET \S+/events/stream[ ?]")
RESUMED = re.compile(rb"^last-event-id: *([^\r]*)\r$", re.IGNORECASE | re.MULTILINE)
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closed so, a connection is reset
MOST_BYTES = 24_000


class CuttingProxy:
    """Hands everything on. The answer to a stream is cut off after a random number of bytes, half of the time without a
    farewell. `places` are the `Last-Event-ID` of all streams so far, in order, None where there was none; `pings` are
    those that came through, counted."""

    def __init__(self, host: str, port: int, seed: int, most_bytes: int) -> None:
        self.places: list[str | None] = []
        self.pings = 0
        self.is_cutting = True
        self._upstream, self._most_bytes = (host, port), most_bytes
        self._chance = random.Random(seed)  # noqa: S311 - the same cuts each time
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Ends all connections and waits for the threads."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(30)
        self.cut_all()
        for thread in self._threads:
            thread.join(30)

    def cut_all(self) -> None:
        """Ends all connections; new ones are welcome."""
        for each in list(self._open):
            _shut(each)

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self._upstream)
                except OSError:  # nobody listens: so it looks to the client too
                    client.close()
                    continue
                connection = _Connection(self, client, server)
                self._open |= {client, server}
                for work in (connection.hand_requests, connection.hand_answers):
                    thread = threading.Thread(target=work, daemon=True)
                    thread.start()
                    self._threads.append(thread)

    def note(self, request: bytes) -> int | None:
        """How many bytes of the answer go through; None where it is not cut off."""
        found = RESUMED.search(request)
        self.places.append(found[1].decode() if found else None)
        return self._chance.randrange(self._most_bytes) if self.is_cutting else None

    def is_reset(self) -> bool:
        """Whether the next end comes without a farewell."""
        return self._chance.random() < 0.5

    def forget(self, *ended: socket.socket) -> None:
        """These are closed."""
        self._open -= set(ended)


class _Connection:
    """One client's. Each request that a stream begins with comes in one piece: browsers and libraries send it so."""

    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._left: int | None = None

    def hand_requests(self) -> None:
        """Until the client has nothing more to say."""
        with suppress(OSError):
            while data := self._client.recv(1 << 16):
                if STREAM.match(data):
                    self._left = self._proxy.note(data)
                self._server.sendall(data)
        _shut(self._server)

    def hand_answers(self) -> None:
        """Until the server is done, or the answer is cut off."""
        with suppress(OSError):
            while data := self._server.recv(1 << 16):
                self._proxy.pings += data.count(b"\n:ping\n")
                if self._left is None:
                    self._client.sendall(data)
                    continue
                self._client.sendall(data[: self._left])
                self._left -= len(data)
                if self._left <= 0:
                    if self._proxy.is_reset():
                        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                        self._client.shutdown(socket.SHUT_RD)  # the other thread lets go of it, which says no goodbye
                        self._client.close()
                    break
        for each in (self._client, self._server):
            _shut(each)
            each.close()
        self._proxy.forget(self._client, self._server)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting(address: str, seed: int, most_bytes: int = MOST_BYTES) -> Iterator[CuttingProxy]:
    """A proxy before the server at that address."""
    host, _, port = address.removeprefix("http://").partition(":")
    proxy = CuttingProxy(host, int(port), seed, most_bytes)
    try:
        yield proxy
    finally:
        proxy.close()
