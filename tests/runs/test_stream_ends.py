"""Streams whose right has ended end, and leave nothing behind; what breaks in the hub is begun again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts.models import AccessToken, User
from accounts.services import issue_token
from config.asgi import application
from projects.models import Membership, Project
from runs.commits import remove_waker
from runs.events import Draft
from runs.models import Run
from runs.services.places import take_place
from runs.stream import hub, log, places, wakeups
from runs.stream.guard import Watched, lost_places
from tests.conftest import MakeUser
from tests.runs.test_hub import Open, Visit, eventually, log_event, silent_watcher, visit
from tests.runs.test_stream_limits import leases_come_to

__all__ = ["silent_watcher", "visit"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def guarded(visit: Open, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    """Streams that are looked at often; at the end of a test the hub must know of none."""
    monkeypatch.setattr(places, "ACCESS_SECONDS", 0.05)
    yield visit
    await eventually(lambda: hub.running_hub().figures[:2] == (0, 0))
    await leases_come_to(0)


async def test_a_person_who_is_deactivated_loses_the_stream(guarded: Open, user: User) -> None:
    stream = await guarded()
    await User.objects.filter(pk=user.pk).aupdate(is_active=False)
    await stream.to_its_end()


async def test_a_run_that_is_deleted_ends_its_stream(guarded: Open, run: Run) -> None:
    stream = await guarded()
    await log_event(run)
    await stream.until(b'"seq":1')
    await run.adelete()
    await stream.to_its_end()


async def test_a_token_whose_time_is_up_ends_the_stream(guarded: Open, user: User) -> None:
    stream = await guarded("/api/events/stream")
    await AccessToken.objects.filter(user=user).aupdate(expires_at=timezone.now() - timedelta(seconds=1))
    await stream.to_its_end()


async def test_an_elevated_tokens_stream_ends_with_the_token_that_it_came_from(guarded: Open, user: User) -> None:
    parent = (await sync_to_async(issue_token)(user, ["projects:read"]))[0]
    token, text = await sync_to_async(issue_token)(user, ["projects:read"])
    await AccessToken.objects.filter(pk=token.pk).aupdate(parent=parent)
    stream = await guarded("/api/events/stream", token=text)
    await AccessToken.objects.filter(pk=parent.pk).aupdate(expires_at=timezone.now() - timedelta(seconds=1))
    await stream.to_its_end()


async def test_others_keep_their_streams(guarded: Open, run: Run, user: User, make_user: MakeUser) -> None:
    bert = await sync_to_async(make_user)("bert@example.com")
    await Membership.objects.acreate(project_id=run.project_id, user=bert, role="viewer")
    token = (await sync_to_async(issue_token)(bert, ["projects:read"]))[1]
    mine, his = await guarded(), await guarded(token=token)
    await Membership.objects.filter(user=bert).adelete()
    await his.to_its_end()
    await log_event(run, Draft("log", "still-there"))
    await mine.until(b"still-there")
    await mine.leave()


async def deaf_request(run: Run, user: User) -> "asyncio.Task[None]":
    """A request for the run's stream, as the server runs it, by a client that takes no body and does not go away."""

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    _, token = await sync_to_async(issue_token)(user, ["projects:read"])
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/api/runs/{run.pk}/events/stream",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
    }
    return asyncio.create_task(application(scope, messages.get, send))


async def test_a_stream_that_waits_for_its_client_ends_with_its_right(guarded: Open, run: Run, user: User) -> None:
    request = await deaf_request(run, user)
    await eventually(lambda: hub.running_hub().figures.streams == 1)
    await AccessToken.objects.filter(user=user).adelete()
    await eventually(lambda: hub.running_hub().figures.streams == 0)
    request.cancel()
    await asyncio.wait([request])


async def test_a_server_that_stops_leaves_no_stream(guarded: Open, run: Run, user: User) -> None:
    request = await deaf_request(run, user)
    await eventually(lambda: hub.running_hub().figures.streams == 1)
    request.cancel()  # as daphne does with what is open when it stops
    await asyncio.wait([request])
    assert hub.running_hub().figures[:2] == (0, 0)


