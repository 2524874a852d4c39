"""A reader of the stream that does not keep up: it costs the server no memory, and misses nothing."""

import json
import socket
import time

import psutil

from tests.flows.client import Client
from tests.flows.log_writer import long_run
from tests.processes import largest_bytes
from tests.serving import Server, StartServer

EVENTS, TEXT_BYTES = 6_000, 8_000
ALLOWED_GROWTH_BYTES = 24 * 1024 * 1024


def memory_bytes(server: Server) -> int:
    """Of the largest process of the server: the one that answers."""
    return largest_bytes(psutil.Process(server.process.pid).children(recursive=True))


def test_a_reader_that_stops_reading_costs_no_memory_and_misses_nothing(start_server: StartServer) -> None:
    server = start_server()
    client = Client(server)
    run = long_run(server, EVENTS, TEXT_BYTES)
    client.streamed(f"/runs/{run}/events/stream?follow=false&eventTypes=log")  # what a first stream costs is spent
    before = memory_bytes(server)

    host, _, port = server.address.removeprefix("http://").partition(":")
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        reader.settimeout(30)
        reader.connect((host, int(port)))
        head = f"GET /api/runs/{run}/events/stream?follow=false HTTP/1.0\r\nHost: x\r\n"
        reader.sendall(f"{head}Authorization: {client.http.headers['Authorization']}\r\n\r\n".encode())
        grown = []
        for _ in range(20):  # in this time a server that does not wait has sent all of it
            time.sleep(0.1)
            grown.append(memory_bytes(server) - before)
        whole = bytearray()
        while received := reader.recv(1 << 20):
            whole += received

    assert max(grown) < ALLOWED_GROWTH_BYTES
    sequence = [json.loads(line[6:])["seq"] for line in bytes(whole).split(b"\n") if line.startswith(b"data: ")]
    assert sequence == list(range(1, EVENTS + 1))
