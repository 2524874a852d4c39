"""The gateway's HTTP server: one for a sitting of an agent, on a unix socket that only its sandbox gets to see.

A call goes to the address that the operator has configured for its vendor and nowhere else: no redirect is followed, no
proxy of the environment is used. Answers pass through chunk by chunk as they come, never unpacked; who reads slowly
slows the model server down, and who hangs up ends the call.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import orjson
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from .addresses import Target, address, target, vendor_in
from .answers import AnswerWatch
from .credentials import forwarded, require_token, returned
from .errors import CallRefused
from .meter import Call, Meter
from .request_body import look_into, read_body
from .scrubbing import error_answer
from .upstream import Timeouts, Upstream
from .usage import NoUsage
from .vendors import VENDORS

MAX_CONNECTIONS = 64
"""Of one agent at once; more are closed unheard."""
CALLS_AT_ONCE = 16
"""More of them wait: each may hold a whole request body."""
_FIRST_REDIRECT = 300
_LET_GO_SECONDS = 0.01


def _is_told(record: logging.LogRecord) -> bool:
    """Not of a malformed request, which is answered 400: an agent could fill the server's log with them."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_logger = logging.getLogger(__name__)
_logger.addFilter(_is_told)


@contextlib.asynccontextmanager
async def open_gateway(
    socket_path: Path,
    upstreams: Mapping[str, Upstream],
    token: str,
    meter: Meter,
    timeouts: Timeouts = Timeouts(),  # noqa: B008  (frozen)
) -> AsyncIterator[None]:
    """Listens on the socket while the body runs; at the end calls under way are ended, and told to the meter.

    `upstreams` are the model servers by vendor (`vendors.VENDORS`). Every user may connect to the socket: its folder
    says who gets there. The path must be short (sun_path, about 100 characters): OSError else.
    """
    async with aiohttp.ClientSession(
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None, connect=timeouts.connect, sock_read=timeouts.silence),
        skip_auto_headers=(hdrs.USER_AGENT, hdrs.CONTENT_TYPE),
    ) as session:
        gateway = _Gateway(session, upstreams, token, meter, timeouts)
        server = web.Server(
            gateway.handle, handler_cancellation=True, access_log=None, auto_decompress=False, logger=_logger
        )
        listening = await asyncio.get_running_loop().create_unix_server(
            lambda: _accept(server), str(socket_path), backlog=MAX_CONNECTIONS // 4
        )
        try:
            os.chmod(socket_path, 0o666)  # noqa: PTH101, S103  (its folder says who gets there)
            yield
        finally:
            listening.close()
            await server.shutdown(_LET_GO_SECONDS)
            await gateway.rest()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(socket_path)  # noqa: PTH108  (the same)


def _accept(server: web.Server) -> asyncio.Protocol:
    return server() if len(server.connections) < MAX_CONNECTIONS else _Refusal()


class _Refusal(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()


class _Gateway:
    """Handles the requests of one sitting."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        upstreams: Mapping[str, Upstream],
        token: str,
        meter: Meter,
        timeouts: Timeouts,
    ) -> None:
        self._session, self._upstreams, self._token = session, upstreams, token
        self._meter, self._timeouts = meter, timeouts
        self._places = asyncio.Semaphore(CALLS_AT_ONCE)
        self._under_way: set[asyncio.Task[object]] = set()

    async def rest(self) -> None:
        """Returns when no call is under way any more."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Passes one request on and its answer back; errors are said as the vendor's clients read them."""
        task = asyncio.current_task()
        if task is not None:
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        try:
            return await self._handle(request)
        except TimeoutError:
            return _refused(request, CallRefused(504, "The model server did not answer in time."))
        except CallRefused as refusal:
            return _refused(request, refusal)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        require_token(request.headers, request.rel_url.raw_query_string, self._token)
        wanted = target(request.method, request.rel_url.raw_path)
        upstream = self._upstreams.get(wanted.key)
        if upstream is None:
            raise CallRefused(403, f"The server has no key for {wanted.key}: set providers.{wanted.key}.api_key.")
        async with self._places:
            body = await self._read(request)
            if wanted.route.reader is None:
                return await self._pass_on(request, wanted, upstream, body, None)
            model, body = look_into(wanted.route, body, wanted.model)
            call = Call(wanted.key, model)
            await self._meter.admit(call)
            return await self._pass_on(request, wanted, upstream, body, call)

    async def _read(self, request: web.BaseRequest) -> bytes:
        try:
            async with asyncio.timeout(self._timeouts.body):
                return await read_body(request)
        except TimeoutError:
            raise CallRefused(408, "The request's body did not come.") from None

    async def _pass_on(
        self, request: web.BaseRequest, wanted: Target, upstream: Upstream, body: bytes, call: Call | None
    ) -> web.StreamResponse:
        watch, is_counted = AnswerWatch((wanted.route.reader or NoUsage)()), call is not None
        try:
            async with await self._ask(request, wanted, upstream, body) as answer:
                if answer.status >= _FIRST_REDIRECT:
                    is_counted = False
                    return await error_answer(answer, wanted, upstream)
                return await _relay(request, answer, watch)
        except CallRefused:
            is_counted = False
            raise
        finally:  # who was asked and did not come to an answer may well have begun to think
            if call is not None and is_counted:
                self._meter.settle(call, watch.usage(body))

    async def _ask(
        self, request: web.BaseRequest, wanted: Target, upstream: Upstream, body: bytes
    ) -> aiohttp.ClientResponse:
        """The beginning of the answer."""
        headers = forwarded(request.headers.items(), request.headers.get(hdrs.CONNECTION, ""))
        headers.append((hdrs.ACCEPT_ENCODING, "identity"))
        if upstream.api_key is not None:
            headers.append(wanted.vendor.key_header(upstream.api_key))
        url = address(wanted, upstream.base_url, request.rel_url.raw_query_string)
        try:
            return await self._session.request(
                request.method, url, headers=headers, data=body or None, allow_redirects=False
            )
        except aiohttp.ConnectionTimeoutError:
            raise CallRefused(504, f"{_server_of(wanted)} cannot be reached in time.") from None
        except TimeoutError:
            raise
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise CallRefused(502, f"{_server_of(wanted)} cannot be reached: {reason}.") from None


def _refused(request: web.BaseRequest, refusal: CallRefused) -> web.Response:
    vendor = VENDORS.get(vendor_in(request.rel_url.raw_path), VENDORS["openai"])
    body = orjson.dumps(vendor.error_body(refusal.status, refusal.message))
    return web.Response(status=refusal.status, body=body, content_type="application/json")


def _server_of(wanted: Target) -> str:
    """Its address is for operators only; they know where it stands."""
    return f"The model server of {wanted.key} (providers.{wanted.key}.base_url)"


async def _relay(request: web.BaseRequest, answer: aiohttp.ClientResponse, watch: AnswerWatch) -> web.StreamResponse:
    """Passes the answer's bytes on. One that breaks off there breaks off here: nobody may take it for a whole one."""
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    for name, value in returned(answer.headers.items(), answer.headers.get(hdrs.CONNECTION, "")):
        response.headers.add(name, value)
    if answer.content_length is None and request.version >= aiohttp.HttpVersion11:
        response.enable_chunked_encoding()
    await response.prepare(request)
    watch.begin(answer.headers)
    try:
        async for chunk in answer.content.iter_any():
            try:
                await response.write(chunk)
            finally:
                watch.feed(chunk)
        await response.write_eof()
    except (TimeoutError, ConnectionError, aiohttp.ClientPayloadError, aiohttp.ClientOSError):
        if request.transport is not None:
            request.transport.abort()
    return response
