"""The door of the event stream: `GET /api/runs/{run}/events/stream` and `GET /api/events/stream`.

It sits beside Django's middleware, not behind it: authentication, errors and headers are its own work.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer
from django.db import connections

from config.api.problems import (
    InvalidCursor,
    InvalidParameter,
    MethodNotAllowed,
    Problem,
    ServerError,
    problem_response,
)
from config.api.throttle import Usage, count, headers_of
from runs.filters import EventFilter, read_filter
from runs.stream import access, log
from runs.stream.ending import end
from runs.stream.frames import PING, Batch, Frame, make_batch
from runs.stream.hub import Hub, Reader, running_hub
from runs.stream.log import Topic
from runs.stream.places import Place

logger = logging.getLogger(__name__)
PING_SECONDS = 15.0
ACCESS_SECONDS = 4.0
MAX_CLIENT_LENGTH = 100
PARAMETERS = frozenset({"lastEventId", "eventTypes", "severity", "path", "follow", "client"})


class EventStreamConsumer(AsyncHttpConsumer):
    """One open stream. The work runs in a task, so that a vanished client is noticed while it streams."""

    stream: asyncio.Task[None] | None = None
    usages: tuple[Usage, ...] = ()

    async def http_request(self, message: dict[str, Any]) -> None:
        """Starts the stream; a body is not looked at."""
        if not message.get("more_body") and self.stream is None:
            self.stream = asyncio.create_task(self._answer())

    async def http_disconnect(self, message: dict[str, Any]) -> None:
        """The client is gone, or the answer is complete."""
        if self.stream is not None:
            await end(self.stream)
        raise StopConsumer

    async def _answer(self) -> None:
        headers = dict(self.scope["headers"])
        try:
            async with ThreadSensitiveContext():
                try:
                    await self._open(headers)
                finally:  # the stream's own thread ends here: its connection goes back to the pool
                    await sync_to_async(connections.close_all)()
        except Problem as problem:
            await self._refuse(problem)
        except Exception:
            logger.exception("A stream failed.")
            await self._refuse(ServerError())

    async def _refuse(self, problem: Problem) -> None:
        """A problem in place of the stream; once it has begun, its end."""
        if getattr(self, "is_streaming", False):
            await self.send_body(b"")
            return
        response = await database_sync_to_async(problem_response)(problem, self.scope["path"])
        headers = encode_headers({**dict(response.items()), **headers_of(self.usages)})
        await self.send_response(problem.status_code, response.content, headers=headers)

    async def _open(self, headers: dict[bytes, bytes]) -> None:
        if self.scope["method"] != "GET":
            refusal = MethodNotAllowed("A stream is opened by GET.")
            refusal.headers = {"Allow": "GET"}  # RFC 9110, section 15.5.6
            raise refusal
        visitor = await self._recognise(headers)
        named = self.scope["url_route"]["kwargs"].get("run")
        run_id = None if named is None else int(named)
        await database_sync_to_async(access.admit)(visitor, run_id)
        parameters = read_parameters(self.scope["query_string"])
        hub, topic = running_hub(), Topic(run_id)
        start, wanted = read_start(parameters, headers), read_filter(parameters)
        place = await hub.places.take(visitor, self.scope["path"], parameters.get("client", ""))
        try:
            stream = Stream(self, hub, topic, visitor, place, wanted, parameters.get("follow") != "false")
            cursor = await hub.read(log.beginning, topic, start)
            await self._begin()
            await stream.run(cursor)
        finally:
            hub.places.free(place)
        await self.send_body(b"")

    async def _recognise(self, headers: dict[bytes, bytes]) -> access.Visitor:
        """Who it is; counted at once, as every request of a known caller."""
        session_user, session = self.scope.get("user"), self.scope.get("session")
        visitor: access.Visitor = await database_sync_to_async(access.recognise)(headers.items(), session_user, session)
        usage = await database_sync_to_async(count)("streams:open", str(visitor.user.pk))
        self.usages = (usage,)
        usage.require_left()
        return visitor

    async def _begin(self) -> None:
        self.is_streaming = True
        await self.send_headers(
            headers=[
                (b"Content-Type", b"text/event-stream"),
                (b"Cache-Control", b"no-store"),
                (b"X-Accel-Buffering", b"no"),
                *encode_headers(headers_of(self.usages)),
            ]
        )
        await self.send_chunk(b"retry: %d\n\n" % random.randint(2000, 5000))  # noqa: S311 - spreads reconnects

    async def send_chunk(self, chunk: bytes) -> None:
        """Sends bytes of the stream."""
        await self.send_body(chunk, more_body=True)


class Stream:
    """The course of one stream: replay from the table, then live from the hub, and back to the table when behind."""

    def __init__(
        self,
        door: EventStreamConsumer,
        hub: Hub,
        topic: Topic,
        visitor: access.Visitor,
        place: Place,
        wanted: EventFilter,
        follow: bool,
    ) -> None:
        self.door, self.hub, self.topic, self.visitor = door, hub, topic, visitor
        self.place, self.wanted, self.follow = place, wanted, follow
        self.projects: frozenset[int] = frozenset()

    async def run(self, cursor: int) -> None:
        """Streams until the client goes, access ends or, without `follow`, everything has been sent."""
        reader = await self.hub.subscribe(self.topic)
        self.place.on_loss = reader.news.set
        try:
            if not await self._may_stay():
                return
            cursor = await self._replay(cursor)
            if self.follow:
                await self._live(reader, cursor)
        finally:
            self.hub.unsubscribe(self.topic, reader)

    async def _may_stay(self) -> bool:
        if not await self.place.is_held() or not await database_sync_to_async(self.visitor.is_still_known)():
            return False
        if self.topic.run_id is None:
            self.projects = await database_sync_to_async(self.visitor.visible_projects)()
            return True
        return bool(await database_sync_to_async(access.may_see_run)(self.visitor, self.topic.run_id))

    async def _replay(self, cursor: int) -> int:
        """Sends what the table has after the cursor; returns how far that is."""
        while not self.place.is_lost and (frames := await self.hub.read(log.read_after, self.topic, cursor)):
            await self._send(make_batch(frames), cursor)
            cursor = frames[-1].event_id
            if len(frames) < log.PAGE_ROWS:
                break
        return cursor

    async def _live(self, reader: Reader, cursor: int) -> None:
        clock = asyncio.get_running_loop().time
        next_ping, next_check = clock() + PING_SECONDS, clock() + ACCESS_SECONDS
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(next_ping, next_check)):
                    await reader.news.wait()
            reader.news.clear()
            if self.place.is_lost:
                return
            cursor = await self._drain(reader, cursor)
            if clock() >= next_ping:
                next_ping = clock() + PING_SECONDS
                await self.door.send_chunk(b"id: %d\n" % cursor + PING if cursor else PING)
            if clock() >= next_check:
                next_check = clock() + ACCESS_SECONDS
                if not await self._may_stay():
                    return

    async def _drain(self, reader: Reader, cursor: int) -> int:
        if reader.is_behind:
            reader.is_behind = False
            return await self._replay(cursor)
        while reader.batches:
            batch = reader.batches.popleft()
            await self._send(batch, cursor)
            cursor = max(cursor, batch.last_id)
        return cursor

    async def _send(self, batch: Batch, cursor: int) -> None:
        """The batch's bytes as they are where the reader wants all of them, else those of the rows it wants."""
        if self.topic.run_id is not None and self.wanted.is_open and batch.first_id > cursor:
            await self.door.send_chunk(batch.wire)
            return
        wire = b"".join(frame.wire for frame in self._wanted(batch.frames) if frame.event_id > cursor)
        if wire:
            await self.door.send_chunk(wire)

    def _wanted(self, frames: Iterable[Frame]) -> Iterable[Frame]:
        return (
            frame
            for frame in frames
            if self.wanted.admits(frame) and (self.topic.run_id is not None or frame.project_id in self.projects)
        )


def encode_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """As ASGI wants them."""
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def read_parameters(query_string: bytes) -> dict[str, str]:
    """The query's parameters; an unknown one is 400 `invalid-parameter`."""
    parameters = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
    for name in parameters:
        if name not in PARAMETERS:
            raise InvalidParameter(f"There is no query parameter {name!r} here.", parameter=name)
    if len(client := parameters.get("client", "")) > MAX_CLIENT_LENGTH or "\0" in client:
        raise InvalidParameter(f"client has at most {MAX_CLIENT_LENGTH} characters.", parameter="client")
    if parameters.get("follow", "true") not in ("true", "false"):
        raise InvalidParameter("follow is true or false.", parameter="follow")
    return parameters


def read_start(parameters: dict[str, str], headers: dict[bytes, bytes]) -> int | None:
    """The id after which the stream resumes: `Last-Event-ID`, else `?lastEventId=`; None without one."""
    text = headers.get(b"last-event-id", b"").decode("latin-1") or parameters.get("lastEventId", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidCursor("Last-Event-ID is the id of an event of this stream.")
    return int(text)
