"""A gateway on a socket, a meter that remembers, and a model server that does what a test says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from runs.execution.gateway.errors import CallRefused
from runs.execution.gateway.meter import Call
from runs.execution.gateway.server import open_gateway
from runs.execution.gateway.upstream import Timeouts, Upstream
from runs.execution.gateway.usage import Usage

TOKEN, KEY = "token-of-the-run", "sk-the-real-key"
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class RememberingMeter:
    """Admits what it is not told to refuse."""

    refusal: CallRefused | None = None
    admitted: list[Call] = field(default_factory=list)
    settled: list[tuple[Call, Usage]] = field(default_factory=list)

    async def admit(self, call: Call) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.admitted.append(call)

    def settle(self, call: Call, usage: Usage) -> None:
        self.settled.append((call, usage))


@dataclass
class Door:
    """What an agent sees: a client of the gateway's socket."""

    client: aiohttp.ClientSession
    meter: RememberingMeter
    seen: list[web.BaseRequest]
    bodies: list[bytes]

    def post(self, path: str, body: object, **more: object) -> "aiohttp.client._RequestContextManager":
        headers = {"Authorization": f"Bearer {TOKEN}", **(more.pop("headers", None) or {})}  # type: ignore[dict-item] # given by tests
        return self.client.post(f"http://gateway{path}", json=body, headers=headers, **more)  # type: ignore[arg-type] # the same


OpenDoor = Callable[..., "contextlib.AbstractAsyncContextManager[Door]"]


@contextlib.asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """A server of the handler's on loopback; gives its address."""
    server = web.Server(handler, handler_cancellation=True, access_log=None)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        await server.shutdown(0.01)


@pytest.fixture
def open_door(tmp_path: Path) -> OpenDoor:
    """Opens a gateway to a model server whose requests are answered by a handler."""

    @contextlib.asynccontextmanager
    async def opened(handler: Handler, *, path: str = "", **more: Timeouts) -> AsyncIterator[Door]:
        seen: list[web.BaseRequest] = []
        bodies: list[bytes] = []

        async def remembering(request: web.BaseRequest) -> web.StreamResponse:
            seen.append(request)
            bodies.append(await request.read())
            return await handler(request)

        async with served(remembering) as url:
            upstreams: Mapping[str, Upstream] = {
                vendor: Upstream(url + path, KEY) for vendor in ("anthropic", "openai", "google")
            }
            meter, socket = RememberingMeter(), tmp_path / "g.sock"
            async with (
                open_gateway(socket, upstreams, TOKEN, meter, **more),
                aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket))) as client,
            ):
                yield Door(client, meter, seen, bodies)

    return opened


def answering(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Handler:
    """A handler that gives one JSON answer."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return handler
