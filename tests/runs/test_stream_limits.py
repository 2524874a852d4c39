"""The stream's door: how many may be opened and be open, which is replaced, and that none outlives its session."""

import time
from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client

from accounts.models import AccessToken, StreamLease, User
from runs.models import Run
from runs.services.places import take_place
from runs.stream import course, places
from tests.runs.test_hub import Open, Visit, visit
from tests.serving import PASSWORD

__all__ = ["visit"]  # a fixture
pytestmark = pytest.mark.django_db(transaction=True)
USER_STREAM = "/api/events/stream"


def first(stream: Visit) -> dict[str, Any]:
    """What the stream has answered."""
    answer: dict[str, Any] = stream.first  # type: ignore[attr-defined]
    return {**answer, "headers": {name.decode(): value.decode() for name, value in answer["headers"]}}


async def refused(stream: Visit) -> tuple[int, str]:
    body = (await stream.communicator.receive_output(10))["body"]
    return first(stream)["status"], orjson.loads(body)["code"]


async def leases() -> int:
    return await StreamLease.objects.acount()


async def leases_come_to(count: int) -> None:
    deadline = time.monotonic() + 10
    while await leases() != count:
        assert time.monotonic() < deadline, await leases()


@pytest.fixture
def four(visit: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUARTERDECK_PARAM_LIMITS_STREAMS_PER_USER")


async def test_a_fifth_stream_is_refused(visit: Open, four: None) -> None:
    streams = [await visit(USER_STREAM) for _ in range(5)]
    assert [first(stream)["status"] for stream in streams[:4]] == [200] * 4
    assert await refused(streams[4]) == (429, "rate-limited")
    headers = first(streams[4])["headers"]
    assert (headers["Retry-After"], headers["Content-Type"]) == ("30", "application/problem+json")


async def test_who_leaves_frees_the_place_at_once(visit: Open, four: None) -> None:
    streams = [await visit(USER_STREAM) for _ in range(4)]
    await streams[0].leave()
    await leases_come_to(3)
    assert first(await visit(USER_STREAM))["status"] == 200


async def test_a_stream_that_ends_by_itself_has_freed_its_place_by_then(visit: Open, four: None, run: Run) -> None:
    for _ in range(10):
        stream = await visit(f"/api/runs/{run.pk}/events/stream", query="follow=false")
        await stream.to_its_end()
        assert await leases() == 0


async def test_a_stream_that_is_refused_takes_no_place(visit: Open) -> None:
    assert first(await visit("/api/runs/999999/events/stream"))["status"] == 404
    assert first(await visit(query="since=1"))["status"] == 400
    assert await leases() == 0


async def test_a_parameter_that_is_given_twice_is_refused_as_on_pages(visit: Open) -> None:
    stream = await visit(query="eventTypes=log&eventTypes=run_paused")
    assert await refused(stream) == (400, "invalid-parameter")


async def test_the_same_client_replaces_its_older_stream_at_once(visit: Open, four: None) -> None:
    older = await visit(USER_STREAM, query="client=phone")
    began = time.monotonic()
    newer = await visit(USER_STREAM, query="client=phone")
    await older.to_its_end()
    assert time.monotonic() - began < places.ACCESS_SECONDS / 2
    assert first(newer)["status"] == 200
    assert await leases() == 1


async def test_a_stream_replaced_by_another_web_process_ends_at_its_next_look(
    visit: Open, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "ACCESS_SECONDS", 0.05)
    stream = await visit(USER_STREAM, query="client=phone")
    token = await AccessToken.objects.select_related("user").aget()
    await sync_to_async(take_place)(token.user, token, path=USER_STREAM, client="phone")
    await stream.to_its_end()


async def test_without_client_streams_stay_side_by_side(visit: Open) -> None:
    for _ in range(3):
        await visit(USER_STREAM)
    assert await leases() == 3


async def test_open_streams_are_renewed(visit: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "RENEW_SECONDS", 0.05)
    await visit(USER_STREAM)
    before = (await StreamLease.objects.aget()).expires_at
    deadline = time.monotonic() + 10
    while (await StreamLease.objects.aget()).expires_at <= before:
        assert time.monotonic() < deadline


def test_places_are_renewed_well_before_they_lapse() -> None:
    assert places.RENEW_SECONDS <= 10


async def test_a_client_name_has_bounds(visit: Open) -> None:
    assert await refused(await visit(USER_STREAM, query=f"client={'x' * 101}")) == (400, "invalid-parameter")


async def test_opening_streams_counts_in_a_group_of_its_own(visit: Open) -> None:
    headers = first(await visit(USER_STREAM))["headers"]
    assert headers["RateLimit-Policy"] == '"streams:open";q=30;w=60'
    assert headers["RateLimit"].startswith('"streams:open";r=29;t=')


async def test_a_refused_stream_tells_its_limits_too(visit: Open) -> None:
    headers = first(await visit("/api/runs/999999/events/stream"))["headers"]
    assert headers["RateLimit"].startswith('"streams:open";r=29;t=')


async def test_too_many_openings_are_refused(visit: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_LIMITS_STREAM_OPENS_PER_MINUTE", "1")
    streams = [await visit(query="follow=false") for _ in range(3)]
    assert await refused(streams[-1]) == (429, "rate-limited")
    assert 0 < int(first(streams[-1])["headers"]["Retry-After"]) <= 61


async def test_a_stranger_at_the_streams_door_is_not_counted(visit: Open) -> None:
    stream = await visit(token="1|wrong")
    assert await refused(stream) == (401, "unauthenticated")
    assert "RateLimit" not in first(stream)["headers"]


@pytest.fixture
def browser(user: User) -> Client:
    """Anna's browser, signed in to the console."""
    made = Client()
    made.force_login(user)
    return made


async def opened_by(browser: Client, visit: Open) -> Visit:
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    stream = await visit(USER_STREAM, cookie=cookie, authorization="")
    assert first(stream)["status"] == 200
    return stream


async def test_a_console_logout_ends_that_sessions_stream(
    visit: Open, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "ACCESS_SECONDS", 0.05)
    stream = await opened_by(browser, visit)
    await sync_to_async(browser.logout)()
    await stream.to_its_end()


async def test_a_new_password_ends_a_sessions_stream(
    visit: Open, browser: Client, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "ACCESS_SECONDS", 0.05)
    stream = await opened_by(browser, visit)
    user.set_password(PASSWORD + "-new")
    await user.asave()
    await stream.to_its_end()


async def test_a_session_that_goes_on_keeps_its_stream(
    visit: Open, browser: Client, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "ACCESS_SECONDS", 0.02)
    monkeypatch.setattr(course, "PING_SECONDS", 0.3)
    stream = await opened_by(browser, visit)
    await stream.until(b":ping")
