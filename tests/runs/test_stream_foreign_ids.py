"""An id that a stream cannot have given is refused: taken, it would hide all that comes until ids are as great."""

import pytest
from asgiref.sync import sync_to_async

from runs.events import Draft, append
from runs.models import AgentEvent, Run
from tests.runs.test_hub import Open, log_event, silent_watcher, visit
from tests.runs.test_stream_limits import refused

__all__ = ["silent_watcher", "visit"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def last_id(run: Run) -> int:
    """Of a run's newest event, which is the newest of all."""
    append(run, [Draft("log", "x"), Draft("run_paused")])
    return AgentEvent.objects.order_by("-id").values_list("id", flat=True)[0]


@pytest.mark.parametrize("of_all", [False, True])
async def test_one_that_is_greater_than_any_is_refused(visit: Open, run: Run, last_id: int, of_all: bool) -> None:
    path = "/api/events/stream" if of_all else f"/api/runs/{run.pk}/events/stream"
    stream = await visit(path, last_event_id=str(last_id + 1))
    assert await refused(stream) == (400, "invalid-cursor")


async def test_that_of_another_run_is_none_of_this_one(visit: Open, run: Run, last_id: int) -> None:
    other = await Run.objects.acreate(project_id=run.project_id, created_by_id=run.created_by_id, prompt="x")
    await log_event(other)
    newest = await AgentEvent.objects.filter(run=other).alatest("id")
    stream = await visit(last_event_id=str(newest.pk))
    assert await refused(stream) == (400, "invalid-cursor")


@pytest.mark.parametrize("of_all", [False, True])
async def test_the_newest_is_taken_and_what_comes_is_told(visit: Open, run: Run, last_id: int, of_all: bool) -> None:
    path = "/api/events/stream" if of_all else f"/api/runs/{run.pk}/events/stream"
    stream = await visit(path, last_event_id=str(last_id))
    await log_event(run, Draft("run_resumed"))
    await stream.until(b"run_resumed")


async def test_the_place_of_an_event_that_is_no_longer_kept_is_taken(visit: Open, run: Run, last_id: int) -> None:
    await sync_to_async(AgentEvent.objects.filter(run=run).delete)()
    stream = await visit("/api/events/stream", last_event_id=str(last_id))
    await log_event(run, Draft("run_resumed"))
    await stream.until(b"run_resumed")
