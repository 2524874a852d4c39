"""Lists, searches and pages of the console do as much work among many rows as among few."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import admin as lists
from accounts.models import AccessToken, AuditEntry, User
from projects.admin import MAX_SHOWN_MEMBERS
from projects.models import Membership, Project
from runs.models import Run
from tests.config.test_console import console
from tests.config.test_long_lists import counted_steps
from tests.conftest import MakeUser

__all__ = ["console"]  # a fixture
pytestmark = pytest.mark.django_db
FEW, MANY = 200, 3_000
SEARCHED = 60
SEARCHED_MODELS = [User, AccessToken, AuditEntry, Project, Membership, Run]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is many rows to a real console is few here."""
    for name in ("MAX_COUNTED_ROWS", "MAX_VALUED_ROWS", "MAX_SEARCHED_ROWS", "MAX_FOUND_ROWS"):
        monkeypatch.setattr(lists, name, SEARCHED)


def add_rows(first: int, count: int) -> None:
    """So many people, each with a token, an audit entry, and a project with a run of theirs."""
    numbers, now = range(first, first + count), timezone.now()
    users = User.objects.bulk_create(User(email=f"p{n}@example.com", name=f"Person {n}") for n in numbers)
    AccessToken.objects.bulk_create(
        AccessToken(user=user, name=f"phone {user.pk}", secret_sha256=f"{user.pk:064}", expires_at=now)
        for user in users
    )
    AuditEntry.objects.bulk_create(AuditEntry(actor=user, action="signed_in", detail={}) for user in users)
    projects = Project.objects.bulk_create(
        Project(
            name=f"Project {n}", slug=f"project-{n}", repository_url="https://git.example.com/x.git", status="ready"
        )
        for n in numbers
    )
    pairs = list(zip(projects, users, strict=True))
    Membership.objects.bulk_create(Membership(project=project, user=user, role="owner") for project, user in pairs)
    Run.objects.bulk_create(
        Run(project=project, created_by=user, title=f"Run {project.pk}", prompt="x", selected_agent="script")
        for project, user in pairs
    )


def page_of(model: type[Any], **query: str) -> tuple[str, dict[str, str]]:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), query


def shown(console: Client, model: type[Any], text: str) -> list[Any]:
    """The rows that a search finds."""
    path, query = page_of(model, q=text)
    return list(console.get(path, query).context["cl"].result_list)


@pytest.mark.once
@pytest.mark.usefixtures("small")
def test_a_list_or_a_search_visits_as_many_rows_among_many_as_among_few(console: Client) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("Only SQLite counts its steps.")

    def work() -> dict[str, int]:
        found = {}
        for model in SEARCHED_MODELS:
            for text in ("", "nothing of the kind", "p1@example.com"):
                path, query = page_of(model, q=text)
                with counted_steps() as steps:
                    assert console.get(path, query).status_code == 200
                found[f"{model.__name__} {text}"] = steps[0]
        return found

    add_rows(0, FEW)
    few = work()
    add_rows(FEW, MANY - FEW)
    many = work()
    assert [f"{name}: {few[name]}, {steps}" for name, steps in many.items() if steps > 1.5 * few[name] + 1_000] == []


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("model", SEARCHED_MODELS, ids=lambda model: model.__name__)
def test_a_search_finds_a_new_row_by_a_part_and_an_old_one_by_its_id(console: Client, model: type[Any]) -> None:
    add_rows(1, 2 * SEARCHED)
    first, last = (model.objects.order_by(order).exclude(pk=1)[0] for order in ("pk", "-pk"))
    assert last in shown(console, model, {AuditEntry: "signed", User: "person", AccessToken: "phone"}.get(model, "r"))
    assert first in shown(console, model, str(first.pk))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("model", [User, AccessToken, AuditEntry, Membership, Run], ids=lambda model: model.__name__)
