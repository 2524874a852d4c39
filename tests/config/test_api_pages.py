"""Pages, cursors, limits, query parameters."""

import base64
from typing import Any

import pytest
from django.core import signing
from rest_framework.test import APIClient

from accounts.models import User
from projects.models import Membership, Project
from runs.models import Run
from tests.config.answers import problem

LISTS = [
    "/api/projects",
    "/api/runs",
    "/api/projects/{project}/runs",
    "/api/projects/{project}/snapshots",
    "/api/runs/{run}/events",
    "/api/runs/{run}/files",
    "/api/runs/{run}/commands",
    "/api/runs/{run}/permissions",
    "/api/runs/{run}/snapshots",
    "/api/settings/server-params",
]
over_all_lists = pytest.mark.parametrize("path", LISTS)


def _address(path: str, run: Run) -> str:
    return path.format(project=run.project_id, run=run.pk)


@pytest.fixture
def five(user: User, project: Project) -> list[int]:
    """The ids of five runs, newest first."""
    made = [Run.objects.create(project=project, created_by=user, title=f"Run {n}", prompt="x") for n in range(5)]
    return [run.pk for run in reversed(made)]


def _ids(answer: Any) -> list[int]:
    return [row["id"] for row in answer.json()["data"]]


@over_all_lists
def test_a_list_has_data_and_a_next_cursor(api: APIClient, run: Run, path: str) -> None:
    body = api.get(_address(path, run), {"limit": 200}).json()
    assert isinstance(body["data"], list)
    assert body["meta"]["nextCursor"] is None


@over_all_lists
@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1.5", "99999999999999999999", "\uff12"])
def test_a_limit_out_of_range_is_refused(api: APIClient, run: Run, path: str, limit: str) -> None:
    assert problem(api.get(_address(path, run), {"limit": limit})) == (400, "invalid-parameter")


@over_all_lists
def test_an_unknown_query_parameter_is_refused(api: APIClient, run: Run, path: str) -> None:
    answer = api.get(_address(path, run), {"limti": "5"})
    assert (problem(answer), answer.json()["parameter"]) == ((400, "invalid-parameter"), "limti")


@over_all_lists
@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "", "é", "====", "a" * 5000, "a\0", "::", ":::::"),
        base64.urlsafe_b64encode(b"0123456789abcdef.5").decode(),
        "WzFd:1xVooQ:AAAA",  # shaped like a cursor, with nobody's signature
    ],
)
def test_a_broken_cursor_is_refused(api: APIClient, run: Run, path: str, cursor: str) -> None:
    assert problem(api.get(_address(path, run), {"cursor": cursor})) == (400, "invalid-cursor")


@over_all_lists
def test_a_cursor_that_was_signed_for_something_else_is_refused(api: APIClient, run: Run, path: str) -> None:
    assert problem(api.get(_address(path, run), {"cursor": signing.dumps([1])})) == (400, "invalid-cursor")


@pytest.mark.parametrize("path", ["/api/projects/{project}", "/api/runs/{run}", "/api/auth/me", "/api/runs/{run}/diff"])
def test_one_resource_takes_no_page(api: APIClient, run: Run, path: str) -> None:
    assert problem(api.get(_address(path, run), {"limit": "5"})) == (400, "invalid-parameter")


def test_pages_follow_each_other(api: APIClient, five: list[int]) -> None:
    first = api.get("/api/runs", {"limit": 2})
    second = api.get("/api/runs", {"limit": 2, "cursor": first.json()["meta"]["nextCursor"]})
    third = api.get("/api/runs", {"limit": 2, "cursor": second.json()["meta"]["nextCursor"]})

    assert [*_ids(first), *_ids(second), *_ids(third)] == five
    assert third.json()["meta"]["nextCursor"] is None


def test_a_full_last_page_has_no_next(api: APIClient, five: list[int]) -> None:
    assert api.get("/api/runs", {"limit": 5}).json()["meta"]["nextCursor"] is None


def test_pages_are_stable_while_rows_are_inserted(api: APIClient, five: list[int], project: Project) -> None:
    first = api.get("/api/runs", {"limit": 3})
    Run.objects.create(project=project, title="Newer", prompt="x")
    second = api.get("/api/runs", {"limit": 3, "cursor": first.json()["meta"]["nextCursor"]})

    assert [*_ids(first), *_ids(second)] == five


def test_pages_are_stable_while_rows_are_deleted(api: APIClient, five: list[int]) -> None:
    first = api.get("/api/runs", {"limit": 3})
    Run.objects.filter(pk=five[2]).delete()
    second = api.get("/api/runs", {"limit": 3, "cursor": first.json()["meta"]["nextCursor"]})

    assert _ids(second) == five[3:]


