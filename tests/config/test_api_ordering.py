"""Lists in an order of the client's choice, read page by page while rows come and go."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from projects.models import Membership, Project
from runs.models import Run
from tests.config.answers import problem

pytestmark = pytest.mark.django_db
DAY = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests ask for many pages."""
    monkeypatch.setenv("QUARTERDECK_PARAM_LIMITS_DEFAULT_PER_MINUTE", "1000000")


def make_project(user: User, name: str, pulled_on: int | None = None) -> Project:
    """A ready project of the user's, pulled so many days after `DAY`."""
    pulled_at = None if pulled_on is None else DAY + timedelta(days=pulled_on, microseconds=7)
    made = Project.objects.create(name=name, slug="x", status="ready", last_pulled_at=pulled_at)
    Membership.objects.create(project=made, user=user, role="owner")
    return made


def _query(limit: int, **others: str) -> dict[str, str]:
    return {"limit": str(limit), **others}


def read_all(api: APIClient, path: str, limit: int, **query: str) -> list[Any]:
    """Every row, page by page."""
    rows: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        answer = api.get(path, _query(limit, **query, **cursor))
        assert answer.status_code == 200, answer.json()
        page = answer.json()
        assert len(page["data"]) <= limit
        rows += page["data"]
        if page["meta"]["nextCursor"] is None:
            return rows
        cursor = {"cursor": page["meta"]["nextCursor"]}


@pytest.fixture
def five(user: User) -> list[Project]:
    """Projects with equal names, names that differ in case, and times that are missing."""
    named = [("beta", 3), ("Alpha", None), ("beta", 1), ("gamma", None), ("alphabet", 3)]
    return [make_project(user, name, pulled_on) for name, pulled_on in named]


@pytest.mark.parametrize("limit", [1, 2, 5, 200])
@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("name", [1, 4, 0, 2, 3]),
        ("-name", [3, 2, 0, 4, 1]),
        ("lastPulledAt", [2, 0, 4, 1, 3]),
        ("-lastPulledAt", [4, 0, 2, 3, 1]),
        ("createdAt", [0, 1, 2, 3, 4]),
        ("-createdAt", [4, 3, 2, 1, 0]),
        ("-updatedAt", [4, 3, 2, 1, 0]),
    ],
)
def test_projects_come_in_the_order_that_was_asked_for(
    api: APIClient, five: list[Project], ordering: str, expected: list[int], limit: int
) -> None:
    found = read_all(api, "/api/projects", limit, ordering=ordering)
    assert [row["id"] for row in found] == [five[number].pk for number in expected]


@pytest.mark.parametrize(("ordering", "oldest_first"), [("createdAt", True), ("-createdAt", False)])
def test_runs_come_oldest_or_newest_first(api: APIClient, project: Project, ordering: str, oldest_first: bool) -> None:
    made = [Run.objects.create(project=project, title="x", prompt="x").pk for _ in range(5)]
    found = [row["id"] for row in read_all(api, "/api/runs", 2, ordering=ordering)]
    assert found == sorted(made, reverse=not oldest_first)


def test_a_cursor_belongs_to_its_order(api: APIClient, five: list[Project]) -> None:
    cursor = api.get("/api/projects", _query(2, ordering="name")).json()["meta"]["nextCursor"]
    for ordering in ("-name", "lastPulledAt"):
        answer = api.get("/api/projects", {"cursor": cursor, "ordering": ordering})
        assert problem(answer) == (400, "invalid-cursor")
    assert problem(api.get("/api/projects", {"cursor": cursor})) == (400, "invalid-cursor")


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_cursor_that_was_tampered_with_is_refused(api: APIClient, five: list[Project], data: st.DataObject) -> None:
    cursor = api.get("/api/projects", _query(2, ordering="name")).json()["meta"]["nextCursor"]
    place = data.draw(st.integers(0, len(cursor) - 1))
    put = data.draw(st.text(max_size=3).filter(lambda text: text != cursor[place] and "\ud800" not in text))
    changed = cursor[:place] + put + cursor[place + 1 :]
    answer = api.get("/api/projects", {"cursor": changed, "ordering": "name"})
    # The signature is compared as text: even its spare bits count.
    assert problem(answer) == (400, "invalid-cursor")


_STEP = st.one_of(
    st.tuples(st.just("insert"), st.sampled_from(["a", "B", "c", "d"]), st.one_of(st.none(), st.integers(0, 3))),
    st.tuples(st.just("delete"), st.integers(0, 100), st.none()),
)


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(
        st.tuples(st.sampled_from(["a", "B", "c", "d"]), st.one_of(st.none(), st.integers(0, 3))), max_size=12
    ),
    between=st.lists(st.lists(_STEP, max_size=3), max_size=8),
    limit=st.integers(1, 4),
    ordering=st.sampled_from(["name", "-name", "lastPulledAt", "-lastPulledAt", None]),
)
def test_a_row_that_is_there_all_the_time_comes_exactly_once(
    api: APIClient, user: User, before: Any, between: Any, limit: int, ordering: str | None
) -> None:
    order = {"ordering": ordering} if ordering else {}
    with transaction.atomic():
        stays = {make_project(user, name, pulled_on).pk for name, pulled_on in before}
        read: list[int] = []
        cursor: dict[str, str] = {}
        while True:
            page = api.get("/api/projects", _query(limit, **order, **cursor)).json()
            read += [row["id"] for row in page["data"]]
            if page["meta"]["nextCursor"] is None:
                break
            cursor = {"cursor": page["meta"]["nextCursor"]}
            for kind, value, pulled_on in between.pop() if between else []:
                if kind == "insert":
                    make_project(user, value, pulled_on)
                elif rows := list(Project.objects.order_by("pk").values_list("pk", flat=True)):
                    gone = rows[value % len(rows)]
                    Project.objects.filter(pk=gone).delete()
                    stays.discard(gone)
        at_the_end = [row["id"] for row in read_all(api, "/api/projects", 200, **order)]
        assert len(read) == len(set(read))
        assert [pk for pk in read if pk in stays] == [pk for pk in at_the_end if pk in stays]
        transaction.set_rollback(True)
