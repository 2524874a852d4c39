"""Lists of many rows: a page costs as much as among few, and looking for a text finds what a look at all rows finds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from bench import lists as cases
from bench import rows as made
from config.api import looking
from projects import queries
from projects.models import Membership, Project
from runs import pages
from runs.models import Run
from runs.services.counting import recount_runs
from runs.views import telemetry
from tests.config.test_api_ordering import read_all
from tests.conftest import MakeApi, MakeUser

pytestmark = pytest.mark.django_db
FEW_ROWS, MANY_ROWS = 300, 3_000
LOOKED_AT = 60
EVERY = 100  # steps of SQLite's machine


@pytest.fixture(autouse=True)
def soon_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is many rows to a real server is few here, and these tests ask for many pages."""
    monkeypatch.setattr(looking, "FIRST_LOOK", 20)
    for module in (looking, pages, telemetry):
        monkeypatch.setattr(module, "LOOKED_AT", LOOKED_AT)
    monkeypatch.setattr(queries, "FEW", LOOKED_AT)
    monkeypatch.setenv("QUARTERDECK_PARAM_LIMITS_DEFAULT_PER_MINUTE", "1000000")


@contextmanager
def counted_steps() -> Iterator[list[int]]:
    """How many steps SQLite's machine takes, which tells how many rows it visits."""
    steps = [0]

    def count() -> int:
        steps[0] += EVERY
        return 0

    connection.connection.set_progress_handler(count, EVERY)
    try:
        yield steps
    finally:
        connection.connection.set_progress_handler(None, EVERY)


def work_of_pages(crowd: made.Crowd) -> dict[str, int]:
    """The steps for each page of each list: every filter, and every ordering without one."""
    found: dict[str, int] = {}
    for each in cases.lists(crowd):
        for query in each.queries():
            if len(query) > 1 and "ordering" in query:
                continue
            for which, place in cases.places(each, query).items():
                page = cases.address(each.path, {**query, "limit": "3"}, place)
                client = APIClient(headers={"Authorization": f"Bearer {getattr(crowd, each.person)}"})
                with counted_steps() as steps:
                    answer = client.get(page)
                assert answer.status_code == 200, answer.content
                found[f"{each.person} {cases.address(each.path, query, None)} {which}"] = steps[0]
    return found


@pytest.mark.once
def test_a_page_of_any_list_visits_as_many_rows_among_many_as_among_few() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("Only SQLite counts its steps; bench/lists.py measures both databases.")
    crowd, templates = made.fill_crowd()
    made.add_crowd(crowd, templates, 0, FEW_ROWS)
    few = work_of_pages(crowd)
    made.add_crowd(crowd, templates, FEW_ROWS, MANY_ROWS - FEW_ROWS)
    many = work_of_pages(crowd)
    missed = [f"{name}: {few[name]}, {steps}" for name, steps in many.items() if steps > 1.5 * few[name] + 1_000]
    assert missed == []


def test_no_list_counts_or_skips_rows(api: APIClient, run: Run) -> None:
    searched: tuple[dict[str, str], ...] = ({}, {"search": "x"}, {"ordering": "createdAt"})
    with CaptureQueriesContext(connection) as asked:
        for path in ("/api/runs", "/api/projects", f"/api/projects/{run.project_id}/runs"):
            for query in searched:
                assert api.get(path, query).status_code == 200
    assert [each["sql"] for each in asked if "COUNT(*)" in each["sql"] or "OFFSET" in each["sql"]] == []


_TITLES = st.lists(st.text("abAB%_\\", max_size=4), max_size=12)


@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(titles=_TITLES, text=st.text("abAB%_\\", max_size=2), limit=st.integers(1, 5), at_most=st.integers(2, 6))
@pytest.mark.parametrize("who", ["member", "operator"])
def test_a_search_finds_what_a_look_at_every_title_finds(
    make_user: MakeUser, make_api: MakeApi, project: Project, titles: Any, text: str, limit: int, at_most: int, who: str
) -> None:
    name = f"{who}@search.example.com"
    user = User.objects.filter(email=name).first() or make_user(name, is_staff=who == "operator")
    Run.objects.all().delete()
    Membership.objects.get_or_create(project=project, user=user, role="viewer")
    beside = Project.objects.create(name="Beside", slug="beside", status="ready")
    Run.objects.bulk_create(
        Run(project=project if n % 3 else beside, title=title, prompt="x") for n, title in enumerate(titles)
    )
    recount_runs()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looking, "FIRST_LOOK", 1)
        for module in (looking, pages):
            patch.setattr(module, "LOOKED_AT", at_most)
        found = [row["id"] for row in read_all(make_api(user), "/api/runs", limit, search=text)]
    seen = Run.objects.visible_to(user).order_by("-pk")
    assert found == [run.pk for run in seen if text.lower() in run.title.lower()]


def test_a_page_that_has_looked_at_enough_rows_ends_with_a_cursor(api: APIClient, project: Project) -> None:
    Run.objects.bulk_create(Run(project=project, title="Zebra" if n == 0 else "Run", prompt="x") for n in range(100))
    recount_runs()
    path = f"/api/projects/{project.pk}/runs"
    first = api.get(path, {"search": "zebra"}).json()
    assert first["data"] == []
    second = api.get(path, {"search": "zebra", "cursor": first["meta"]["nextCursor"]}).json()
    assert [row["title"] for row in second["data"]] == ["Zebra"]
    assert second["meta"]["nextCursor"] is None


def test_a_member_of_many_projects_sees_their_own_only(
    api: APIClient, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "FEW", 1)
    made = [Project.objects.create(name=f"P{n}", slug="p", status="ready") for n in range(5)]
    for own in (made[0], made[3]):
        Membership.objects.create(project=own, user=user, role="viewer")
    for ordering in ("name", "createdAt", "lastPulledAt"):
        found = read_all(api, "/api/projects", 1, ordering=ordering, search="p")
        assert [row["name"] for row in found] == ["P0", "P3"]


def test_runs_of_a_persons_projects_come_newest_first_whichever_project_they_are_of(
    api: APIClient, user: User, project: Project
) -> None:
    other = Project.objects.create(name="Other", slug="other", status="ready")
    hidden = Project.objects.create(name="Hidden", slug="hidden", status="ready")
    Membership.objects.create(project=other, user=user, role="viewer")
    for n in range(9):
        Run.objects.create(project=(project, other, hidden)[n % 3], title=f"Run {n}", prompt="x")
    found = [row["title"] for row in read_all(api, "/api/runs", 2)]
    assert found == [f"Run {n}" for n in (7, 6, 4, 3, 1, 0)]


@pytest.mark.parametrize("at_most", [LOOKED_AT, 3])
def test_a_search_never_shows_runs_of_projects_that_somebody_may_not_see(
    api: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch, at_most: int
) -> None:
    hidden = Project.objects.create(name="Hidden", slug="hidden", status="ready")
    for n in range(10):
        Run.objects.create(project=(project, hidden)[n % 2], title=f"Run {n}", prompt="x")
    recount_runs()
    monkeypatch.setattr(pages, "LOOKED_AT", at_most)
    found = [row["projectId"] for row in read_all(api, "/api/runs", 2, search="run")]
    assert found == [project.pk] * 5