def test_an_old_row_is_found_by_a_whole_email_and_not_by_a_part(console: Client, model: type[Any]) -> None:
    add_rows(1, 2 * SEARCHED)
    assert len(shown(console, model, "p1@example.com")) == 1
    assert shown(console, model, "p1@example.co") == []


@pytest.mark.usefixtures("small")
def test_what_a_search_looks_at_is_said_where_it_is_not_all(console: Client) -> None:
    path, _ = page_of(User)
    told = f"Looks at the newest {SEARCHED} rows; at all for a whole id, email."
    assert told not in console.get(path).content.decode()
    add_rows(1, 2 * SEARCHED)
    assert told in console.get(path).content.decode()


@pytest.mark.usefixtures("small")
def test_a_person_is_chosen_by_typing_among_many(console: Client, user: User) -> None:
    add_rows(1, 2 * SEARCHED)
    query = {"app_label": "projects", "model_name": "membership", "field_name": "user", "term": user.email}
    found = console.get(reverse("admin:autocomplete"), query).json()["results"]
    assert [row["text"] for row in found] == [user.email]


@pytest.mark.parametrize("model", SEARCHED_MODELS, ids=lambda model: model.__name__)
def test_no_list_counts_the_rows_of_every_choice(console: Client, model: type[Any]) -> None:
    path, query = page_of(model, _facets="True")
    with CaptureQueriesContext(connection) as asked:
        assert console.get(path, query).status_code == 200
    assert [each["sql"] for each in asked if "COUNT(" in each["sql"] and "LIMIT" not in each["sql"]] == []


def test_no_form_offers_all_rows_of_a_table(console: Client, project: Project) -> None:
    """Whoever writes one names the field in `autocomplete_fields` or `raw_id_fields`."""
    add_rows(1, 5)
    for model, registered in admin.site._registry.items():
        if registered.has_add_permission(console.get("/admin/").wsgi_request):
            page = console.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add"))
            assert "p1@example.com" not in page.content.decode(), model
    page = console.get(reverse("admin:projects_project_change", args=[project.pk]))
    assert "p1@example.com" not in page.content.decode()


@pytest.fixture
def queries_of_page(console: Client, project: Project) -> Callable[[], int]:
    """How many queries the project's page takes."""

    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            page = console.get(reverse("admin:projects_project_change", args=[project.pk]))
        assert page.status_code == 200
        return len(asked)

    return count


def add_members(project: Project, first: int, count: int) -> None:
    users = User.objects.bulk_create(User(email=f"m{n}@example.com") for n in range(first, first + count))
    Membership.objects.bulk_create(Membership(project=project, user=user, role="viewer") for user in users)


def test_the_page_of_a_project_with_many_members_takes_no_more_than_that_with_some(
    project: Project, queries_of_page: Callable[[], int], console: Client
) -> None:
    add_members(project, 0, MAX_SHOWN_MEMBERS)
    some = queries_of_page()
    add_members(project, MAX_SHOWN_MEMBERS, 10 * MAX_SHOWN_MEMBERS)
    assert queries_of_page() <= some
    page = console.get(reverse("admin:projects_project_change", args=[project.pk])).content.decode()
    path, _ = page_of(Membership)
    assert f"{path}?project={project.pk}" in page
    assert len(console.get(path, {"project": project.pk}).context["cl"].result_list) == 50


def act(console: Client, action: str, *rows: Membership) -> str:
    path, _ = page_of(Membership)
    body = {"action": action, "_selected_action": [row.pk for row in rows]}
    return console.post(path, body, follow=True).content.decode()


def test_roles_are_given_and_people_removed_in_the_list_of_memberships(
    console: Client, project: Project, make_user: MakeUser
) -> None:
    owner = project.memberships.get()
    bert = Membership.objects.create(project=project, user=make_user("bert@example.com"), role="viewer")
    assert "somebody else an owner" in act(console, "remove", owner)
    act(console, "make_owner", bert)
    act(console, "remove", owner)
    assert [(row.pk, row.role) for row in project.memberships.all()] == [(bert.pk, "owner")]
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {"member_changed", "member_removed"}
