"""A proxy on loopback before PostgreSQL, which loses connections at a COMMIT, before it or after it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.db import connection

COMMIT, ASKED = b"COMMIT\0", b"pg_xact_status"


class CommitProxy:
    """Hands everything on. `cut_at`: the next COMMIT cuts the client's connection off; each one where `cuts_all`.

    - `after`: PostgreSQL has committed, and its answer is lost
    - `before`: PostgreSQL is never told
    - `later`: PostgreSQL is told when it is asked for the second time what became of it
    - `for good`: as `after`, and all that come later are turned away until `is_away` is false
    """

    def __init__(self, upstream: str | tuple[str, int]) -> None:
        self.cut_at: str | None = None
        self.cuts_all = self.is_away = False
        self.cuts = self.asked = 0
        self._upstream = upstream
        self._held: socket.socket | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Ends all connections and waits for the threads."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(30)
        for each in self._open:
            _shut(each)
        for thread in self._threads:
            thread.join(30)
        for each in (self._listener, *self._open):
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                client, _ = self._listener.accept()
                if self.is_away:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX if isinstance(self._upstream, str) else socket.AF_INET)
                server.connect(self._upstream)
                self._open += [client, server]
                for work in (self._hand_requests, self._hand_answers):
                    thread = threading.Thread(target=work, args=(client, server), daemon=True)
                    self._threads.append(thread)
                    thread.start()

    def _hand_requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 16):
                if self.cut_at is not None and COMMIT in data:
                    self._cut(client, server, data)
                    return
                if ASKED in data:
                    self._take_question()
                server.sendall(data)
        _shut(server)

    def _cut(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        """The thread of the answers finds the client's connection cut, and lets the one to the server be."""
        how, self.cut_at = self.cut_at, self.cut_at if self.cuts_all else None
        self.cuts += 1
        self.is_away = how == "for good"
        if how == "later":
            self._held = server
        _shut(client)
        if how in ("after", "for good"):
            server.sendall(data)
        if how == "before":
            _shut(server)

    def _take_question(self) -> None:
        self.asked += 1
        if self.asked == 2 and self._held is not None:
            self._held.sendall(b"Q" + (4 + len(COMMIT)).to_bytes(4) + COMMIT)

    def _hand_answers(self, client: socket.socket, server: socket.socket) -> None:
        """To the end, so that the server is heard out though its client is cut off."""
        with suppress(OSError):
            while data := server.recv(1 << 16):
                with suppress(OSError):
                    client.sendall(data)
        _shut(client)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def before_postgres() -> Iterator[CommitProxy]:
    """The connections of this process go through the proxy, none is left of before or after."""
    wrapper: Any = connection
    settings = wrapper.settings_dict
    former = {name: settings[name] for name in ("HOST", "PORT", "OPTIONS")}
    host, port = str(former["HOST"]), int(former["PORT"] or 5432)
    proxy = CommitProxy(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host or "127.0.0.1", port))
    _disconnect()
    options = {**former["OPTIONS"], "sslmode": "disable", "gssencmode": "disable"}
    settings.update(HOST="127.0.0.1", PORT=str(proxy.port), OPTIONS=options)
    try:
        yield proxy
    finally:
        settings.update(former)
        _disconnect()
        proxy.close()


def _disconnect() -> None:
    wrapper: Any = connection
    wrapper.close()
    wrapper.close_pool()
