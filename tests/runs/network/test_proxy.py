"""The filtering proxy, asked by plain sockets as a hostile agent would, in front of a host of the test's own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from runs.execution.network import proxy as proxy_module
from runs.execution.network.allowlist import Allowlist
from runs.execution.network.errors import NotReachable
from runs.execution.network.proxy import Rules, open_proxy

pytestmark = pytest.mark.plumbing

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class Host:
    """A server on loopback that notes what it gets, and answers once that ends with the text `end`."""

    def __init__(self, end: bytes) -> None:
        self.got, self._end, self.port = b"", end, 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not self.got.endswith(self._end) and (content := await reader.read(65536)):
            self.got += content
        writer.write(ANSWER)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()


class Way:
    """A proxy with its socket, and what it told of refusals."""

    def __init__(self, socket: Path, host: Host) -> None:
        self.socket, self.host = socket, host
        self.refusals: list[NotReachable] = []

    async def ask(self, request: bytes, *, is_ended: bool = True) -> bytes:
        """All that comes back to these bytes."""
        reader, writer = await asyncio.open_unix_connection(self.socket)
        writer.write(request)
        if is_ended:
            writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer


@contextlib.asynccontextmanager
async def way(
    folder: Path, entries: Iterable[str] = ("localhost:PORT",), *, allow_private: bool = True, end: bytes = b"\r\n\r\n"
) -> AsyncIterator[Way]:
    host = Host(end)
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0)
    host.port = server.sockets[0].getsockname()[1]
    made = Way(folder / "s", host)
    allowlist = Allowlist(entry.replace("PORT", str(host.port)) for entry in entries)
    async with server, open_proxy(made.socket, Rules(allowlist, allow_private, made.refusals.append)):
        yield made


async def test_a_request_reaches_a_host_of_the_list(tmp_path: Path) -> None:
    async with way(tmp_path) as made:
        answer = await made.ask(b"GET http://localhost:%d/a HTTP/1.1\r\nHost: x\r\n\r\n" % made.host.port)

    assert answer == ANSWER
    assert made.host.got.startswith(b"GET /a HTTP/1.1\r\nHost: localhost:%d\r\n" % made.host.port)


async def test_a_tunnel_carries_bytes_both_ways_and_each_end(tmp_path: Path) -> None:
    async with way(tmp_path, end=b"never") as made:
        answer = await made.ask(b"CONNECT localhost:%d HTTP/1.1\r\n\r\n\x16\x03 any bytes" % made.host.port)

    assert made.host.got == b"\x16\x03 any bytes"
    assert answer == b"HTTP/1.1 200 Connection established\r\n\r\n" + ANSWER


async def test_a_body_in_chunks_arrives_whole_and_without_its_extras(tmp_path: Path) -> None:
    body = b"3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
    async with way(tmp_path, end=b"0\r\n\r\n") as made:
        start = b"POST http://localhost:%d/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" % made.host.port
        assert await made.ask(start + body) == ANSWER

    assert made.host.got.partition(b"\r\n\r\n")[2] == b"3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n"


async def test_a_second_request_of_a_connection_goes_nowhere(tmp_path: Path) -> None:
    async with way(tmp_path, end=b"abc") as made:
        first = b"POST http://localhost:%d/ HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc" % made.host.port
        assert await made.ask(first + b"GET /inner HTTP/1.1\r\nHost: inner.example\r\n\r\n") == ANSWER

    assert b"inner" not in made.host.got


async def test_a_malformed_chunk_is_not_passed_on(tmp_path: Path) -> None:
    async with way(tmp_path, end=b"smuggled") as made:
        start = b"POST http://localhost:%d/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" % made.host.port
        with contextlib.suppress(ConnectionError):
            await made.ask(start + b"0x3\r\nabc\r\n0\r\n\r\nsmuggled")

    assert b"smuggled" not in made.host.got


async def test_an_answer_comes_before_the_body_has_gone(tmp_path: Path) -> None:
    async with way(tmp_path) as made:
        start = b"POST http://localhost:%d/ HTTP/1.1\r\nContent-Length: 100\r\n\r\n" % made.host.port
        assert await made.ask(start, is_ended=False) == ANSWER


async def test_another_host_is_refused_by_name_with_the_param(tmp_path: Path) -> None:
    async with way(tmp_path) as made:
        answer = await made.ask(b"GET http://evil.example/ HTTP/1.1\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 403 Closed by safety.network_allowlist\r\n")
    assert b"evil.example:80 is not among" in answer.partition(b"\r\n\r\n")[2]


async def test_what_was_refused_is_told_once(tmp_path: Path) -> None:
    async with way(tmp_path) as made:
        for host in (b"one.example", b"ONE.example", b"two.example"):
            await made.ask(b"CONNECT %b:443 HTTP/1.1\r\n\r\n" % host)

    assert [refusal.host for refusal in made.refusals] == ["one.example", "two.example"]


async def test_a_refusal_of_a_large_request_is_read_whole(tmp_path: Path) -> None:
    async with way(tmp_path) as made:
        start = b"POST http://evil.example/ HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n"
        assert b"evil.example" in await made.ask(start + b"x" * 4_000_000)


async def test_a_listed_name_that_stands_for_this_machine_is_refused(tmp_path: Path) -> None:
    async with way(tmp_path, allow_private=False) as made:
        answer = await made.ask(b"CONNECT localhost:%d HTTP/1.1\r\n\r\n" % made.host.port)

    assert answer.startswith(b"HTTP/1.1 403 Closed by safety.allow_private_hosts\r\n")
    assert made.host.got == b""


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "2130706433", "0x7f.1", "0177.0.0.1", "127.1",
        "169.254.169.254", "[fd00:ec2::254]", "0.0.0.0", "localhost.", "x.localhost",  # noqa: S104
    ],
)  # fmt: skip
async def test_no_spelling_of_this_machine_or_of_metadata_gets_through(tmp_path: Path, host: str) -> None:
    entries = [f"{entry}:PORT" for entry in ("127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost")]
    entries += ["169.254.169.254:PORT", "0.0.0.0:PORT", "*.localhost:PORT"]
    async with way(tmp_path, entries, allow_private=False) as made:
        answer = await made.ask(b"CONNECT %b:%d HTTP/1.1\r\n\r\n" % (host.encode(), made.host.port))

    assert answer.startswith((b"HTTP/1.1 403", b"HTTP/1.1 502 Bad Gateway"))
    assert made.host.got == b""


async def test_another_port_of_a_listed_host_is_refused(tmp_path: Path) -> None:
    async with way(tmp_path, ["localhost"]) as made:
        answer = await made.ask(b"CONNECT localhost:%d HTTP/1.1\r\n\r\n" % made.host.port)

    assert answer.startswith(b"HTTP/1.1 403")


async def test_a_host_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    async with way(tmp_path, ["localhost:1", "no-such-host.invalid"]) as made:
        closed = await made.ask(b"CONNECT localhost:1 HTTP/1.1\r\n\r\n")
        unknown = await made.ask(b"CONNECT no-such-host.invalid:443 HTTP/1.1\r\n\r\n")

    assert closed.startswith(b"HTTP/1.1 502 Bad Gateway")
    assert b"localhost:1 cannot be reached" in closed
    assert b"no-such-host.invalid could not be found" in unknown


async def test_an_endless_head_is_cut_off(tmp_path: Path) -> None:
    async with way(tmp_path) as made:
        assert (await made.ask(b"GET http://localhost/" + b"a" * 100_000)).startswith(b"HTTP/1.1 431")


async def test_a_connection_too_many_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_module, "MAX_CONNECTIONS", 1)
    async with way(tmp_path) as made:
        _, writer = await asyncio.open_unix_connection(made.socket)
        answer = await made.ask(b"GET http://localhost/ HTTP/1.1\r\n\r\n")
        writer.close()

    assert answer.startswith(b"HTTP/1.1 503")


async def test_an_idle_tunnel_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_module, "IDLE_SECONDS", 0.05)
    async with way(tmp_path, end=b"never") as made:
        with contextlib.suppress(ConnectionError):
            request = b"CONNECT localhost:%d HTTP/1.1\r\n\r\n" % made.host.port
            assert await made.ask(request, is_ended=False) == b"HTTP/1.1 200 Connection established\r\n\r\n"


async def test_the_proxys_end_ends_its_tunnels(tmp_path: Path) -> None:
    async with way(tmp_path, end=b"never") as made:
        reader, writer = await asyncio.open_unix_connection(made.socket)
        writer.write(b"CONNECT localhost:%d HTTP/1.1\r\n\r\n" % made.host.port)
        await reader.readuntil(b"\r\n\r\n")

    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert not made.socket.exists()
