"""Answers go out as fast as the client takes them; who takes nothing is given up."""

import contextlib
import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import ROOT, free_port, wait_until

pytestmark = pytest.mark.plumbing
TOTAL = 32 * 1024 * 1024
MANY, SHORT = 600, 60_000
NUMBERS = 2048 * 1024
SERVE = f"""
import sys, django
django.setup()
import config.backpressure
from config.web_server import make_server
config.backpressure.STALLED_SECONDS = float(sys.argv[2])

async def count(scope, send):
    # All numbers, eight bytes each, by the quick way where it is open.
    send_now = scope["extensions"]["quarterdeck.send_now"]
    early = send_now(b"early")
    settle = scope["extensions"]["quarterdeck.settle"]
    settle()  # nothing is sent yet, so nothing may be forgotten
    length = [(b"Content-Length", b"%d" % ({NUMBERS} * 8))] if scope["path"] == "/counted" else []
    await send({{"type": "http.response.start", "status": 200, "headers": length}})
    early = early or send_now(b"early") or send_now(b"")
    for first in range(0, {NUMBERS}, 2048):
        chunk = b"".join(b"%08d" % number for number in range(first, first + 2048))
        if send_now(chunk):
            print("at-once", flush=True)
        else:
            print("refused", flush=True)
            await send({{"type": "http.response.body", "body": chunk, "more_body": True}})
        settle()
    await send({{"type": "http.response.body"}})
    print("early" if early or send_now(b"late") else "ended", flush=True)

async def application(scope, receive, send):
    print("begun", flush=True)
    if scope["path"] in ("/counted", "/chunked"):
        await count(scope, send)
        return
    length = b"{SHORT}" if scope["path"] == "/short" else b"{TOTAL}"
    await send({{"type": "http.response.start", "status": 200, "headers": [(b"Content-Length", length)]}})
    if scope["path"] == "/short":
        await send({{"type": "http.response.body", "body": b"x" * {SHORT}}})
        return
    if scope["path"] == "/whole":
        await send({{"type": "http.response.body", "body": b"x" * {TOTAL}}})
        return
    try:
        for _ in range({TOTAL} // 2**20):
            await send({{"type": "http.response.body", "body": b"x" * 2**20, "more_body": True}})
            print("sent", flush=True)
        await send({{"type": "http.response.body"}})
    finally:
        print("ended", flush=True)

make_server(application, [f"tcp:{{sys.argv[1]}}:interface=127.0.0.1"]).run()
"""


class Web:
    """A server of one application that sends 32 MiB, and what that application says."""

    def __init__(self, folder: Path, stalled_seconds: float) -> None:
        self.port, self.said_path = free_port(), folder / "said"
        command = [sys.executable, "-c", SERVE, str(self.port), str(stalled_seconds)]
        with self.said_path.open("w") as said:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=said)

    def said(self, word: str) -> int:
        return self.said_path.read_text().split().count(word)

    def ask(self, path: str, *, close: bool = True) -> socket.socket:
        wait_until(self._listens)
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)  # else the kernel takes megabytes
        client.settimeout(30)
        client.connect(("127.0.0.1", self.port))
        connection = b"close" if close else b"keep-alive"
        client.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: %s\r\n\r\n" % (path.encode(), connection))
        return client

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False


@pytest.fixture
def web(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Web]:
    made = Web(tmp_path, getattr(request, "param", 60.0))
    yield made
    made.process.terminate()
    made.process.wait(20)


def read_all(client: socket.socket) -> int:
    """How many bytes of the body come until the server closes."""
    whole = bytearray()
    while received := client.recv(1 << 20):
        whole += received
    return len(bytes(whole).partition(b"\r\n\r\n")[2])


def test_an_application_waits_for_its_client(web: Web) -> None:
    with web.ask("/pieces") as client:
        wait_until(lambda: web.said("begun"))
        with pytest.raises(AssertionError):  # it does not get on while nobody reads
            wait_until(lambda: web.said("sent") > 16, 2)
        assert read_all(client) == TOTAL
        wait_until(lambda: web.said("ended"))


def test_a_body_in_one_piece_arrives_whole(web: Web) -> None:
    with web.ask("/whole") as client:
        assert read_all(client) == TOTAL


@pytest.mark.parametrize("web", [0.5], indirect=True)
def test_a_client_that_takes_nothing_is_given_up(web: Web) -> None:
    with web.ask("/pieces") as client:
        wait_until(lambda: web.said("ended"))
        with contextlib.suppress(ConnectionResetError):
            assert read_all(client) < TOTAL


def test_an_application_does_not_wait_for_a_client_that_is_gone(web: Web) -> None:
    with web.ask("/pieces") as client:
        client.recv(1000)
    wait_until(lambda: web.said("ended"))


def test_answers_to_requests_sent_ahead_wait_too(web: Web) -> None:
    with web.ask("/short", close=False) as client:
        client.sendall(b"GET /short HTTP/1.1\r\nHost: x\r\n\r\n" * (MANY - 1))
        wait_until(lambda: web.said("begun"))
        with pytest.raises(AssertionError):  # it does not get on while nobody reads
            wait_until(lambda: web.said("begun") > MANY // 2, 2)
        left = MANY * SHORT
        while left > 0:
            left -= len(client.recv(1 << 20))
    wait_until(lambda: web.said("begun") == MANY)


@pytest.mark.parametrize("path", ["/counted", "/chunked"])
def test_what_is_sent_at_once_keeps_its_place_among_what_waits(web: Web, path: str) -> None:
    with web.ask(path) as client:
        wait_until(lambda: web.said("refused"))  # the client's buffers are full
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert (answer.getheader("Transfer-Encoding") == "chunked") is (path == "/chunked")
        assert answer.read() == b"".join(b"%08d" % number for number in range(NUMBERS))
    wait_until(lambda: web.said("ended"))
    assert web.said("at-once")
