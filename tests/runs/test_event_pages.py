"""`GET /api/runs/{run}/events`: pages of the log."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from config.api.times import format_time
from runs.events import Draft, append
from runs.models import AgentEvent, Run
from runs.stream.frames import Frame
from runs.stream.log import Topic, read_after

pytestmark = pytest.mark.django_db


@pytest.fixture
def ids(run: Run) -> list[int]:
    """Twelve events; their ids in order."""
    kinds = [("log", "debug", None), ("file_created", "info", "app/a.py"), ("command_finished", "warning", None)]
    append(run, [Draft(kind, f"{n}", level, path) for n in range(4) for kind, level, path in kinds])
    return list(run.events.order_by("id").values_list("id", flat=True))


@pytest.fixture
def events(api: APIClient, run: Run) -> Any:
    """Asks for a page: its ids and its meta."""

    def ask(**query: Any) -> tuple[list[int], dict[str, Any]]:
        answer = api.get(f"/api/runs/{run.pk}/events", query)
        assert answer.status_code == 200, answer.json()
        return [each["id"] for each in answer.json()["data"]], answer.json()["meta"]

    return ask


def test_a_page_gives_the_oldest_first(events: Any, ids: list[int]) -> None:
    assert events() == (ids, {"nextCursor": None, "lastEventId": ids[-1]})


def test_pages_follow_each_other_without_gap(events: Any, ids: list[int]) -> None:
    cursor: dict[str, str] = {}
    found = []
    while True:
        page, meta = events(limit=5, **cursor)
        found += page
        assert meta["lastEventId"] == page[-1]
        if meta["nextCursor"] is None:
            break
        cursor = {"cursor": meta["nextCursor"]}
    assert found == ids


def test_since_an_id_is_exclusive(events: Any, ids: list[int]) -> None:
    assert events(since=ids[3])[0] == ids[4:]


def test_polling_from_the_last_event_id_gives_nothing_twice(events: Any, ids: list[int], run: Run) -> None:
    last = events(eventTypes="log")[1]["lastEventId"]
    assert events(since=last) == ([], {"nextCursor": None, "lastEventId": ids[-1]})
    append(run, [Draft("log")])
    assert len(events(since=last)[0]) == 1


def test_since_a_time_gives_events_from_then_on(events: Any, ids: list[int]) -> None:
    first = AgentEvent.objects.get(pk=ids[0])
    AgentEvent.objects.filter(pk__in=ids[:5]).update(created_at=first.created_at - timedelta(minutes=5))
    assert events(since=format_time(first.created_at - timedelta(minutes=1)))[0] == ids[5:]


def test_event_types_are_a_comma_list(events: Any, ids: list[int]) -> None:
    assert events(eventTypes="log,file_created")[0] == [each for n, each in enumerate(ids) if n % 3 != 2]


def test_a_severity_means_this_or_above(events: Any, ids: list[int]) -> None:
    assert events(severity="notice")[0] == ids[2::3]


@pytest.mark.parametrize(("path", "count"), [("app/a.py", 4), ("app/", 4), ("app", 0), ("App/", 0), ("ap_/", 0)])
def test_a_path_is_exact_or_a_prefix_that_ends_in_a_slash(events: Any, ids: list[int], path: str, count: int) -> None:
    assert len(events(path=path)[0]) == count


def test_rows_that_only_the_database_took_for_matches_do_not_end_the_pages(events: Any, run: Run) -> None:
    append(run, [Draft("file_created", path="APP/x")] * 10 + [Draft("file_created", path="app/y")] * 3)
    cursor: dict[str, str] = {}
    found = []
    for _ in range(10):
        page, meta = events(path="app/", limit=2, **cursor)
        found += page
        if meta["nextCursor"] is None:
            break
        cursor = {"cursor": meta["nextCursor"]}
    assert len(found) == 3


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"since": "-1"},
        {"since": "yesterday"},
        {"since": "2026-13-45T00:00:00Z"},
        {"since": "2026-01-01T00:00:00"},
        {"severity": "loud"},
        {"colour": "red"},
        {"path": "a\0b"},
    ],
)
def test_a_wrong_parameter_is_named(api: APIClient, run: Run, query: dict[str, str]) -> None:
    answer = api.get(f"/api/runs/{run.pk}/events", query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-parameter")


def test_a_path_with_nul_is_named_as_what_is_wrong(api: APIClient, run: Run) -> None:
    answer = api.get(f"/api/runs/{run.pk}/events", {"path": "a\0b"})
    assert answer.json()["detail"].startswith("path ")


def test_an_id_that_the_run_has_not_reached_is_refused(api: APIClient, run: Run, ids: list[int]) -> None:
    answer = api.get(f"/api/runs/{run.pk}/events", {"since": str(ids[-1] + 1)})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-cursor")


def test_a_cursor_belongs_to_its_filters(api: APIClient, ids: list[int], events: Any, run: Run) -> None:
    cursor = events(limit=2)[1]["nextCursor"]
    answer = api.get(f"/api/runs/{run.pk}/events", {"cursor": cursor, "severity": "info"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-cursor")


def test_an_event_is_the_same_json_as_in_the_stream(api: APIClient, ids: list[int], run: Run) -> None:
    page = api.get(f"/api/runs/{run.pk}/events").content.decode()
    frames: list[Frame] = read_after(Topic(run.pk), 0)
    assert page.startswith('{"data":[' + ",".join(frame.public_json for frame in frames) + "]")


def test_an_event_has_the_members_of_the_contract(api: APIClient, ids: list[int], run: Run) -> None:
    event = api.get(f"/api/runs/{run.pk}/events").json()["data"][1]
    assert event.pop("createdAt").endswith("Z")
    assert event == {
        "id": ids[1],
        "runId": run.pk,
        "projectId": run.project_id,
        "seq": 2,
        "attempt": 1,
        "eventType": "file_created",
        "severity": "info",
        "path": "app/a.py",
        "message": "0",
        "data": {},
    }


def test_events_of_an_attempt_can_be_chosen(events: Any, ids: list[int], run: Run) -> None:
    Run.objects.update(attempt=2)
    append(run, [Draft("log")])
    assert (events(attempt=1)[0], len(events(attempt=2)[0])) == (ids, 1)


def test_a_stranger_sees_no_events(stranger: APIClient, run: Run) -> None:
    assert stranger.get(f"/api/runs/{run.pk}/events").status_code == 404


def test_a_filter_that_no_index_knows_looks_at_a_bounded_number_of_events(
    events: Any, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runs.views.telemetry.LOOKED_AT", 5)
    page, meta = events(severity="warning")
    assert (page, meta["lastEventId"]) == ([ids[2], ids[5]], ids[5])
    assert meta["nextCursor"]


@pytest.mark.parametrize("query", [{"severity": "warning"}, {"path": "app/"}, {"attempt": 1}, {"path": "nowhere"}])
def test_bounded_pages_together_give_every_event_that_fits_once(
    events: Any, ids: list[int], monkeypatch: pytest.MonkeyPatch, query: dict[str, Any]
) -> None:
    whole, _ = events(**query)
    monkeypatch.setattr("runs.views.telemetry.LOOKED_AT", 2)
    found, meta = events(**query)
    while meta["nextCursor"]:
        page, meta = events(**query, cursor=meta["nextCursor"])
        found += page
    assert (found, meta["lastEventId"]) == (whole, ids[-1])