async def test_who_leaves_while_being_let_in_keeps_no_place(guarded: Open, user: User) -> None:
    token = (await sync_to_async(issue_token)(user, ["projects:read"]))[1]
    for number in range(10):
        request = Visit("/api/events/stream", token)
        await request.communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
        await asyncio.sleep(number / 1000)
        await request.leave()


def test_a_look_costs_as_many_statements_for_many_as_for_one(
    user: User, run: Run, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_LIMITS_STREAMS_PER_USER", "100")
    token = issue_token(user, ["projects:read"])[0]
    taken = [take_place(user, token, path="/api/events/stream", client="").pk for _ in range(20)]
    for count in (1, 20):
        with django_assert_num_queries(3):
            assert lost_places({pk: Watched(user.pk, None, run.pk) for pk in taken[:count]}) == set()


Write = Callable[[Run], Awaitable[None]]


@pytest.fixture
def write_elsewhere() -> Write:
    """Writes an event as another process would: nobody in this one is told."""

    async def write(run: Run) -> None:
        remove_waker(hub.running_hub()._wake_from_thread)
        await log_event(run, Draft("log", "elsewhere"))

    return write


async def test_a_lost_wake_up_costs_a_heartbeat(
    guarded: Open, run: Run, silent_watcher: None, write_elsewhere: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "HEARTBEAT_SECONDS", 0.1)
    stream = await guarded()
    await eventually(lambda: hub.running_hub().reader_count == 1)
    await write_elsewhere(run)
    await stream.until(b"elsewhere")
    await stream.leave()


def test_a_heartbeat_is_short() -> None:
    assert hub.HEARTBEAT_SECONDS <= 5


async def test_a_watcher_that_breaks_is_told_of_and_begun_again(
    guarded: Open, run: Run, write_elsewhere: Write, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.MonkeyPatch.context() as broken, caplog.at_level(logging.ERROR):
        broken.setattr(hub, "AGAIN_SECONDS", 0.05)
        broken.setattr(wakeups, "CHANNEL", "two words")
        for name in ("POLL_SECONDS", "RECONNECT_SECONDS"):
            broken.setattr(wakeups, name, "no number")
        stream = await guarded()
        await eventually(lambda: "trying again" in caplog.text)
    with pytest.MonkeyPatch.context() as rare:
        rare.setattr(hub, "HEARTBEAT_SECONDS", 3600)
        hub.running_hub().wake()
        await write_elsewhere(run)
        await stream.until(b"elsewhere")
        await stream.leave()


async def test_a_tailer_that_breaks_is_told_of_and_begun_again(
    guarded: Open, run: Run, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "AGAIN_SECONDS", 0.05)
    stream = await guarded()
    await log_event(run, Draft("log", "first"))
    await stream.until(b"first")
    with pytest.MonkeyPatch.context() as broken, caplog.at_level(logging.ERROR):
        broken.setattr(log, "read_news", "no function")
        await log_event(run, Draft("log", "second"))
        await eventually(lambda: "trying again" in caplog.text)
    await log_event(run, Draft("log", "third"))
    await stream.until(b"third")
    assert [event["message"] for event in stream.events()] == ["first", "second", "third"]
    await stream.leave()


async def test_what_happens_in_a_project_is_shown_from_the_moment_of_the_membership(
    guarded: Open, run: Run, user: User
) -> None:
    other = await Project.objects.acreate(name="Other", slug="other", repository_url="https://x/y", status="ready")
    hidden = await Run.objects.acreate(project=other, title="Secret", prompt="P", selected_agent="script")
    stream = await guarded("/api/events/stream")
    await log_event(hidden, Draft("run_completed", "hidden"))
    expected = []
    for number in range(5):
        await log_event(run, Draft("run_completed", f"own-{number}"))
        await stream.until(b"own-%d" % number)  # what came before has been handed out
        await Membership.objects.acreate(project=other, user=user, role="viewer")
        await log_event(hidden, Draft("run_completed", f"shown-{number}"))
        await stream.until(b"shown-%d" % number)
        await Membership.objects.filter(project=other, user=user).adelete()
        await log_event(hidden, Draft("run_completed", "hidden"))
        expected += [f"own-{number}", f"shown-{number}"]
    await stream.leave()
    assert [event["message"] for event in stream.events()] == expected
