"""Streams leave nothing behind in a real server, however their clients go: no reader, thread, file, place or memory.

`STREAM_CONNECTIONS=10000` makes as many connections as a long look wants; four hundred are made without it.
"""

import asyncio
import contextlib
import ctypes
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psutil
import pytest

from tests.databases import Migrated
from tests.flows.client import Client, web_process
from tests.flows.log_writer import long_run
from tests.serving import ROOT, Server, StartServer, serving, wait_until

pytestmark = pytest.mark.once
CONNECTIONS = int(os.environ.get("STREAM_CONNECTIONS", "400"))
AT_ONCE, ROUNDS = 20, 4
EVENTS, TEXT_BYTES = 1_000, 200
ALLOWED_GROWTH_BYTES = 32 * 1024 * 1024
"""For what many at once leave to the allocator, the same for four hundred connections as for ten thousand."""

SO_ATTACH_FILTER = 26  # asm-generic/socket.h
COUNT = "import django; django.setup(); from accounts.models import StreamLease; print(StreamLease.objects.count())"


@dataclass
class Streaming:
    """A server with a run of many events, and the token of somebody who may open any number of streams."""

    server: Server
    run: int
    authorization: str

    def __post_init__(self) -> None:
        host, _, port = self.server.address.removeprefix("http://").partition(":")
        self.address = (host, int(port))
        self.web = web_process(self.server)

    def request(self, query: str = "") -> bytes:
        path = f"/api/runs/{self.run}/events/stream{query}"
        return f"GET {path} HTTP/1.0\r\nHost: x\r\nAuthorization: {self.authorization}\r\n\r\n".encode()

    def open(self) -> socket.socket:
        """A stream that has come to its first event."""
        connection = socket.create_connection(self.address, timeout=30)
        connection.sendall(self.request())
        received = b""
        while b"\ndata: " not in received:
            part = connection.recv(4096)
            assert part, received
            received += part
        return connection

    def figures(self) -> tuple[int, int]:
        """The open streams and the readers of the web process, as its metrics tell them."""
        text = httpx.get(f"{self.server.address}/metrics", trust_env=False, timeout=30).text
        found = dict(re.findall(r"^(quarterdeck_process_stream\w+) (\S+)$", text, re.MULTILINE))
        return int(float(found["quarterdeck_process_streams"])), int(float(found["quarterdeck_process_stream_readers"]))

    def is_empty(self) -> bool:
        return self.figures() == (0, 0)

    def leases(self) -> int:
        command, environment = [sys.executable, "-c", COUNT], self.server.environment
        return int(subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True).stdout)


def start_streaming(start: StartServer) -> Streaming:
    """A server for streams."""
    server = start(QUARTERDECK_PARAM_LIMITS_STREAMS_PER_USER="1000", QUARTERDECK_PARAM_API_PUBLIC_METRICS="true")
    run = long_run(server, EVENTS, TEXT_BYTES)
    authorization = Client(server).http.headers["Authorization"]
    Client.close_all()
    return Streaming(server, run, authorization)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, migrated: Migrated) -> Iterator[Streaming]:
    """One for the tests that do it no harm."""
    with serving(tmp_path_factory.mktemp("shared"), migrated) as start:
        yield start_streaming(start)


def make_deaf(connection: socket.socket) -> None:
    """From now on the kernel drops what comes for the socket: it acknowledges nothing and resets nothing.

    A classic BPF program of one instruction, `ret #0` (linux/filter.h).
    """
    instruction = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    program = struct.pack("HP", 1, ctypes.addressof(instruction))
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


@pytest.mark.skipif(sys.platform != "linux", reason="socket filters are Linux's")
def test_a_client_that_is_silently_gone_is_forgotten(shared: Streaming) -> None:
    with shared.open() as connection:
        assert shared.figures() == (1, 1)
        make_deaf(connection)
        wait_until(shared.is_empty, 30)
        wait_until(lambda: shared.leases() == 0)


class _Leaving(asyncio.Protocol):
    """A client that leaves in the way that its number says."""

    def __init__(self, request: bytes, number: int) -> None:
        self._request, self._way = request, number % 4
        self.gone = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)
        if self._way == 3:  # before it has been let in
            asyncio.get_running_loop().call_later(0.002, self._reset)

    def data_received(self, data: bytes) -> None:
        if self._way == 0 and b"\ndata: " in data:  # in the middle of the replay
            self._transport.abort()
        elif self._way == 1:
            self._reset()

    def _reset(self) -> None:
        """The end by RST."""
        connection = self._transport.get_extra_info("socket")
        if connection is not None and not self._transport.is_closing():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)


async def come_and_go(streaming: Streaming, count: int) -> None:
    """So many connections, many at once; of four one breaks off, two reset, one reads to the end."""
    places = asyncio.Semaphore(AT_ONCE)
    loop = asyncio.get_running_loop()

    async def one(number: int) -> None:
        request = streaming.request("?follow=false" if number % 4 == 2 else "")
        async with places:
            _, protocol = await loop.create_connection(lambda: _Leaving(request, number), *streaming.address)
            await protocol.gone

    await asyncio.gather(*(one(number) for number in range(count)))


def test_streams_that_come_and_go_leave_nothing(shared: Streaming) -> None:
    process = psutil.Process(shared.web.pid)
    seen = []
    for _ in range(ROUNDS):
        asyncio.run(come_and_go(shared, CONNECTIONS // ROUNDS))
        wait_until(shared.is_empty)
        seen.append((process.memory_info().rss, process.num_threads(), process.num_fds()))
    wait_until(lambda: shared.leases() == 0)
    memory, threads, files = zip(*seen, strict=True)  # the first round pays for what is kept for good
    assert memory[-1] - memory[0] < ALLOWED_GROWTH_BYTES, memory
    assert threads[-1] <= threads[0] + 2, threads
    wait_until(lambda: process.num_fds() <= files[0] + 2)


def test_a_server_that_stops_ends_its_streams(start_server: StartServer) -> None:
    streaming = start_streaming(start_server)
    connections = [streaming.open() for _ in range(5)]
    assert streaming.server.stop() == 0
    for connection in connections:
        with connection, contextlib.suppress(ConnectionResetError):
            while connection.recv(1 << 20):
                pass
