"""The filtering proxy of one sandbox: HTTP for `http://`, CONNECT for all else, to the hosts of a list and no other.

It looks names up itself and connects to the very addresses that it has checked. One request a connection: no second one
can reach a host that was meant for another. What goes through a tunnel is the agent's and the host's secret.
"""

import asyncio
import contextlib
import http
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from runs.execution.network.allowlist import Allowlist
from runs.execution.network.bodies import BodyMalformed, Step, pass_all, pass_body
from runs.execution.network.connecting import Streams, connect
from runs.execution.network.errors import NotReachable, ProxyRefusal
from runs.execution.network.heads import Head, read_head

MAX_CONNECTIONS = 128
MAX_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 30
IDLE_SECONDS = 600
LET_GO_SECONDS = 1
MOST_TOLD = 100
"""Of one sandbox: who tries a thousand hosts fills no log."""
BROKEN = (BodyMalformed, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError)


@dataclass(frozen=True)
class Rules:
    """Who may be reached. `on_refusal` is called once for a host and port."""

    allowlist: Allowlist
    allow_private_hosts: bool
    on_refusal: Callable[[NotReachable], None]


@contextlib.asynccontextmanager
async def open_proxy(socket_path: Path, rules: Rules) -> AsyncIterator[None]:
    """Listens while the body runs; connections under way end with it.

    Every user may connect to the socket: its folder says who gets there. OSError when the path is too long (unix(7)).
    """
    proxy = _Proxy(rules)
    server = await asyncio.start_unix_server(proxy.serve, socket_path, limit=MAX_HEAD_BYTES)
    try:
        os.chmod(socket_path, 0o666)  # noqa: PTH101, S103  (one call that does not wait; see above)
        yield
    finally:
        server.close()
        await proxy.end()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(socket_path)  # noqa: PTH108  (the same)


class _Proxy:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._told: set[tuple[str, int]] = set()
        self._under_way: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its head to its end."""
        task = asyncio.current_task()
        if task is not None:
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        try:
            await self._carry(reader, writer)
        except ProxyRefusal as refusal:
            self._tell(refusal)
            with contextlib.suppress(*BROKEN):
                await _answer(reader, writer, refusal)
        except BROKEN:
            writer.transport.abort()
        except asyncio.CancelledError:  # by `end`, which waits for nothing but the end; Python 3.11 would log it
            writer.transport.abort()
        finally:
            writer.close()

    async def end(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._under_way) > MAX_CONNECTIONS:
            raise ProxyRefusal(503, f"The run has {MAX_CONNECTIONS} connections open: more are not carried.")
        head = read_head(await _head(reader))
        far_reader, far_writer = await self._reach(head)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(IDLE_SECONDS) as idle:
                carry = _tunnel if head.is_tunnel else _exchange
                near, far = (reader, writer), (far_reader, far_writer)
                await carry(head, near, far, lambda: idle.reschedule(loop.time() + IDLE_SECONDS))
        finally:
            far_writer.transport.abort()

    async def _reach(self, head: Head) -> Streams:
        host, port = head.host, head.port
        if not self._rules.allowlist.lets_through(host, port):
            raise NotReachable(
                host, port,
                f"{host}:{port} is not among the hosts that runs may reach. "
                "The server's operator can add it: safety.network_allowlist.",
                "safety.network_allowlist",
            )  # fmt: skip
        allow_private_hosts = self._rules.allow_private_hosts
        return await connect(host, port, allow_private_hosts=allow_private_hosts, limit_bytes=MAX_HEAD_BYTES)

    def _tell(self, refusal: ProxyRefusal) -> None:
        if not isinstance(refusal, NotReachable):
            return
        place = (refusal.host.lower(), refusal.port)
        if place not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(place)
            self._rules.on_refusal(refusal)


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(HEAD_SECONDS):
            return await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise ProxyRefusal(431, f"The request's head is larger than {MAX_HEAD_BYTES} bytes.") from None
    except TimeoutError:
        raise ProxyRefusal(408, "The request's head did not come in time.") from None


async def _tunnel(_: Head, near: Streams, far: Streams, step: Step) -> None:
    near[1].write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_one_way(near[0], far[1], step))
            both.create_task(_one_way(far[0], near[1], step))
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


async def _one_way(source: asyncio.StreamReader, target: asyncio.StreamWriter, step: Step) -> None:
    """To the source's end, and that end too: the other way may still have something to say."""
    await pass_all(source, target, step)
    target.write_eof()


async def _exchange(head: Head, near: Streams, far: Streams, step: Step) -> None:
    """One request and its answer, which may come before the whole body has gone."""
    far[1].write(head.passed_on)
    asking = asyncio.ensure_future(pass_body(near[0], far[1], head.length, step))
    answering = asyncio.ensure_future(pass_all(far[0], near[1], step))
    try:
        await asyncio.wait({asking, answering}, return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            with contextlib.suppress(OSError):  # a host that hangs up on the body may have said why
                asking.result()
        await answering
    finally:
        asking.cancel()
        answering.cancel()
        await asyncio.gather(asking, answering, return_exceptions=True)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, refusal: ProxyRefusal) -> None:
    """In the reason too: programs show that of a tunnel, and seldom the text."""
    reason = http.HTTPStatus(refusal.status).phrase
    if isinstance(refusal, NotReachable):
        reason = f"Closed by {refusal.param}"
    body = f"{refusal.message}\n".encode()
    fields = f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\nConnection: close"
    writer.write(f"HTTP/1.1 {refusal.status} {reason}\r\n{fields}\r\n\r\n".encode() + body)
    writer.write_eof()
    # Closed with something unread, the connection would be reset and the answer lost.
    async with asyncio.timeout(LET_GO_SECONDS):
        while await reader.read(MAX_HEAD_BYTES):
            pass
