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


class ThreadedHandler(ASGIHandler):
    """Django's ASGI handler with its middleware chain in plain form. A body is in memory: `limit_body` bounds it."""

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="request")

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
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _respond(self, scope: Scope, body: bytes) -> Any:
        request_started.send(sender=self.__class__, scope=scope)
        set_script_prefix(get_script_prefix(scope))
        request, refusal = self.create_request(scope, BytesIO(body))
        response: Any = refusal if request is None else self.get_response(request)
        response._handler_class = self.__class__  # noqa: SLF001 - the sender of Django's last signal
        if not response.streaming:
            response.close()  # its bytes are kept; ends the request for the thread's database connection
        return response


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
