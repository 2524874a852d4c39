"""Members of a project through the doors: who may look, who manages, and that an owner stays, races included."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from projects.models import Membership, Project
from runs.models import Run
from runs.stream.log import audience_of
from tests.config.answers import pointers, problem
from tests.conftest import MakeApi, MakeUser, all_at_once
from tests.projects.conftest import AsRole


@pytest.fixture
def bert(user: User, make_user: MakeUser) -> User:
    """Somebody with an account, a member of nothing."""
    return make_user("Bert@example.com", name="Bert")


@pytest.fixture
def members(project: Project) -> str:
    return f"/api/projects/{project.pk}/members"


def roles(project: Project) -> dict[str, str]:
    return dict(project.memberships.values_list("user__email", "role"))


def test_a_member_is_shown_whole(api: APIClient, members: str, user: User, project: Project) -> None:
    (row,) = api.get(members).json()["data"]
    assert row.pop("joinedAt").endswith("Z")
    assert row == {"userId": user.pk, "email": "anna@example.com", "name": "Anna", "role": "owner"}


def test_members_come_by_pages_in_the_order_in_which_they_joined(api: APIClient, as_role: AsRole, members: str) -> None:
    for role in ("viewer", "maintainer"):
        as_role(role)
    first = api.get(members, {"limit": 2}).json()
    second = api.get(members, {"limit": 2, "cursor": first["meta"]["nextCursor"]}).json()
    assert [row["role"] for row in first["data"] + second["data"]] == ["owner", "viewer", "maintainer"]
    assert second["meta"]["nextCursor"] is None


def test_an_owner_adds_a_member(api: APIClient, members: str, bert: User, project: Project) -> None:
    answer = api.post(members, {"email": "bert@EXAMPLE.com", "role": "viewer"})
    assert (answer.status_code, answer.headers["Location"]) == (201, f"{members}/{bert.pk}")
    assert (answer.json()["userId"], answer.json()["role"]) == (bert.pk, "viewer")


def test_a_new_member_sees_the_project(
    api: APIClient, members: str, bert: User, make_api: MakeApi, project: Project
) -> None:
    client = make_api(bert)
    assert client.get(f"/api/projects/{project.pk}").status_code == 404
    api.post(members, {"email": bert.email, "role": "viewer"})
    assert client.get(f"/api/projects/{project.pk}").json()["role"] == "viewer"


def test_an_address_that_nobody_has_is_told(api: APIClient, members: str) -> None:
    answer = api.post(members, {"email": "nobody@example.com", "role": "viewer"})
    assert pointers(answer) == {"/email": "does-not-exist"}


def test_a_disabled_person_is_not_added(api: APIClient, members: str, make_user: MakeUser) -> None:
    make_user("gone@example.com", is_active=False)
    assert pointers(api.post(members, {"email": "gone@example.com", "role": "viewer"})) == {"/email": "does-not-exist"}


def test_a_member_is_not_added_twice(api: APIClient, members: str, user: User, project: Project) -> None:
    answer = api.post(members, {"email": user.email, "role": "viewer"})
    assert (problem(answer), answer.json()["userId"]) == ((409, "already-member"), user.pk)
    assert roles(project) == {"anna@example.com": "owner"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"/email": "required", "/role": "required"}),
        ({"email": "no address", "role": "viewer"}, {"/email": "invalid"}),
        ({"email": "anna@example.com", "role": "king"}, {"/role": "invalid-choice"}),
        ({"email": "anna@example.com", "role": None}, {"/role": "null"}),
        ({"email": "anna@example.com", "role": "viewer", "userId": 1}, {"/userId": "read-only"}),
        ({"email": "anna@example.com", "role": "viewer", "rights": "all"}, {"/rights": "unknown-member"}),
        ({"email": "a\0@example.com", "role": "viewer"}, {"/email": "invalid"}),
    ],
)
def test_an_impossible_member_is_refused(
    api: APIClient, members: str, project: Project, body: Any, expected: dict[str, str]
) -> None:
    assert pointers(api.post(members, body)) == expected
    assert roles(project) == {"anna@example.com": "owner"}


def test_an_owner_changes_a_role(api: APIClient, members: str, as_role: AsRole, project: Project) -> None:
    as_role("viewer")
    viewer = User.objects.get(email="viewer@example.com")
    assert api.put(f"{members}/{viewer.pk}", {"role": "maintainer"}).json()["role"] == "maintainer"
    assert roles(project)["viewer@example.com"] == "maintainer"


def test_a_member_stays_the_same_person(api: APIClient, members: str, user: User) -> None:
    assert pointers(api.put(f"{members}/{user.pk}", {"email": "b@example.com"})) == {"/email": "read-only"}


def test_a_new_role_counts_at_once(api: APIClient, members: str, as_role: AsRole, run: Run) -> None:
    client = as_role("maintainer")
    person = User.objects.get(email="maintainer@example.com")
    api.put(f"{members}/{person.pk}", {"role": "viewer"})
    assert problem(client.post(f"/api/runs/{run.pk}/start")) == (403, "role-required")


def test_an_owner_removes_a_member(api: APIClient, members: str, as_role: AsRole, project: Project) -> None:
    client = as_role("maintainer")
    person = User.objects.get(email="maintainer@example.com")
    assert api.delete(f"{members}/{person.pk}").status_code == 204
    assert problem(client.get(f"/api/projects/{project.pk}")) == (404, "not-found")


@pytest.mark.parametrize("role", ["viewer", "maintainer", "owner"])
def test_a_member_may_leave(members: str, as_role: AsRole, project: Project, role: str) -> None:
    client = as_role(role)
    person = User.objects.get(email=f"{role}@example.com")
    assert client.delete(f"{members}/{person.pk}").status_code == 204
    assert roles(project) == {"anna@example.com": "owner"}


def test_the_last_owner_does_not_leave(api: APIClient, members: str, user: User, as_role: AsRole) -> None:
    as_role("maintainer")
    answer = api.delete(f"{members}/{user.pk}")
    assert (problem(answer), answer.json()["userId"]) == ((409, "last-owner"), user.pk)


@pytest.mark.parametrize("role", ["viewer", "maintainer"])
def test_the_last_owner_stays_owner(api: APIClient, members: str, user: User, project: Project, role: str) -> None:
    assert problem(api.put(f"{members}/{user.pk}", {"role": role})) == (409, "last-owner")
    assert roles(project) == {"anna@example.com": "owner"}


def test_the_last_owner_may_be_made_owner_again(api: APIClient, members: str, user: User) -> None:
    assert api.put(f"{members}/{user.pk}", {"role": "owner"}).status_code == 200


def test_an_operator_cannot_remove_the_last_owner_either(
    members: str, user: User, operator: User, make_api: MakeApi
) -> None:
    assert problem(make_api(operator).delete(f"{members}/{user.pk}")) == (409, "last-owner")


@pytest.mark.parametrize("role", ["viewer", "maintainer"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_only_owners_manage_members(as_role: AsRole, members: str, user: User, role: str, method: str) -> None:
    path = members if method == "POST" else f"{members}/{user.pk}"
    answer = as_role(role).generic(method, path, "{}", content_type="application/json")
    assert (problem(answer), answer.json()["requiredRole"]) == ((403, "role-required"), "owner")


def test_a_viewer_reads_the_list(as_role: AsRole, members: str) -> None:
    assert len(as_role("viewer").get(members).json()["data"]) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_stranger_finds_no_members(stranger: APIClient, members: str, method: str) -> None:
    assert problem(stranger.generic(method, members, "{}", content_type="application/json")) == (404, "not-found")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_somebody_who_is_no_member_is_not_found(api: APIClient, members: str, bert: User, method: str) -> None:
    answer = api.generic(method, f"{members}/{bert.pk}", "{}", content_type="application/json")
    assert problem(answer) == (404, "not-found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_an_archived_project_keeps_its_members(
    api: APIClient, members: str, bert: User, user: User, project: Project, method: str
) -> None:
    Membership.objects.create(project=project, user=bert, role="viewer")
    Project.objects.update(status="archived")
    body = {"email": "anna@example.com", "role": "viewer"} if method == "POST" else {"role": "owner"}
    path = members if method == "POST" else f"{members}/{bert.pk}"
    answer = api.generic(method, path, json.dumps(body), content_type="application/json")
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "project-not-ready"), "archived")
    assert roles(project) == {"anna@example.com": "owner", bert.email: "viewer"}


def test_changes_of_members_are_audited(api: APIClient, members: str, bert: User, user: User, project: Project) -> None:
    api.post(members, {"email": bert.email, "role": "viewer"})
    api.put(f"{members}/{bert.pk}", {"role": "owner"})
    api.delete(f"{members}/{bert.pk}")
    rows = AuditEntry.objects.filter(actor=user, action__startswith="member_").order_by("pk")
    assert [(row.action, row.detail["user_id"]) for row in rows] == [
        ("member_added", bert.pk),
        ("member_changed", bert.pk),
        ("member_removed", bert.pk),
    ]


def test_an_operator_who_acts_as_owner_is_audited(
    members: str, bert: User, operator: User, make_api: MakeApi, project: Project
) -> None:
    answer = make_api(operator).post(members, {"email": bert.email, "role": "viewer"})
    assert answer.status_code == 201
    detail = AuditEntry.objects.get(action="acted_as_owner", actor=operator).detail
    assert detail == {"project_id": project.pk, "role": "owner", "request_id": answer.headers["X-Request-ID"]}


def test_an_operator_who_is_an_owner_acts_as_anybody(
    members: str, bert: User, operator: User, make_api: MakeApi, project: Project
) -> None:
    Membership.objects.create(project=project, user=operator, role="owner")
    make_api(operator).post(members, {"email": bert.email, "role": "viewer"})
    assert not AuditEntry.objects.filter(action="acted_as_owner").exists()


def test_streams_of_somebody_removed_see_the_project_no_more(
    api: APIClient, members: str, as_role: AsRole, project: Project
) -> None:
    as_role("viewer")
    person = User.objects.get(email="viewer@example.com")
    assert audience_of([project.pk]).has(person.pk, project.pk)
    api.delete(f"{members}/{person.pk}")
    assert not audience_of([project.pk]).has(person.pk, project.pk)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_of_two_owners_who_drop_each_other_at_once_one_stays(
    members: str, user: User, bert: User, make_api: MakeApi, project: Project, method: str
) -> None:
    Membership.objects.create(project=project, user=bert, role="owner")
    people = [user, bert]

    def drop_the_other(number: int) -> int:
        client, other = make_api(people[number]), people[1 - number]
        body = '{"role": "viewer"}' if method == "PUT" else ""
        answer = client.generic(method, f"{members}/{other.pk}", body, content_type="application/json")
        return answer.status_code

    # The second one is told that the other is the last owner, or finds that it is itself an owner no more.
    codes = sorted(all_at_once(2, drop_the_other))
    assert codes[0] in (200, 204)
    assert codes[1] in (403, 404, 409)
    assert [role for role in roles(project).values() if role == "owner"] == ["owner"]


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_leave_at_once_one_stays(
    members: str, user: User, bert: User, make_api: MakeApi, project: Project
) -> None:
    Membership.objects.create(project=project, user=bert, role="owner")
    people = [user, bert]
    answers = all_at_once(2, lambda n: make_api(people[n]).delete(f"{members}/{people[n].pk}"))
    assert sorted(answer.status_code for answer in answers) == [204, 409]
    assert len(roles(project)) == 1


@pytest.mark.django_db(transaction=True)
def test_somebody_added_many_times_at_once_is_a_member_once(
    members: str, user: User, bert: User, make_api: MakeApi, project: Project
) -> None:
    client_of = [make_api(user) for _ in range(8)]
    body = {"email": bert.email, "role": "viewer"}
    codes = sorted(all_at_once(8, lambda n: client_of[n].post(members, body).status_code))
    assert codes == [201] + [409] * 7
