"""The door of the event stream: `GET /api/runs/{run}/events/stream` and `GET /api/events/stream`.

It sits beside Django's middleware, not behind it: authentication, errors and headers are its own work.
"""

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import Any, cast

from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer

from config.api.problems import MethodNotAllowed, Problem, ServerError, problem_response
from config.api.throttle import Usage, headers_of
from runs.stream import access
from runs.stream.access import Entry
from runs.stream.asking import topic_of
from runs.stream.course import Course
from runs.stream.ending import end
from runs.stream.frames import opening
from runs.stream.hub import running_hub
from runs.stream.log import Topic
from runs.stream.places import Place

logger = logging.getLogger(__name__)
SEND_NOW = "quarterdeck.send_now"
"""The ASGI extension of our server (config/backpressure.py); another server's streams do without it."""
SETTLE = "quarterdeck.settle"
"""Another one: the stream has begun, and needs nothing of its request any more."""


class EventStreamConsumer(AsyncHttpConsumer):
    """One open stream. The work runs in a task, so that a vanished client is noticed while it streams."""

    stream: asyncio.Task[None] | None = None
    is_streaming = False

    def __init__(self) -> None:
        super().__init__()
        self.hub = running_hub()
        self.usages: list[Usage] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Nothing of the stream outlives the request, also when the server stops and cancels it.

        Without channel layers there is one source of messages: Channels' task for each would take 2 kB.
        """
        self.scope, self.base_send = scope, send
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            pass
        finally:
            await self._end()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without Channels' look at the database connections of the one thread that this door does not use."""
        await (self.http_request if message["type"] == "http.request" else self.http_disconnect)(message)

    async def http_request(self, message: dict[str, Any]) -> None:
        """Starts the stream; a body is not looked at."""
        if not message.get("more_body") and self.stream is None:
            self.stream = asyncio.create_task(self._answer())

    async def http_disconnect(self, message: dict[str, Any]) -> None:
        """The client is gone, or the answer is complete."""
        await self._end()
        raise StopConsumer

    async def _end(self) -> None:
        if self.stream is not None:
            await end(self.stream)

    async def _answer(self) -> None:
        try:
            await self._open()
        except Problem as problem:
            await self._refuse(problem)
        except Exception:
            logger.exception("A stream failed.")
            await self._refuse(ServerError())

    async def _refuse(self, problem: Problem) -> None:
        """A problem in place of the stream; once it has begun, its end."""
        if self.is_streaming:
            await self.send_body(b"")
            return
        response = await self.hub.doors.run(problem_response, problem, self.scope["path"])
        headers = encode_headers({**dict(response.items()), **headers_of(self.usages)})
        await self.send_response(problem.status_code, response.content, headers=headers)

    async def _open(self) -> None:
        if self.scope["method"] != "GET":
            refusal = MethodNotAllowed("A stream is opened by GET.")
            refusal.headers = {"Allow": "GET"}  # RFC 9110, section 15.5.6
            raise refusal
        topic = topic_of(self.scope)
        entry = await self._enter(topic)
        try:
            await self._stream(topic, entry)
        finally:
            freed = self.hub.places.free(entry.place)
        await freed  # who sees the end may open the next one
        await self.send_body(b"")

    async def _enter(self, topic: Topic) -> Entry:
        """In, or a problem. A client that leaves meanwhile gives back what it may just have been given."""
        path, query, headers = self.scope["path"], self.scope["query_string"], dict(self.scope["headers"])
        entering = self.hub.doors.start(access.enter, topic, path, query, headers, self.usages)
        try:
            return await asyncio.shield(entering)
        except asyncio.CancelledError:
            entering.add_done_callback(self._give_back)
            raise

    def _give_back(self, entering: "asyncio.Future[Entry]") -> None:
        if not entering.cancelled() and entering.exception() is None:
            self.hub.places.free(entering.result().place)

    async def _stream(self, topic: Topic, entry: Entry) -> None:
        """Streams until the client goes, access ends or, without `follow`, everything has been sent."""
        task = cast("asyncio.Task[None]", self.stream)  # this one: a stream that waits for a slow client ends too
        place = Place(entry.place, entry.watched, task.cancel)
        self.hub.places.hold(place, entry.replaced)
        send_now = self.scope.get("extensions", {}).get(SEND_NOW, lambda chunk: False)
        course = Course(self.hub, topic, entry.watched.user_id, entry.wishes, entry.cursor, self.send_chunk, send_now)
        try:
            await self._begin(entry.cursor)
            await course.run(entry.newest)
        except asyncio.CancelledError:
            if not place.is_lost:
                raise
            task.uncancel()

    async def _begin(self, cursor: int) -> None:
        self.is_streaming = True
        await self.send_headers(
            headers=[
                (b"Content-Type", b"text/event-stream"),
                (b"Cache-Control", b"no-store"),
                (b"X-Accel-Buffering", b"no"),
                *encode_headers(headers_of(self.usages)),
            ]
        )
        await self.send_chunk(opening(random.randint(2000, 5000), cursor))  # noqa: S311 - spreads reconnects
        self.usages.clear()
        self.scope.get("extensions", {}).get(SETTLE, lambda: None)()

    async def send_chunk(self, chunk: bytes) -> None:
        """Sends bytes of the stream."""
        await self.base_send({"type": "http.response.body", "body": chunk, "more_body": True})


def encode_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """As ASGI wants them."""
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
