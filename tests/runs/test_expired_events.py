"""Old events of runs at rest go, where the operator wants it, and whoever asks for them is told."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from config.api.times import format_time
from config.upkeep import prune_project
from projects.services.disk import Removal
from runs.events import Draft, append, append_project_updated
from runs.models import AgentEvent, Run
from runs.services import expiry
from tests.config.answers import problem
from tests.runs.test_hub import Open, visit
from tests.runs.test_stream_limits import refused

__all__ = ["visit"]  # a fixture
pytestmark = pytest.mark.django_db(transaction=True)
OLD = timedelta(days=8)


@pytest.fixture(autouse=True)
def a_week(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_RETENTION_EVENT_DAYS", "7")


@pytest.fixture
def ids(run: Run) -> list[int]:
    """Six events of a run that ended eight days ago; the last two, of a review, are new."""
    append(run, [Draft("log", str(number)) for number in range(6)])
    found = list(run.events.order_by("id").values_list("id", flat=True))
    run.events.filter(id__lte=found[3]).update(created_at=timezone.now() - OLD)
    Run.objects.filter(pk=run.pk).update(status="completed", finished_at=timezone.now() - OLD)
    run.refresh_from_db()
    return found


def upkeep(run: Run, *, is_dry: bool = False) -> list[str]:
    """What is told of events."""
    told: list[Removal] = list(prune_project(run.project, is_dry=is_dry))
    return [f"{removal.name} ({removal.count})" for removal in told if removal.what == expiry.EVENTS]


def page(api: APIClient, run: Run, **query: Any) -> Any:
    return api.get(f"/api/runs/{run.pk}/events", query)


def shown(api: APIClient, run: Run, **query: Any) -> list[int]:
    return [event["id"] for event in page(api, run, **query).json()["data"]]


def expired(answer: Any) -> dict[str, Any]:
    """What the refusal tells."""
    assert problem(answer) == (410, "events-expired")
    told: dict[str, Any] = answer.json()
    return told


def test_they_are_marked_first_and_go_at_the_next_upkeep(run: Run, ids: list[int]) -> None:
    assert upkeep(run) == [f"run {run.pk}, up to event {ids[3]} (1)"]
    assert run.events.count() == 6
    assert upkeep(run) == [f"run {run.pk} (4)"]
    assert list(run.events.order_by("id").values_list("id", flat=True)) == ids[4:]
    assert upkeep(run) == []


def test_a_dry_run_tells_and_changes_nothing(run: Run, ids: list[int]) -> None:
    assert upkeep(run, is_dry=True) == [f"run {run.pk}, up to event {ids[3]} (1)"]
    run.refresh_from_db()
    assert (run.expired_event_id, run.events.count()) == (0, 6)


def test_without_the_param_nothing_goes(run: Run, ids: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUARTERDECK_PARAM_RETENTION_EVENT_DAYS")
    assert upkeep(run) == []


@pytest.mark.parametrize("status", ["draft", "queued", "running", "paused"])
def test_a_run_that_is_not_at_rest_keeps_all(run: Run, ids: list[int], status: str) -> None:
    Run.objects.filter(pk=run.pk).update(status=status)
    assert upkeep(run) == []


def test_a_run_that_ended_lately_keeps_all(run: Run, ids: list[int]) -> None:
    Run.objects.filter(pk=run.pk).update(finished_at=timezone.now())
    assert upkeep(run) == []


@pytest.mark.parametrize("times", [1, 2], ids=["marked", "gone"])
def test_a_page_begins_with_the_oldest_that_is_kept(api: APIClient, run: Run, ids: list[int], times: int) -> None:
    for _ in range(times):
        upkeep(run)
    assert shown(api, run) == ids[4:]
    assert shown(api, run, since=ids[3]) == ids[4:]
    assert shown(api, run, since=ids[4]) == ids[5:]


@pytest.mark.parametrize("times", [1, 2], ids=["marked", "gone"])
def test_who_asks_for_what_is_gone_is_told(api: APIClient, run: Run, ids: list[int], times: int) -> None:
    for _ in range(times):
        upkeep(run)
    told = expired(page(api, run, since=ids[2]))
    assert (told["firstEventId"], told["runId"]) == (ids[4], run.pk)
    assert shown(api, run, since=told["firstEventId"] - 1) == ids[4:]


def test_a_cursor_of_a_page_that_is_gone_is_told(api: APIClient, run: Run, ids: list[int]) -> None:
    cursor = page(api, run, limit=2).json()["meta"]["nextCursor"]
    upkeep(run)
    expired(page(api, run, limit=2, cursor=cursor))


def test_a_time_before_what_is_kept_is_told(api: APIClient, run: Run, ids: list[int]) -> None:
    upkeep(run)
    upkeep(run)
    expired(page(api, run, since=format_time(timezone.now() - 2 * OLD)))
    newest = run.events.get(pk=ids[5])
    assert shown(api, run, since=format_time(newest.created_at + timedelta(seconds=1))) == []


def test_where_nothing_is_left_there_is_no_first_event(api: APIClient, run: Run, ids: list[int]) -> None:
    run.events.update(created_at=timezone.now() - OLD)
    upkeep(run)
    upkeep(run)
    assert expired(page(api, run, since=ids[0]))["firstEventId"] is None
    assert page(api, run).json() == {"data": [], "meta": {"nextCursor": None, "lastEventId": ids[5]}}


def test_numbers_go_on_after_those_that_are_gone(run: Run, ids: list[int]) -> None:
    upkeep(run)
    upkeep(run)
    append(run, [Draft("log", "after")])
    assert run.events.order_by("-id").values_list("seq", flat=True).first() == 7


def test_old_events_of_the_project_itself_go_too(run: Run) -> None:
    append_project_updated(run.project)
    append_project_updated(run.project)
    own = AgentEvent.objects.filter(run=None)
    oldest = own.order_by("id").first()
    assert oldest is not None
    own.filter(pk=oldest.pk).update(created_at=timezone.now() - OLD)
    upkeep(run)
    assert not own.filter(pk=oldest.pk).exists()
    assert own.count() == 1


async def test_a_stream_that_resumes_before_them_is_refused(visit: Open, run: Run, ids: list[int]) -> None:
    await sync_to_async(upkeep)(run)
    stream = await visit(last_event_id=str(ids[1]))
    assert await refused(stream) == (410, "events-expired")


async def test_a_stream_without_a_place_begins_with_what_is_kept(visit: Open, run: Run, ids: list[int]) -> None:
    await sync_to_async(upkeep)(run)
    stream = await visit()
    await stream.until(f"id: {ids[5]}\nevent".encode())
    assert [event["id"] for event in stream.events()][:2] == ids[4:6]


def test_a_follow_up_in_the_meantime_keeps_them(run: Run, ids: list[int], user: User) -> None:
    """The mark is written only while the run is at rest."""
    due = expiry._mark(run.project, timezone.now() - timedelta(days=7), is_dry=False)
    Run.objects.filter(pk=run.pk).update(status="queued")
    assert list(due) == []
    run.refresh_from_db()
    assert run.expired_event_id == 0
