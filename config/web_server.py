"""The web server's own edge: daphne, with bodies bounded before they are kept and every refusal a problem.

Twisted gathers a whole body, past 100 kB in a file, before any application is asked. Here it gathers 2 MiB at most, in
memory; a longer body is cut off, the application answers 413, and the connection is closed.
"""

import asyncio
import socket
from collections.abc import Sequence
from functools import partial
from io import BytesIO
from typing import Any

from daphne.server import Server  # first: it installs the reactor

from twisted.web.http import HTTPChannel  # isort: skip

from config.api.body_limit import MAX_BODY_BYTES
from config.api.edge import Application, Message, problem_messages
from config.api.problems import Problem, ServerError
from config.api.request_id import choose_request_id, current_request_id
from config.backpressure import PatientRequest, PatientServer

REQUEST_SECONDS = 120.0  # for headers and body together, however slowly they trickle
LINGER_SECONDS = 5.0
UNHEARD_SECONDS = 10
PROBE_SECONDS = 5


class _CutOff(Exception):
    """A body without a declared length went past the limit."""


class BoundedRequest(PatientRequest):
    """A request whose body is kept in memory, up to one byte past the limit."""

    content: Any

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's names, here and below
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        room = MAX_BODY_BYTES + 1 - self.content.tell()
        self.content.write(data[:room])
        if len(data) >= room:
            raise _CutOff

    def process(self) -> Any:
        # There are no WebSockets here, and an upgrade may be ignored (RFC 9110, section 7.8).
        self.requestHeaders.removeHeader(b"Upgrade")
        if self.path.endswith(b"/events/stream"):
            _drop_when_unheard(self.channel.transport)
        return super().process()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Daphne's own refusals: malformed headers or addresses, and an application that broke off."""
        if self._response_started:
            if self.channel is not None:
                self.channel.forceAbortClient()
            return
        problem = ServerError() if status >= 500 else Problem(f"{body}.")
        self.refusal = asyncio.ensure_future(self._refuse(problem))

    async def _refuse(self, problem: Problem) -> None:
        path = self.path.decode("ascii", "replace")
        offered = self.requestHeaders.getRawHeaders("X-Request-ID") or [""]
        for message in await _messages(problem, path, offered[0]):
            self.handle_reply(message)


class BoundedChannel(HTTPChannel):
    """A connection that reads no more of a body than it may, and no longer than it may."""

    transport: Any
    is_cut_off = False
    deadline: Any = None

    def connectionMade(self) -> None:  # noqa: N802
        super().connectionMade()
        self.requestFactory = BoundedRequest  # daphne's factory has set its own by now

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if self.is_cut_off:
            return
        if self.deadline is None and not self._handlingRequest:
            self.deadline = self.callLater(REQUEST_SECONDS, self.timeoutConnection)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:  # noqa: N802
        too_long = self.length is not None and self.length > MAX_BODY_BYTES
        if too_long:
            self.requests[-1].requestHeaders.removeHeader(b"Expect")  # or the client would be told to go on
        super().allHeadersReceived()
        if too_long:
            self._cut_off()
            self.length = 0  # the request is handed on without its body

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802
        try:
            super().rawDataReceived(data)
        except _CutOff:
            self._cut_off()
            self.allContentReceived()

    def allContentReceived(self) -> None:  # noqa: N802
        self._end_deadline()
        super().allContentReceived()

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        self._end_deadline()
        super().connectionLost(reason)

    def loseConnection(self) -> None:  # noqa: N802
        """Closes; where the client may still be sending, in a way that lets it read the answer first."""
        if not self.is_cut_off:
            super().loseConnection()
            return
        # Closed with unread bytes in it, a connection is reset, and the answer may be lost with it.
        network: Any = self._networkProducer
        network.unregisterProducer()
        self.transport.loseWriteConnection()
        network.resumeProducing()
        self.callLater(LINGER_SECONDS, self.transport.abortConnection)

    def _cut_off(self) -> None:
        self.is_cut_off, self.persistent = True, False
        self.requests[-1].responseHeaders.setRawHeaders(b"Connection", [b"close"])

    def _end_deadline(self) -> None:
        if self.deadline is not None and self.deadline.active():
            self.deadline.cancel()
        self.deadline = None

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        self._respondToBadRequestAndDisconnect()

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        """What is no HTTP at all: Twisted would answer a bare status line."""
        self.is_cut_off = self.paused = True
        self.refusal = asyncio.ensure_future(self._refuse())

    async def _refuse(self) -> None:
        start, body = await _messages(Problem("This is not HTTP as it should be."), "", "")
        lines = [b"HTTP/1.1 400 Bad Request", b"Connection: close", *map(b": ".join, start["headers"]), b"", b""]
        self.transport.write(b"\r\n".join(lines) + body["body"])
        self.loseConnection()


def _drop_when_unheard(transport: Any) -> None:
    """The connection ends once nothing is heard for UNHEARD_SECONDS: a vanished client says no goodbye.

    What was sent and stays unacknowledged ends it by the user timeout (RFC 5482, Linux); where nothing is sent, TCP's
    own probes (RFC 9293, section 3.8.4) ask the client's system, and the same time ends it. The two probes are also
    counted, for systems without such a timeout.
    """
    connection = transport.getHandle()
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wanted = {
        "TCP_KEEPIDLE": PROBE_SECONDS,
        "TCP_KEEPALIVE": PROBE_SECONDS,  # as macOS calls it
        "TCP_KEEPINTVL": PROBE_SECONDS,
        "TCP_KEEPCNT": 2,
        "TCP_USER_TIMEOUT": UNHEARD_SECONDS * 1000,
    }
    for name, value in wanted.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def _messages(problem: Problem, instance: str, offered: str) -> Sequence[Message]:
    current_request_id.set(choose_request_id(offered))
    return await problem_messages(problem, instance)


def make_server(application: Application, endpoints: Sequence[str]) -> Server:
    """Daphne with bounded connections."""
    server = PatientServer(application, endpoints=endpoints, signal_handlers=True, server_name="quarterdeck")
    server.ready_callable = partial(_bound, server)
    return server


def _bound(server: Server) -> None:
    factory: Any = server.http_factory
    factory.protocol = BoundedChannel
