"""Bodies that may be left out: the document marks as required only those without which an operation refuses."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from projects.models import Project
from runs.models import Run
from tests.config.described import OPERATIONS
from tests.conftest import MakeApi, MakeUser, QueueRun

REVIEW = {"runs_reject": "reject", "runs_approve": "approve", "runs_commit": "commit", "runs_push": "push"}
"""In the order in which one run can be given them all."""
NOW = {"updatedAt": "now", "meta": "cursors are signed now"}
UPDATES = {
    "projects_credential_update": "/api/projects/{project}/credential",
    "projects_mcp_servers_update": "/api/projects/{project}/mcp-servers/{server}",
    "projects_members_update": "/api/projects/{project}/members/{user}",
    "projects_update": "/api/projects/{project}",
    "runs_update": "/api/runs/{run}",
    "settings_providers_update": "/api/settings/providers/script",
    "settings_server_params_update": "/api/settings/server-params",
}


def test_every_optional_body_is_left_out_below() -> None:
    bodies = {each["operationId"]: each["requestBody"] for _, _, each in OPERATIONS if "requestBody" in each}

    assert {name for name, body in bodies.items() if not body["required"]} == REVIEW.keys() | UPDATES.keys()


@pytest.mark.django_db(transaction=True)
def test_a_run_is_reviewed_committed_and_pushed_without_a_body(api: APIClient, carry_out: QueueRun) -> None:
    run = carry_out("```file note.txt\nhello\n```")

    answers = {action: api.post(f"/api/runs/{run.pk}/{action}").status_code for action in REVIEW.values()}

    assert answers == {"reject": 200, "approve": 200, "commit": 200, "push": 202}


@pytest.mark.parametrize("path", UPDATES.values(), ids=UPDATES.keys())
def test_an_update_without_a_body_changes_nothing(
    path: str, project: Project, run: Run, make_user: MakeUser, make_api: MakeApi
) -> None:
    owner: User = make_user("owner@example.com", is_staff=True, is_superuser=True)
    project.memberships.create(user=owner, role="owner")
    client = make_api(owner)
    server = project.mcp_servers.create(name="a", kind="stdio", command="a")
    address = path.format(project=project.pk, run=run.pk, user=owner.pk, server=server.pk)
    login = {"kind": "https_token", "token": "a-token"}
    assert client.put(f"/api/projects/{project.pk}/credential", login).status_code == 200
    shown = next(each for each in (address, address.rpartition("/")[0]) if client.get(each).status_code == 200)
    before = client.get(shown).json()

    assert client.put(address).status_code == 200
    assert client.get(shown).json() | NOW == before | NOW


@pytest.mark.django_db
def test_an_answer_to_an_agent_without_a_body_is_refused(api: APIClient, run: Run) -> None:
    question = run.permissions.create(attempt=1, kind="execute", title="May I?", expires_at=timezone.now())

    answer = api.post(f"/api/runs/{run.pk}/permissions/{question.pk}")

    assert (answer.status_code, answer.json()["code"]) == (422, "validation-failed")
