"""A reader: follows its plan from web process to web process, and keeps what it was given."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any, Protocol

from tests.rounds.plan import WEB_PROCESSES, Leg, Reader
from tests.rounds.progress import Progress
from tests.rounds.wire import Answer, Broken, EventSource, Request

AGAIN_SECONDS = 0.005
LATE_SECONDS = 20.0
WHOLE_BYTES = 65536
SLOW_LEG_SECONDS = 1.0


class Reachable(Protocol):
    """A web process as a reader sees it."""

    @property
    def port(self) -> int: ...

    def kill(self, number: int) -> None: ...


@dataclass(frozen=True)
class Seen:
    """An event as it was given: by a stream as text, by a page as what its JSON says."""

    id: int
    given: str | dict[str, Any]


@dataclass(frozen=True)
class CaughtUp:
    """That a page or stream said it had given all there was: how many batches had been told of when it was asked for,
    and how many events the reader had at its end."""

    told: int
    seen: int


@dataclass
class Reading:
    """One reader at work, in a thread of its own."""

    plan: Reader
    token: str
    run: int | None
    begun_at: int
    webs: Sequence[Reachable]
    progress: Progress
    seen: list[Seen] = field(default_factory=list)
    caught_up: list[CaughtUp] = field(default_factory=list)
    connections: int = 0
    cursor: str | None = None
    is_open: threading.Event = field(default_factory=threading.Event)
    expected: list[int] | None = None
    late_at: float = float("inf")
    failure: str = ""

    def __post_init__(self) -> None:
        if self.plan.run is None and not self.plan.is_from_now:
            self.cursor = str(self.begun_at)
        elif not self.plan.is_from_now:
            self.cursor = "0"

    def expect(self, ids: list[int]) -> None:
        """All writers have ended: these are to be there soon."""
        self.expected = ids
        self.late_at = time.monotonic() + LATE_SECONDS

    def work(self) -> None:
        """The thread's work."""
        try:
            self.progress.wait_for(self.plan.begins_after)
            for leg in chain(self.plan.legs, _plain_legs()):
                self._follow(leg)
                self.is_open.set()
                if self._has_ended():
                    break
            self._must_be_all()
        except AssertionError as error:
            self.failure = str(error) or repr(error)
        except Exception as error:
            self.failure = repr(error)
        finally:
            self.is_open.set()

    def _has_ended(self) -> bool:
        if self.expected is None:
            return False
        assert time.monotonic() < self.late_at, "not everything came in time"
        return not self.expected or (bool(self.seen) and self.seen[-1].id >= self.expected[-1])

    def _must_be_all(self) -> None:
        """Nothing comes after what was the last."""
        before, told = len(self.seen), len(self.caught_up)
        for leg in _plain_legs("so far"):
            self._follow(leg)
            if len(self.caught_up) > told:
                break
            assert time.monotonic() < self.late_at, "the stream without follow did not end"
        assert len(self.seen) == before, "events came after the last one"

    def _follow(self, leg: Leg) -> None:
        self.connections += 1
        told = self.progress.told
        try:
            answer = Answer(self.webs[leg.web].port, self._request(leg))
        except Broken:
            self._begun()
            time.sleep(AGAIN_SECONDS)
            return
        try:
            assert answer.status == 200, f"{answer.status}: {answer.whole()!r}"
            if leg.how == "page":
                self._take_page(leg, answer, told)
            else:
                self._take_stream(leg, answer, told)
        except Broken:
            pass
        finally:
            answer.close()

    def _request(self, leg: Leg) -> Request:
        run = "" if self.run is None else f"/runs/{self.run}"
        query, headers = dict(self.plan.wish.query()), {"Authorization": f"Bearer {self.token}"}
        if leg.how == "page":
            path = f"/api{run}/events"
            query["limit"] = str(leg.page_limit)
        else:
            path = f"/api{run}/events/stream"
            if leg.how == "so far":
                query["follow"] = "false"
        if self.cursor is not None and leg.how == "page":
            query["since"] = self.cursor
        elif self.cursor is not None and leg.by_parameter:
            query["lastEventId"] = self.cursor
        elif self.cursor is not None:
            headers["Last-Event-ID"] = self.cursor
        return Request(path, query, headers, leg.is_http_1_0, leg.receive_buffer_bytes)

    def _take_page(self, leg: Leg, answer: Answer, told: int) -> None:
        if leg.cut_bytes is not None:
            answer.read(leg.cut_bytes + 1)
            self._kill(leg)
            return
        page = json.loads(answer.whole())
        self.seen += [Seen(event["id"], event) for event in page["data"]]
        if page["meta"]["lastEventId"] is not None:
            self._go_on(str(page["meta"]["lastEventId"]))
        if page["meta"]["nextCursor"] is None:
            self.caught_up.append(CaughtUp(told, len(self.seen)))

    def _take_stream(self, leg: Leg, answer: Answer, told: int) -> None:
        source, received = EventSource(), 0
        self._begun()
        left_at = float("inf")
        while not self._has_ended() or leg.how == "so far":
            if self.expected is not None and leg.receive_buffer_bytes is not None:
                left_at = min(left_at, time.monotonic() + SLOW_LEG_SECONDS)
            if time.monotonic() > left_at:
                return  # a buffer this small takes its time: the rest by another connection
            piece = answer.read(leg.piece_bytes if self.expected is None else WHOLE_BYTES)
            if piece == b"":
                if leg.how == "so far" and answer.is_complete:
                    self.caught_up.append(CaughtUp(told, len(self.seen)))
                return
            piece = (piece or b"")[: None if leg.cut_bytes is None else leg.cut_bytes - received]
            received += len(piece)
            self._take(source, piece)
            if received == leg.cut_bytes:
                self._kill(leg)
                return
            if self.expected is None:
                self._dawdle(leg, received, received - len(piece))

    def _begun(self) -> None:
        """The answer has begun, so that the server knows by now from where on it is to be; or there was none: then the
        reader that came before all writers says it."""
        if self.plan.run is None and self.cursor is None:
            self.cursor = str(self.begun_at)
        self.is_open.set()

    def _take(self, source: EventSource, piece: bytes) -> None:
        for message in source.feed(piece):
            told = json.loads(message.data)["id"]
            assert self.run is None or message.last_id == str(told), message
            self.seen.append(Seen(told, message.data))
        if source.last_id not in (None, self.cursor):
            self._go_on(str(source.last_id))

    def _go_on(self, cursor: str) -> None:
        """It comes further: only one that stands still is late, as machines are busy."""
        self.cursor = cursor
        if self.expected is not None:
            self.late_at = time.monotonic() + LATE_SECONDS

    def _dawdle(self, leg: Leg, received: int, before: int) -> None:
        if leg.sleeps is not None and before < leg.sleeps[0] <= received:
            self.progress.wait_for(leg.sleeps[1])
        if leg.pause_ms:
            time.sleep(leg.pause_ms / 1000)

    def _kill(self, leg: Leg) -> None:
        if leg.kill is not None:
            self.webs[leg.web].kill(leg.kill)


def _plain_legs(how: str = "stream") -> Iterator[Leg]:
    """Connections without anything special, by turns to each web process."""
    return (Leg(how, number % WEB_PROCESSES) for number in count())