def test_a_cursor_belongs_to_its_filters(api: APIClient, five: list[int]) -> None:
    cursor = api.get("/api/runs", {"limit": 2}).json()["meta"]["nextCursor"]
    assert problem(api.get("/api/runs", {"cursor": cursor, "status": "draft"})) == (400, "invalid-cursor")


def test_a_cursor_belongs_to_its_list(api: APIClient, five: list[int], project: Project) -> None:
    cursor = api.get("/api/runs", {"limit": 2}).json()["meta"]["nextCursor"]
    assert problem(api.get(f"/api/projects/{project.pk}/runs", {"cursor": cursor})) == (400, "invalid-cursor")


def test_the_limit_may_change_between_pages(api: APIClient, five: list[int]) -> None:
    cursor = api.get("/api/runs", {"limit": 2}).json()["meta"]["nextCursor"]
    assert _ids(api.get("/api/runs", {"limit": 1, "cursor": cursor})) == five[2:3]


def test_fifty_rows_are_a_page(api: APIClient, user: User, project: Project) -> None:
    Run.objects.bulk_create(Run(project=project, created_by=user, title="x", prompt="x") for _ in range(51))
    assert len(_ids(api.get("/api/runs"))) == 50


def test_server_params_come_in_pages_too(api: APIClient) -> None:
    whole = [row["key"] for row in api.get("/api/settings/server-params", {"limit": 200}).json()["data"]]
    first = api.get("/api/settings/server-params", {"limit": 4}).json()
    second = api.get("/api/settings/server-params", {"limit": 200, "cursor": first["meta"]["nextCursor"]}).json()

    assert [row["key"] for row in [*first["data"], *second["data"]]] == whole


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/projects", {"status": "open"}),
        ("/api/projects", {"status": "\0"}),
        ("/api/projects", {"search": "a\0"}),
        ("/api/projects", {"search": "a" * 201}),
        ("/api/projects", {"ordering": "slug"}),
        ("/api/projects", {"ordering": "--name"}),
        ("/api/projects", {"ordering": "name,createdAt"}),
        ("/api/projects", {"ordering": ""}),
        ("/api/runs", {"status": "open"}),
        ("/api/runs", {"status": ""}),
        ("/api/runs", {"projectId": ""}),
        ("/api/runs", {"search": "a\0"}),
        ("/api/runs", {"ordering": "title"}),
        ("/api/projects/{project}/runs", {"status": "open"}),
        ("/api/projects/{project}/runs", {"projectId": "1"}),
        ("/api/runs", {"projectId": "x"}),
        ("/api/runs", {"projectId": "9" * 30}),
        ("/api/runs/{run}/events", {"severity": "loud"}),
        ("/api/runs/{run}/events", {"since": "yesterday"}),
        ("/api/runs/{run}/events", {"since": "2026-01-01T00:00:00"}),
        ("/api/runs/{run}/events", {"since": "2026-99-01T00:00:00Z"}),
        ("/api/runs/{run}/events", {"path": "a\0"}),
        ("/api/runs/{run}/files", {"attempt": "0x1"}),
        ("/api/runs/{run}/commands", {"attempt": "-1"}),
    ],
)
def test_a_wrong_filter_is_refused(api: APIClient, run: Run, path: str, query: dict[str, str]) -> None:
    assert problem(api.get(_address(path, run), query)) == (400, "invalid-parameter")


@pytest.mark.parametrize("text", ["%", "_", "\\", "' OR 1=1 --", "é"])
def test_a_search_takes_its_text_literally(api: APIClient, run: Run, text: str) -> None:
    assert api.get("/api/runs", {"search": text}).json()["data"] == []


def test_runs_can_be_searched_and_filtered(api: APIClient, five: list[int], project: Project) -> None:
    found = api.get("/api/runs", {"search": "run 3", "status": "draft", "projectId": str(project.pk)})
    assert _ids(found) == [five[1]]


def test_a_list_has_only_what_its_reader_may_see(api: APIClient, stranger: APIClient, run: Run) -> None:
    assert stranger.get("/api/runs").json()["data"] == stranger.get("/api/projects").json()["data"] == []


def test_a_member_sees_the_project_once(api: APIClient, project: Project, stranger: APIClient) -> None:
    Membership.objects.create(project=project, user=User.objects.get(email="stranger@example.com"), role="viewer")
    assert _ids(stranger.get("/api/projects")) == [project.pk]
