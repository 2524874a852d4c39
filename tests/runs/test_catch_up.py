"""`GET /api/runs/{run}/catch-up`: all that an app needs when it wakes, of one moment."""

import gzip
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from config.api.times import format_time
from runs.events import Draft, append
from runs.models import AgentEvent, Permission, Run, RunAttempt, WorkspaceFile
from runs.services import expiry
from runs.stream.log import Topic, read_after
from tests.config.answers import problem

pytestmark = pytest.mark.django_db


def log(run: Run, count: int = 1) -> list[int]:
    """So many more events; the ids of all."""
    append(run, [Draft("log", str(number)) for number in range(count)])
    return list(run.events.order_by("id").values_list("id", flat=True))


def ask(run: Run, status: str = "pending") -> Permission:
    """A question of the agent's."""
    return Permission.objects.create(
        run=run,
        attempt=1,
        kind="execute",
        title="make",
        options=[{"optionId": "yes_please", "name": "Yes", "kind": "allow_once"}],
        status=status,
        expires_at=timezone.now() + timedelta(hours=1),
    )


@pytest.fixture
def attempt(run: Run) -> RunAttempt:
    """The run's first attempt, with a tree."""
    return RunAttempt.objects.create(run=run, number=1, branch="b", base_commit="0" * 40, tree="1" * 40)


@pytest.fixture
def catch_up(api: APIClient, run: Run) -> Any:
    """Asks, and gives the answer's members."""

    def get(**query: Any) -> dict[str, Any]:
        answer = api.get(f"/api/runs/{run.pk}/catch-up", query)
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()
        return found

    return get


def ids_of(answer: dict[str, Any]) -> list[int]:
    return [event["id"] for event in answer["events"]]


def test_it_has_the_run_as_its_own_route_shows_it(api: APIClient, run: Run, attempt: RunAttempt, catch_up: Any) -> None:
    append(run, [Draft("plan_updated", data={"entries": [{"not_ours": 1}]})])
    assert catch_up()["run"] == api.get(f"/api/runs/{run.pk}").json()


def test_it_has_the_open_questions_as_their_list_shows_them(
    api: APIClient, run: Run, attempt: RunAttempt, catch_up: Any
) -> None:
    for status in ("pending", "allowed", "pending"):
        ask(run, status)
    found = catch_up()
    assert found["permissions"] == api.get(f"/api/runs/{run.pk}/permissions?status=pending").json()["data"]
    assert found["run"]["pendingPermissions"] == len(found["permissions"]) == 2


def test_it_has_the_sums_over_the_changed_files(run: Run, attempt: RunAttempt, catch_up: Any) -> None:
    for path in "ab":
        WorkspaceFile.objects.create(attempt=attempt, path=path, change_type="added", additions=2, deletions=1)
    stats = {"files": 2, "additions": 4, "deletions": 2}
    assert catch_up()["diff"] == {"stats": stats, "tree": "1" * 40}


def test_of_a_run_that_nothing_has_happened_in_everything_is_empty(catch_up: Any) -> None:
    found = catch_up()
    del found["run"]
    stats = {"files": 0, "additions": 0, "deletions": 0}
    assert found == {
        "events": [],
        "gap": None,
        "permissions": [],
        "cursor": 0,
        "diff": {"stats": stats, "tree": None},
    }


def test_it_has_the_events_since_the_last_one_that_is_known(run: Run, catch_up: Any) -> None:
    ids = log(run, 8)
    found = catch_up(since=ids[2])
    assert (ids_of(found), found["gap"], found["cursor"]) == (ids[3:], None, ids[-1])


def test_of_many_it_has_the_newest_and_the_pages_fill_the_gap(api: APIClient, run: Run, catch_up: Any) -> None:
    ids = log(run, 12)
    found = catch_up(since=ids[1], limit=3)
    assert (ids_of(found), found["gap"]) == (ids[-3:], {"since": ids[1], "before": ids[-3]})
    page = api.get(f"/api/runs/{run.pk}/events", {"since": found["gap"]["since"]}).json()
    between = [event["id"] for event in page["data"] if event["id"] < found["gap"]["before"]]
    assert between + ids_of(found) == ids[2:]


def test_as_many_as_fit_leave_no_gap(run: Run, catch_up: Any) -> None:
    ids = log(run, 4)
    assert catch_up(since=ids[0], limit=3)["gap"] is None
    assert catch_up(since=ids[0], limit=2)["gap"] == {"since": ids[0], "before": ids[2]}


def test_two_hundred_unless_said(run: Run, catch_up: Any) -> None:
    ids = log(run, 203)
    assert ids_of(catch_up()) == ids[3:]


