"""Replays: the whole log in order, by pages that have bounds, with the same filters as live, and holding up nobody."""

import asyncio
from typing import Any

import pytest
from django.db import connections

from runs.events import Draft, append
from runs.filters import EventFilter
from runs.models import Run
from runs.stream import course, hub, log
from runs.stream.log import Topic, read_after, read_wanted
from tests.runs.test_hub import Open, log_event, visit

__all__ = ["visit"]  # a fixture
pytestmark = pytest.mark.django_db(transaction=True)


def all_wanted(run: Run, **wishes: Any) -> list[str]:
    """The messages of a filtered replay, page by page."""
    messages, cursor = [], 0
    while page := read_wanted(run.pk, cursor, EventFilter(**wishes)):
        assert page.reached > cursor
        cursor = page.reached
        messages += [frame.public_json.partition('"message":"')[2].partition('"')[0] for frame in page.frames]
    return messages


@pytest.mark.parametrize("looked_at", [1, 2, 7, 1000])
def test_a_filtered_replay_misses_nothing_whatever_its_pages(
    run: Run, looked_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "LOOKED_AT", looked_at)
    for number in range(40):
        append(run, [Draft("log" if number % 5 else "file_updated", str(number), path=f"a/{number % 3}")])
    assert all_wanted(run, event_types=frozenset({"file_updated"})) == [str(number) for number in range(0, 40, 5)]
    assert all_wanted(run, path="a/1") == [str(number) for number in range(40) if number % 3 == 1]
    assert all_wanted(run, severities=frozenset({"error"})) == []


def test_a_page_is_bounded_in_bytes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "PAGE_BYTES", 3000)
    append(run, [Draft("log", "é" * 1000)] * 10)
    seen, cursor = [], 0
    while frames := read_after(Topic(run.pk), cursor):
        assert len(frames) <= 4
        seen += [frame.event_id for frame in frames]
        cursor = seen[-1]
    assert len(seen) == 10
    assert len(all_wanted(run, event_types=frozenset({"log"}))) == 10


async def test_a_filtered_replay_that_finds_nothing_tells_how_far_it_has_read(
    visit: Open, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(log, "LOOKED_AT", 10)
    await log_event(run, *[Draft("log", "x")] * 30)
    ids = [frame.event_id for frame in await asyncio.to_thread(kept, read_after, Topic(run.pk), 0)]
    stream = await visit(query="eventTypes=run_failed")
    for reached in (ids[9], ids[19], ids[29]):
        await stream.until(b"id: %d\n:ping\n\n" % reached)


async def test_a_replay_holds_up_nobody_who_is_live(visit: Open, run: Run) -> None:
    live = await visit()
    await log_event(run, *[Draft("log", "x" * 500)] * 3000)
    replays = [await visit() for _ in range(5)]
    await log_event(run, Draft("log", "fresh"))
    await live.until(b"fresh")
    for replay in replays:
        await replay.until(b"fresh")
        assert [event["seq"] for event in replay.events()] == list(range(1, 3002))


async def test_a_queue_is_bounded_in_bytes(run: Run) -> None:
    await log_event(run, Draft("log", "x" * 5000))
    news = await asyncio.to_thread(kept, log.read_batch, Topic(run.pk), 0)
    reader = hub.Reader(lambda batch: False)
    while not reader.is_behind:
        reader.offer(news.batch)
        assert reader.size_bytes <= hub.QUEUE_BYTES
    assert reader.batches == []


async def test_the_tailer_reads_only_runs_with_news(visit: Open, run: Run, django_assert_max_num_queries: Any) -> None:
    """One look for all runs that are followed, and a read for the one that has changed."""
    others = [
        await Run.objects.acreate(project_id=run.project_id, title="Other", prompt="P", selected_agent="script")
        for _ in range(20)
    ]
    cursors = {Topic(each.pk): 0 for each in (run, *others)}
    await log_event(run)

    def look() -> None:
        with django_assert_max_num_queries(2):
            assert [news.topic for news in log.read_news(cursors)] == [Topic(run.pk)]

    await asyncio.to_thread(kept, look)


def kept(function: Any, *arguments: Any) -> Any:
    """Calls it in a thread of its own and leaves no connection there."""
    try:
        return function(*arguments)
    finally:
        connections.close_all()
