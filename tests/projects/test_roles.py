"""Every route that belongs to a project, by role, and what an archived project still lets do."""

import json
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from projects.models import Membership, Project
from runs.models import Permission, Run
from snapshots.models import Snapshot
from tests.accounts.test_abilities import DOORS, Door
from tests.config.answers import problem
from tests.conftest import MakeApi, MakeUser
from tests.projects.conftest import AsRole

RANK = ["viewer", "maintainer", "owner"]
TOKEN = {"kind": "https_token", "token": "x"}
CHANGES: dict[str, tuple[str, Any]] = {
    "POST api/runs": ("maintainer", {"title": "x", "prompt": "x"}),  # with the project's id
    "PUT api/projects/<id:pk>": ("owner", {"name": "New"}),
    "DELETE api/projects/<id:pk>": ("owner", None),
    "POST api/projects/<id:pk>/clone": ("owner", None),
    "POST api/projects/<id:pk>/pull": ("maintainer", None),
    "POST api/projects/<id:pk>/index-rag": ("maintainer", None),
    "POST api/projects/<id:pk>/index-rag/cancel": ("maintainer", None),
    "POST api/projects/<id:pk>/docs/regenerate": ("maintainer", None),
    "GET api/projects/<id:project>/credential": ("owner", None),
    "PUT api/projects/<id:project>/credential": ("owner", TOKEN),
    "DELETE api/projects/<id:project>/credential": ("owner", None),
    "POST api/projects/<id:project>/members": ("owner", {"email": "new@example.com", "role": "viewer"}),
    "PUT api/projects/<id:project>/members/<id:user>": ("owner", {"role": "maintainer"}),
    "DELETE api/projects/<id:project>/members/<id:user>": ("owner", None),
    "POST api/projects/<id:project>/mcp-servers": ("owner", {"name": "b", "kind": "stdio", "command": "b"}),
    "PUT api/projects/<id:project>/mcp-servers/<id:pk>": ("owner", {"enabled": False}),
    "DELETE api/projects/<id:project>/mcp-servers/<id:pk>": ("owner", None),
    "POST api/projects/<id:project>/snapshots": ("maintainer", {"description": "x"}),
    "POST api/snapshots/<id:pk>/restore": ("maintainer", None),
    "POST api/snapshots/<id:pk>/compare": ("viewer", {"against": "current"}),
    "PUT api/runs/<id:pk>": ("maintainer", {"title": "New"}),
    "DELETE api/runs/<id:pk>": ("maintainer", None),
    **{
        f"POST api/runs/<id:pk>/{name}": ("maintainer", None)
        for name in ("start", "pause", "resume", "cancel", "retry", "approve", "reject", "commit", "push")
    },
    "GET api/runs/<id:pk>/push-preview": ("maintainer", None),
    "POST api/runs/<id:run>/messages": ("maintainer", {"text": "x"}),
    "DELETE api/runs/<id:run>/messages/<id:pk>": ("maintainer", None),
    "POST api/runs/<id:pk>/comments": ("maintainer", {"comments": [{"path": "app.py", "line": 1, "text": "x"}]}),
    "POST api/runs/<id:run>/permissions/<id:pk>": ("maintainer", {"optionId": "yes"}),
}
"""Each change, and the readings that are not for all members: the least role, and a body that fits."""

STAYS_OPEN = {
    "POST api/projects/<id:pk>/clone",
    "POST api/snapshots/<id:pk>/compare",
    "GET api/projects/<id:project>/credential",
    "GET api/runs/<id:pk>/push-preview",
}
"""What an archived project still lets do."""


def name_of(door: Door) -> str:
    return f"{door.method} {door.route}"


def belongs_to_a_project(door: Door) -> bool:
    return door.route.startswith(("api/projects/<", "api/runs/<", "api/snapshots/<"))


OURS = {name_of(door): door for door in DOORS if belongs_to_a_project(door) or name_of(door) == "POST api/runs"}
READINGS = [name for name in OURS if name.startswith("GET") and name not in CHANGES]