def test_without_since_it_has_the_newest(run: Run, catch_up: Any) -> None:
    ids = log(run, 5)
    found = catch_up(limit=2)
    assert (ids_of(found), found["gap"]) == (ids[-2:], {"since": 0, "before": ids[-2]})


def test_since_may_be_a_time(run: Run, catch_up: Any) -> None:
    ids, now = log(run, 5), timezone.now()
    AgentEvent.objects.filter(pk__in=ids[:3]).update(created_at=now - timedelta(minutes=5))
    assert ids_of(catch_up(since=format_time(now - timedelta(minutes=1)))) == ids[3:]


def test_whoever_knows_everything_gets_no_event(run: Run, catch_up: Any) -> None:
    ids = log(run, 3)
    found = catch_up(since=ids[-1])
    assert (found["events"], found["gap"], found["cursor"]) == ([], None, ids[-1])


def test_the_cursor_is_where_the_stream_goes_on(run: Run, catch_up: Any) -> None:
    log(run, 3)
    cursor = catch_up()["cursor"]
    later = log(run, 2)[-2:]
    assert [frame.event_id for frame in read_after(Topic(run.pk), cursor)] == later


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"since": "-1"}, "since"),
        ({"since": ""}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"eventTypes": "log"}, "eventTypes"),
    ],
)
def test_a_wrong_parameter_is_named(api: APIClient, run: Run, query: dict[str, str], parameter: str) -> None:
    answer = api.get(f"/api/runs/{run.pk}/catch-up", query)
    assert (*problem(answer), answer.json()["parameter"]) == (400, "invalid-parameter", parameter)


@pytest.mark.parametrize("count", [0, 2])
def test_an_id_that_is_greater_than_any_of_the_run_is_none(api: APIClient, run: Run, count: int) -> None:
    last = max(log(run, count), default=0) if count else 0
    answers = [api.get(f"/api/runs/{run.pk}/catch-up", {"since": str(since)}) for since in (last, last + 1)]
    assert answers[0].status_code == 200
    assert problem(answers[1]) == (400, "invalid-cursor")


def test_a_stranger_learns_nothing(stranger: APIClient, run: Run) -> None:
    for query in ({}, {"since": "yesterday"}, {"colour": "red"}):
        assert problem(stranger.get(f"/api/runs/{run.pk}/catch-up", query)) == (404, "not-found")


def test_head_and_options_are_as_elsewhere(api: APIClient, run: Run) -> None:
    path = f"/api/runs/{run.pk}/catch-up"
    assert (api.head(path).status_code, api.options(path).status_code, api.post(path).status_code) == (200, 405, 405)


def test_it_is_compressed_and_known_by_its_tag(api: APIClient, run: Run) -> None:
    log(run, 50)
    path = f"/api/runs/{run.pk}/catch-up"
    plain, packed = api.get(path), api.get(path, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.content) == plain.content
    assert api.get(path, headers={"If-None-Match": packed.headers["ETag"]}).status_code == 304


def test_since_events_that_are_no_longer_kept_is_told(
    api: APIClient, run: Run, catch_up: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_RETENTION_EVENT_DAYS", "7")
    ids, old = log(run, 5), timezone.now() - timedelta(days=8)
    AgentEvent.objects.filter(pk__in=ids[:3]).update(created_at=old)
    Run.objects.filter(pk=run.pk).update(status="completed", finished_at=old)
    list(expiry.expire_events(run.project, is_dry=False))

    answer = api.get(f"/api/runs/{run.pk}/catch-up", {"since": ids[0]})
    assert (*problem(answer), answer.json()["firstEventId"]) == (410, "events-expired", ids[3])
    found = catch_up(limit=1)
    assert (ids_of(found), found["gap"]) == ([ids[4]], {"since": ids[2], "before": ids[4]})


@pytest.mark.parametrize(("status", "most"), [("running", 7), ("queued", 8)])
def test_it_takes_few_statements(api: APIClient, run: Run, attempt: RunAttempt, status: str, most: int) -> None:
    ask(run)
    log(run, 30)
    Run.objects.filter(pk=run.pk).update(status=status, queued_at=timezone.now())
    api.get(f"/api/runs/{run.pk}/catch-up")  # the token's use and the params have been looked at
    with CaptureQueriesContext(connection) as asked:
        api.get(f"/api/runs/{run.pk}/catch-up")
    statements = [query["sql"] for query in asked if "settings_params_serverparam" not in query["sql"]]
    assert len(statements) <= most, statements
