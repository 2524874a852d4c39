"""The hub and the stream's door, in this process: places are given back, slow readers fall back to the table."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from channels.testing import ApplicationCommunicator
from django.db import connections

from accounts.models import AccessToken, User
from accounts.services import issue_token
from config.asgi import application
from projects.events import tell_of
from projects.models import Membership, Project
from runs.events import Draft, append
from runs.models import Run
from runs.stream import course, hub, log, places, wakeups
from runs.stream.frames import Batch
from runs.stream.log import Topic

pytestmark = pytest.mark.django_db(transaction=True)


class Visit:
    """One request to a stream, and what it answers."""

    def __init__(self, path: str, token: str, *, query: str = "", method: str = "GET", **headers: str) -> None:
        named = {"authorization": f"Bearer {token}", **{name.replace("_", "-"): text for name, text in headers.items()}}
        self.communicator = ApplicationCommunicator(
            application,
            {
                "type": "http",
                "method": method,
                "path": path,
                "query_string": query.encode(),
                "headers": [(name.encode(), text.encode()) for name, text in named.items()],
            },
        )
        self.received = b""

    async def start(self) -> dict[str, Any]:
        await self.communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
        answer: dict[str, Any] = await self.communicator.receive_output(10)
        return answer

    async def until(self, text: bytes, timeout_seconds: float = 10) -> bytes:
        """Reads until the text has come."""
        async with asyncio.timeout(timeout_seconds):
            while text not in self.received:
                part = await self.communicator.receive_output(timeout_seconds)
                self.received += part["body"]
        return self.received

    async def to_its_end(self, timeout_seconds: float = 10) -> list[dict[str, Any]]:
        """Reads until the stream ends; the events."""
        while True:
            part = await self.communicator.receive_output(timeout_seconds)
            self.received += part["body"]
            if not part.get("more_body"):
                return self.events()

    def events(self) -> list[dict[str, Any]]:
        return [orjson.loads(line[6:]) for line in self.received.split(b"\n") if line.startswith(b"data: ")]

    async def leave(self) -> None:
        await self.communicator.send_input({"type": "http.disconnect"})
        await self.communicator.wait(5)


Open = Callable[..., Awaitable[Visit]]


@pytest.fixture
async def visit(run: Run, user: User, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    """Opens streams, as many at once as a test likes; all are left at the end."""
    monkeypatch.setenv("QUARTERDECK_PARAM_LIMITS_STREAMS_PER_USER", "100")
    opened: list[Visit] = []
    _, token = await sync_to_async(issue_token)(user, ["projects:read"])

    async def start(path: str = f"/api/runs/{run.pk}/events/stream", **options: Any) -> Visit:
        made = Visit(path, options.pop("token", token), **options)
        opened.append(made)
        made.first = await made.start()  # type: ignore[attr-defined]
        return made

    yield start
    for each in opened:
        await each.leave()
    await hub.running_hub().close()
    await sync_to_async(connections.close_all)()


async def log_event(run: Run, *drafts: Draft) -> None:
    await sync_to_async(append)(run, drafts or [Draft("log", "x")])


async def eventually(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - state of other code, which has no event to wait for
            await asyncio.sleep(0.01)


async def test_a_reader_who_leaves_is_forgotten(visit: Open) -> None:
    stream = await visit()
    await eventually(lambda: hub.running_hub().reader_count == 1)
    await stream.leave()
    assert hub.running_hub().reader_count == 0


async def test_the_tailer_rests_when_nobody_reads(visit: Open) -> None:
    stream = await visit()
    await eventually(lambda: hub.running_hub()._tasks)
    await stream.leave()
    assert not hub.running_hub()._tasks


async def test_a_tailer_that_is_woken_at_the_moment_of_its_end_ends(visit: Open) -> None:
    stream = await visit()
    await eventually(lambda: hub.running_hub()._tasks)
    tailer = hub.running_hub()._tasks[1]
    stream_left = asyncio.create_task(stream.leave())
    while not stream_left.done():
        hub.running_hub().wake()
        await asyncio.sleep(0)
    await eventually(tailer.done)


async def test_a_reader_who_leaves_during_the_replay_is_forgotten(visit: Open, run: Run) -> None:
    await log_event(run, *[Draft("log", "x" * 1000)] * 2000)
    streams = [await visit() for _ in range(5)]
    for stream in streams:
        await stream.leave()
    assert hub.running_hub().reader_count == 0


async def test_an_event_arrives_live(visit: Open, run: Run) -> None:
    stream = await visit()
    await log_event(run, Draft("log", "breaking"))
    assert b"breaking" in await stream.until(b"breaking")


@pytest.fixture
def silent_watcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is heard of commits of other processes."""
    monkeypatch.setattr(wakeups, "POLL_SECONDS", 3600)
    monkeypatch.setattr(wakeups, "CHANNEL", "silence")