@pytest.fixture
def knock(project: Project, run: Run, make_user: MakeUser) -> Any:
    """Asks at a door for things that are there, with a body that fits."""
    make_user("new@example.com")
    member = make_user("member@example.com")
    Membership.objects.create(project=project, user=member, role="viewer")
    options = [{"optionId": "yes", "kind": "allow_once", "name": "Yes"}]
    permission = Permission.objects.create(
        run=run, attempt=1, kind="execute", title="May I?", options=options, expires_at=timezone.now()
    )
    message = run.messages.create(attempt=1, text="x")
    server = project.mcp_servers.create(name="a", kind="stdio", command="a")
    snapshot = Snapshot.objects.create(
        project=project, run=run, attempt=1, kind="before_run", ref="refs/quarterdeck/x", commit="0" * 40, tree="0" * 40
    )

    def ask(client: APIClient, name: str) -> Any:
        door, (_, body) = OURS[name], CHANGES.get(name, ("viewer", None))
        items = {"<id:user>": member.pk, "/permissions/": permission.pk, "/messages/": message.pk}
        items["/mcp-servers/"] = server.pk
        item = next((pk for part, pk in items.items() if part in door.route), snapshot.pk)
        if name == "POST api/runs":
            body = {**body, "projectId": project.pk}
        path = door.path(project.pk, run.pk, item)
        return client.generic(door.method, path, "" if body is None else json.dumps(body), "application/json")

    return ask


def test_the_table_has_every_change_and_nothing_else() -> None:
    changes = {name for name in OURS if not name.startswith("GET")}
    readings = {"GET api/projects/<id:project>/credential", "GET api/runs/<id:pk>/push-preview"}
    assert changes | readings == set(CHANGES)


@pytest.mark.parametrize("name", sorted(name for name, (least, _) in CHANGES.items() if least != "viewer"))
def test_a_role_below_the_least_is_refused(knock: Any, as_role: AsRole, project: Project, name: str) -> None:
    least, _ = CHANGES[name]
    for role in RANK[: RANK.index(least)]:
        answer = knock(as_role(role), name)
        assert (problem(answer), answer.json()["requiredRole"]) == ((403, "role-required"), least)
        assert answer.json()["projectId"] == project.pk


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_the_least_role_is_enough(knock: Any, as_role: AsRole, name: str) -> None:
    answer = knock(as_role(CHANGES[name][0]), name)
    assert answer.status_code < 500
    assert answer.status_code not in (401, 404, 422)
    assert answer.status_code != 403 or answer.json()["code"] == "push-disabled"


@pytest.mark.parametrize("name", sorted(READINGS))
def test_a_viewer_reads(knock: Any, as_role: AsRole, name: str) -> None:
    assert knock(as_role("viewer"), name).status_code in (200, 400, 404, 409)  # 400: a search for nothing


@pytest.mark.parametrize("name", sorted(name for name in CHANGES if OURS[name].ability != "projects:read"))
def test_the_role_alone_is_not_enough(knock: Any, user: User, make_api: MakeApi, name: str) -> None:
    answer = knock(make_api(user, "projects:read", "settings:read"), name)
    assert (problem(answer), answer.json()["requiredAbility"]) == ((403, "missing-ability"), OURS[name].ability)


@pytest.mark.parametrize("name", sorted(name for name, (least, _) in CHANGES.items() if least != "viewer"))
def test_an_operator_acts_as_owner_and_is_audited(knock: Any, operator: User, make_api: MakeApi, name: str) -> None:
    answer = knock(make_api(operator), name)
    assert answer.status_code not in (401, 404)
    assert answer.status_code != 403 or answer.json()["code"] == "push-disabled"
    assert AuditEntry.objects.get(action="acted_as_owner", actor=operator).detail["role"] == CHANGES[name][0]


@pytest.mark.usefixtures("allow_local")
@pytest.mark.parametrize("name", sorted(set(CHANGES) - STAYS_OPEN))
def test_an_archived_project_refuses_to_be_changed(knock: Any, api: APIClient, name: str) -> None:
    Project.objects.update(status="archived")
    answer = knock(api, name)
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "project-not-ready"), "archived")
    assert answer.json()["allowedActions"] == ["clone"]


@pytest.mark.parametrize("name", sorted(set(CHANGES) - STAYS_OPEN))
def test_the_role_comes_before_the_state(knock: Any, as_role: AsRole, name: str) -> None:
    Project.objects.update(status="archived")
    assert problem(knock(as_role("viewer"), name)) == (403, "role-required")


@pytest.mark.parametrize("name", sorted(READINGS))
def test_an_archived_project_stays_readable(knock: Any, api: APIClient, name: str) -> None:
    before = knock(api, name)
    Project.objects.update(status="archived")
    assert knock(api, name).status_code == before.status_code
