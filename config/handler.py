"""Serves Django's views from the ASGI application: a whole request in one thread of a kept pool.

`django.core.asgi` moves a request of plain views between threads once for each middleware, in a thread that it starts
and ends with the request, with a database connection of its own each time. All of our views and middleware are plain
functions: here a request crosses to a thread once, and the threads keep their connections (SQLite; those of PostgreSQL
come from Django's pool).
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_started
from django.urls import set_script_prefix

from config.api.edge import Message, Receive, Scope, Send

MAX_THREADS = 64
"""Requests at once in a web process; threads are started as they are needed. More requests wait their turn: commits and
pushes can take minutes, and must not keep all of them."""

BUSY_REQUESTS = 2
"""Requests that may compute at once. Python computes in one thread at a time: more of them only take the interpreter
from each other (at eight connections p99 was 5.3 times p50, with this 4.0; a tenth fewer requests/s without it)."""

BUSY_SECONDS = 0.005
"""A request that takes longer is taken to wait for a database, git or a remote: the next one's turn has come."""


class ThreadedHandler(ASGIHandler):
    """Django's ASGI handler with its middleware chain in plain form. A body is in memory: `limit_body` bounds it."""

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="request")
        self._turns = asyncio.Semaphore(BUSY_REQUESTS)

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read_body(receive)
        if body is None:
            return
        response = await self._in_thread(self._respond, scope, body)
        try:
            await self.send_response(response, send)
        finally:
            if response.streaming:
                await self._in_thread(response.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.handle(scope, receive, send)  # without Django's thread for each request

    async def _in_thread(self, work: Any, *arguments: Any) -> Any:
        """The work in one of the pool's threads, in a copy of the request's context (its id is in there)."""
        work = partial(copy_context().run, work, *arguments)
        await self._turns.acquire()
        loop, turn = asyncio.get_running_loop(), [self._turns]
        timer = loop.call_later(BUSY_SECONDS, _give_up, turn)
        try:
            return await loop.run_in_executor(self._threads, work)
        finally:
            timer.cancel()
            _give_up(turn)

    def _respond(self, scope: Scope, body: bytes) -> Any:
        request_started.send(sender=self.__class__, scope=scope)
        set_script_prefix(get_script_prefix(scope))
        request, refusal = self.create_request(scope, BytesIO(body))
        response: Any = refusal if request is None else self.get_response(request)
        response._handler_class = self.__class__  # noqa: SLF001 - the sender of Django's last signal
        if not response.streaming:
            response.close()  # its bytes are kept; ends the request for the thread's database connection
        return response


def _give_up(turn: list[asyncio.Semaphore]) -> None:
    """Once, whoever comes first: the timer or the end of the request."""
    if turn:
        turn.pop().release()


async def _read_body(receive: Receive) -> bytes | None:
    """None where the client went away first."""
    parts: list[bytes] = []
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