async def test_a_commit_of_this_process_needs_no_watcher_and_no_heartbeat(
    visit: Open, run: Run, silent_watcher: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "HEARTBEAT_SECONDS", 3600)
    stream = await visit()
    for number in range(5):
        await log_event(run, Draft("log", f"event-{number}"))
        await stream.until(b"event-%d" % number)


async def test_events_written_while_the_stream_opens_arrive_once_each(visit: Open, run: Run) -> None:
    async def write() -> None:
        for _ in range(40):
            await log_event(run)

    writing = asyncio.create_task(write())
    streams = []
    for _ in range(10):
        streams.append(await visit())
        await asyncio.sleep(0.01)
    await writing
    await log_event(run, Draft("log", "the-last"))
    for stream in streams:
        await stream.until(b"the-last")
        assert [event["seq"] for event in stream.events()] == list(range(1, 42))


async def test_an_idle_stream_pings(visit: Open, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "PING_SECONDS", 0.05)
    assert b":ping\n\n" in await (await visit()).until(b":ping")


async def test_a_ping_tells_how_far_a_filtered_stream_has_read(
    visit: Open, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "PING_SECONDS", 0.05)
    await log_event(run)
    newest = await sync_to_async(log.last_id)(Topic(run.pk))
    stream = await visit(query="eventTypes=run_failed")
    await stream.until(b"id: %d\n:ping\n\n" % newest)
    assert stream.events() == []


async def test_a_revoked_token_ends_the_stream(visit: Open, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "ACCESS_SECONDS", 0.05)
    stream = await visit()
    await AccessToken.objects.filter(user=user).adelete()
    await stream.to_its_end()


async def test_lost_access_to_the_project_ends_the_stream(
    visit: Open, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "ACCESS_SECONDS", 0.05)
    stream = await visit()
    await Membership.objects.filter(user=user).adelete()
    await stream.to_its_end()


def test_access_is_looked_at_often_enough() -> None:
    assert places.ACCESS_SECONDS < 5


async def test_a_reader_past_its_bound_is_emptied_and_behind(run: Run) -> None:
    await log_event(run)
    batch = Batch(await sync_to_async(log.read_after)(Topic(run.pk), 0))
    reader = hub.Reader(lambda batch: False)
    for _ in range(hub.QUEUE_BATCHES + 1):
        reader.offer(batch)
    assert (reader.is_behind, len(reader.batches)) == (True, 0)


async def test_a_reader_that_is_behind_gets_everything_from_the_table(
    visit: Open, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "QUEUE_BATCHES", 0)
    stream = await visit()
    for number in range(20):
        await log_event(run, Draft("log", f"n{number}"))
    await log_event(run, Draft("log", "the-last"))
    await stream.until(b"the-last")
    assert [event["seq"] for event in stream.events()] == list(range(1, 22))


async def test_the_user_stream_begins_now_and_shows_status_changes_only(visit: Open, run: Run) -> None:
    await log_event(run, Draft("run_queued", "old"))
    stream = await visit("/api/events/stream")
    await eventually(lambda: hub.running_hub().reader_count == 1)
    await log_event(run, Draft("log", "noise"), Draft("run_completed", "done"))
    await stream.until(b"done")
    assert [event["eventType"] for event in stream.events()] == ["run_completed"]


async def test_the_user_stream_shows_visible_projects_only(visit: Open, run: Run, user: User) -> None:
    hidden = await Project.objects.acreate(name="Other", slug="other", repository_url="https://x/y", status="ready")
    other = await Run.objects.acreate(project=hidden, title="Secret", prompt="P", selected_agent="script")
    stream = await visit("/api/events/stream")
    await eventually(lambda: hub.running_hub().reader_count == 1)
    await log_event(other, Draft("run_completed", "secret"))
    await log_event(run, Draft("run_completed", "visible"))
    assert b"secret" not in await stream.until(b"visible")


async def test_the_user_stream_tells_of_a_project_that_changes(visit: Open, run: Run) -> None:
    stream = await visit("/api/events/stream")
    await eventually(lambda: hub.running_hub().reader_count == 1)
    await sync_to_async(tell_of)(run.project_id)
    await stream.until(b"project_updated")
    assert [(event["runId"], event["projectId"]) for event in stream.events()] == [(None, run.project_id)]


async def test_a_stream_is_only_for_getting(visit: Open, run: Run) -> None:
    stream = await visit(method="POST")
    assert stream.first["status"] == 405  # type: ignore[attr-defined]


async def test_a_wrong_query_parameter_is_refused_before_the_stream(visit: Open, run: Run) -> None:
    stream = await visit(query="colour=red")
    assert stream.first["status"] == 400  # type: ignore[attr-defined]
