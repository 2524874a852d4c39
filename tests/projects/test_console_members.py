"""Members and credentials in the console: the same rules and the same audit as over the API."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from projects.models import Membership, Project, ProjectCredential
from tests.conftest import MakeUser

SECRET = "correct-horse-token-9731"


@pytest.fixture
def console(operator: User) -> Client:
    """An operator's browser."""
    User.objects.filter(pk=operator.pk).update(is_superuser=True)
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def save(console: Client, project: Project) -> Any:
    """Saves the project's page with these rows of members; what the operator is told."""

    def send(*rows: dict[str, Any]) -> str:
        body: dict[str, Any] = {"memberships-INITIAL_FORMS": sum("id" in row for row in rows)}
        body["memberships-TOTAL_FORMS"] = len(rows)
        for number, row in enumerate(rows):
            filled = {"project": project.pk, **row}
            body |= {f"memberships-{number}-{name}": value for name, value in filled.items()}
        page = reverse("admin:projects_project_change", args=[project.pk])
        answer = console.post(page, body, follow=True)
        assert answer.status_code == 200
        return answer.content.decode()

    return send


def row(membership: Membership, **changes: Any) -> dict[str, Any]:
    return {"id": membership.pk, "user": membership.user_id, "role": membership.role, **changes}


def test_a_member_is_added(save: Any, project: Project, make_user: MakeUser) -> None:
    owner, bert = project.memberships.get(), make_user("bert@example.com")
    save(row(owner), {"user": bert.pk, "role": "viewer"})
    assert project.memberships.get(user=bert).role == "viewer"
    assert AuditEntry.objects.filter(action="member_added").count() == 1


def test_a_member_gets_another_role(save: Any, project: Project, make_user: MakeUser) -> None:
    bert = Membership.objects.create(project=project, user=make_user("bert@example.com"), role="viewer")
    save(row(project.memberships.first()), row(bert, role="maintainer"))  # type: ignore[arg-type]  # there is an owner
    bert.refresh_from_db()
    assert bert.role == "maintainer"
    assert AuditEntry.objects.filter(action="member_changed").count() == 1


def test_a_member_is_removed(save: Any, project: Project, make_user: MakeUser) -> None:
    owner = project.memberships.get()
    bert = Membership.objects.create(project=project, user=make_user("bert@example.com"), role="viewer")
    save(row(owner), row(bert, DELETE="on"))
    assert list(project.memberships.all()) == [owner]
    assert AuditEntry.objects.filter(action="member_removed").count() == 1


@pytest.mark.parametrize("change", [{"DELETE": "on"}, {"role": "viewer"}])
def test_the_last_owner_stays(save: Any, project: Project, change: dict[str, str]) -> None:
    owner = project.memberships.get()
    assert "somebody else an owner" in save(row(owner, **change))
    assert project.memberships.get().role == "owner"


def test_no_page_shows_the_secret_of_a_credential(console: Client, api: APIClient, project: Project) -> None:
    api.put(f"/api/projects/{project.pk}/credential", {"kind": "https_token", "token": SECRET})
    stored = ProjectCredential.objects.get()
    pages = [
        reverse("admin:projects_projectcredential_changelist"),
        reverse("admin:projects_projectcredential_change", args=[stored.pk]),
    ]
    shown = "".join(console.get(page).content.decode() for page in pages)
    assert stored.fingerprint in shown
    assert stored.secret not in shown
    assert SECRET not in shown
