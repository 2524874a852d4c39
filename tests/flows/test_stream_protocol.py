"""What the bytes of a stream are for clients of every kind: old HTTP, compression, header names, first bytes, pings."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile

import pytest

from tests.databases import Migrated
from tests.flows.client import Client
from tests.flows.log_writer import LogWriter, writing
from tests.serving import Server, serving

BUFFERED_BYTES = 512  # so many does URLSession hold back


def stream_of(writer: LogWriter) -> str:
    return f"/api/runs/{writer.run}/events/stream"


class Shared:
    """A server for all of these tests, none of which harms it, and a run with three events and no more."""

    def __init__(self, server: Server, writer: LogWriter) -> None:
        self.server, self.writer, self.path = server, writer, stream_of(writer)
        self.host, _, port = server.address.removeprefix("http://").partition(":")
        self.port = int(port)
        self.token = Client(server).http.headers["Authorization"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, migrated: Migrated) -> Iterator[Shared]:
    with serving(tmp_path_factory.mktemp("shared"), migrated) as start, writing(server := start(), 3) as writer:
        yield Shared(server, writer)


@pytest.fixture
def own(shared: Shared) -> Iterator[LogWriter]:
    """A run of the test's own on the shared server."""
    with writing(shared.server, 1) as started:
        yield started


@contextmanager
def asked(shared: Shared, request: str, *headers: str) -> Iterator[socket.socket]:
    """A connection with a request on it: its first line, and headers beside the token."""
    with socket.create_connection((shared.host, shared.port), timeout=60) as connection:
        lines = [request, f"Host: {shared.host}", f"Authorization: {shared.token}", *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode())
        yield connection


def said(shared: Shared, request: str, *headers: str) -> tuple[str, bytes]:
    """The head and the body of an answer that ends by itself."""
    with asked(shared, request, *headers) as connection:
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode().lower(), body


def ids(body: bytes) -> list[int]:
    """Of the events in a body that is not chunked."""
    return [json.loads(line[6:])["id"] for line in body.split(b"\n") if line.startswith(b"data: ")]


def test_http_1_0_gets_the_plain_bytes_until_the_end(shared: Shared) -> None:
    head, body = said(shared, f"GET {shared.path}?follow=false HTTP/1.0")
    assert "transfer-encoding" not in head
    assert body.startswith(b"retry: ")
    assert body.endswith(b"\n\n")
    assert ids(body) == [row["id"] for row in shared.writer.rows()]


@pytest.mark.parametrize("name", ["Last-Event-ID", "last-event-id", "LAST-EVENT-ID"])
def test_the_name_of_the_header_may_be_written_in_any_way(shared: Shared, name: str) -> None:
    first, *rest = [row["id"] for row in shared.writer.rows()]
    _, body = said(shared, f"GET {shared.path}?follow=false HTTP/1.0", f"{name}: {first}")
    assert ids(body) == rest


def test_an_empty_id_is_none_and_the_header_goes_before_the_parameter(shared: Shared) -> None:
    first, second, third = [row["id"] for row in shared.writer.rows()]
    _, body = said(shared, f"GET {shared.path}?follow=false HTTP/1.0", "Last-Event-ID: ")
    assert ids(body) == [first, second, third]
    _, body = said(shared, f"GET {shared.path}?follow=false&lastEventId={first} HTTP/1.0", "Last-Event-ID:")
    assert ids(body) == [second, third]
    _, body = said(shared, f"GET {shared.path}?follow=false&lastEventId={first} HTTP/1.0", f"Last-Event-ID: {second}")
    assert ids(body) == [third]


def test_nothing_is_compressed_and_nothing_negotiated(shared: Shared) -> None:
    asks = ("Accept-Encoding: gzip, deflate, br, zstd", "Accept: application/json", "TE: gzip")
    head, body = said(shared, f"GET {shared.path}?follow=false HTTP/1.0", *asks)
    assert "content-encoding" not in head
    assert "content-type: text/event-stream\r\n" in head + "\r\n"
    assert len(ids(body)) == 3


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
def test_a_stream_is_opened_by_get_only(shared: Shared, method: str) -> None:
    head, body = said(shared, f"{method} {shared.path} HTTP/1.0")
    assert head.startswith(("http/1.0 405", "http/1.1 405"))
    assert "\r\nallow: get" in head
    assert (body == b"") is (method == "HEAD")


def test_an_idle_stream_says_at_once_where_it_is(shared: Shared) -> None:
    """Long before the first ping, and with so many bytes that no client holds them back."""
    newest = shared.writer.last_id()
    for path in (f"{shared.path}?lastEventId={newest}", "/api/events/stream"):
        with asked(shared, f"GET {path} HTTP/1.0") as connection, connection.makefile("rb") as answer:
            while answer.readline().strip():
                pass
            lines = [answer.readline() for _ in range(4)]
        assert lines[0].startswith(b"retry: ")
        assert (lines[1][:4], lines[2][:1], lines[3]) == (b"id: ", b":", b"\n")
        assert len(b"".join(lines)) >= BUFFERED_BYTES
    assert int(lines[1][4:]) >= 0


def test_the_user_stream_resumes_from_its_first_block(shared: Shared, own: LogWriter) -> None:
    """A client that was cut off before any event still has a place."""
    with asked(shared, "GET /api/events/stream HTTP/1.0") as connection, connection.makefile("rb") as answer:
        place = next(line[4:].decode().strip() for line in answer if line.startswith(b"id: "))
    own.append(2, "run_paused")
    _, body = said(shared, "GET /api/events/stream?follow=false HTTP/1.0", f"Last-Event-ID: {place}")
    assert ids(body) == [row["id"] for row in own.rows() if row["eventType"] == "run_paused"]


@pytest.mark.once
def test_a_ping_moves_the_place_of_a_filtered_stream_on(shared: Shared, own: LogWriter) -> None:
    with (
        asked(shared, f"GET {stream_of(own)}?eventTypes=log HTTP/1.0") as connection,
        connection.makefile("rb") as answer,
    ):
        own.append(1)
        newest = own.last_id()
        *_, before = takewhile(lambda line: line != b":ping\n", answer)
    assert before == b"id: %d\n" % newest
