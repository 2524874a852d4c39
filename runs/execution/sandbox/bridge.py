"""Carries connections to 127.0.0.1:PORT over to the server's unix sockets, from inside of a sandbox.

Loaded by ``confine`` before the command starts; standard library only. Bytes pass as they come, in both directions and
with half-closed ends; who reads slowly slows down who writes. It lives as long as the command, in a process group of
its own, so that a signal to the agent's own group does not cut the agent off.
"""

import contextlib
import os
import resource
import selectors
import socket
import struct
import sys
from collections.abc import Callable, Iterable

CHUNK_BYTES = 256 * 1024
BACKLOG = 256
MOST_PAIRS = 400
"""More connections at a time wait for one to end."""
CONNECT_TIMEOUT_SECONDS = 10
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # socket(7), SO_LINGER

Listener = tuple[socket.socket, str]


def build(bridges: Iterable[tuple[int, str]]) -> None:
    """Listen on each port, and leave a process behind that serves them. Exits with a line where a port is taken."""
    listeners = [(_listener(port), path) for port, path in bridges]
    command = os.pidfd_open(os.getpid()) if hasattr(os, "pidfd_open") else None
    go_between = os.fork()
    if go_between == 0:
        os.setpgid(0, 0)
        # Twice: the command, which this process becomes, gets no child that it did not start.
        if os.fork() == 0:
            _serve_detached(listeners, command)
        os._exit(0)
    os.waitpid(go_between, 0)


def _listener(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
    except OSError as error:
        sys.exit(f"The way to the server could not be opened at 127.0.0.1:{port}: {error.strerror}.")


def _serve_detached(listeners: list[Listener], command: int | None) -> None:
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        _Exchange(listeners, command).serve()
    finally:
        os._exit(1)


class _Exchange:
    """All connections of a sandbox, served one event after another until the command ends."""

    def __init__(self, listeners: list[Listener], command: int | None) -> None:
        self._selector = selectors.DefaultSelector()
        self._listeners = listeners
        self._pairs = 0
        self._most = min(MOST_PAIRS, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 32) // 2)
        if command is not None:
            self._selector.register(command, selectors.EVENT_READ, lambda _: os._exit(0))
        self._listen()

    def serve(self) -> None:
        while True:
            for key, events in self._selector.select():
                key.data(events)

    def _listen(self) -> None:
        for listener, path in self._listeners:
            # Bound by the arguments: each listener has its own path.
            self._selector.register(
                listener, selectors.EVENT_READ, lambda _, listener=listener, path=path: self._accept(listener, path)
            )

    def _accept(self, listener: socket.socket, path: str) -> None:
        near, _ = listener.accept()
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            far = _connected(path)
        except OSError:
            _reset(near)
            return
        if self._pairs == self._most - 1:
            for busy, _ in self._listeners:
                self._selector.unregister(busy)
        self._pairs += 1
        _Pair(self._selector, near, far, self._one_ended)

    def _one_ended(self) -> None:
        self._pairs -= 1
        if self._pairs == self._most - 1:
            self._listen()


class _Pair:
    """A connection of the agent's and the one to the server that belongs to it."""

    def __init__(
        self, selector: selectors.BaseSelector, near: socket.socket, far: socket.socket, on_end: Callable[[], None]
    ) -> None:
        self._selector, self._near, self._on_end = selector, near, on_end
        self._other = {near: far, far: near}
        self._unsent = {near: memoryview(b""), far: memoryview(b"")}
        self._unfinished = {near, far}
        self._watched = dict.fromkeys((near, far), 0)
        for end in (near, far):
            end.setblocking(False)
            self._watch(end)

    def _on(self, end: socket.socket, events: int) -> None:
        if end not in self._watched:
            return  # closed by an event of the same moment
        try:
            if events & selectors.EVENT_WRITE:
                self._send_to(end)
            if events & selectors.EVENT_READ:
                self._read_from(end)
        except BlockingIOError:
            pass
        except OSError:
            self._break()
            return
        if not self._unfinished:
            self._close()
            return
        for each in self._other:
            self._watch(each)

    def _read_from(self, end: socket.socket) -> None:
        """What one end says goes to the other one at once; read only when nothing waits for that one."""
        content = end.recv(CHUNK_BYTES)
        other = self._other[end]
        if content:
            self._unsent[other] = memoryview(content)
            self._send_to(other)
        else:
            self._unfinished.discard(end)
            other.shutdown(socket.SHUT_WR)

    def _send_to(self, end: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            self._unsent[end] = self._unsent[end][end.send(self._unsent[end]) :]

    def _watch(self, end: socket.socket) -> None:
        """Only for what can be done: a closed end that is watched for nothing else would be told of without a pause."""
        wanted = selectors.EVENT_WRITE if self._unsent[end] else 0
        if end in self._unfinished and not self._unsent[self._other[end]]:
            wanted |= selectors.EVENT_READ
        before, self._watched[end] = self._watched[end], wanted
        if wanted == before:
            return
        if before:
            self._selector.unregister(end)
        if wanted:
            self._selector.register(end, wanted, lambda events: self._on(end, events))

    def _break(self) -> None:
        """Whoever waits for the rest of an answer is to learn that it will not come."""
        with contextlib.suppress(OSError):
            self._near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._close()

    def _close(self) -> None:
        for end, watched in self._watched.items():
            if watched:
                self._selector.unregister(end)
            end.close()
        self._watched.clear()
        self._on_end()


def _connected(path: str) -> socket.socket:
    """By the socket's bare name: a whole path can be longer than an address may be (unix(7))."""
    folder, name = os.path.split(path)
    os.chdir(folder)
    far = socket.socket(socket.AF_UNIX)
    try:
        far.settimeout(CONNECT_TIMEOUT_SECONDS)
        far.connect(name)
    except OSError:
        far.close()
        raise
    return far


def _reset(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    end.close()
