"""What an archived project keeps for its next clone, and what holds when several people act at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from projects.models import Membership, Project
from projects.workspaces import open_repository
from runs.models import Run, RunAttempt
from snapshots.models import Snapshot
from tests.conftest import MakeApi, QueueRun, all_at_once
from tests.projects.git.remotes import http_server, smart_http

PROMPT = "Write a note.\n\n```file note.txt\nhello\n```\n"
WorkOff = Callable[[], None]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("comes_back_from", ["archived", "error"])
def test_a_new_clone_keeps_branches_snapshots_and_commits_that_were_not_pushed(
    api: APIClient, carry_out: QueueRun, cloned: Project, work_off: WorkOff, comes_back_from: str
) -> None:
    run = carry_out(PROMPT)
    assert api.post(f"/api/runs/{run.pk}/approve", {"commit": True}).status_code == 200
    diff = api.get(f"/api/runs/{run.pk}/diff").json()
    Project.objects.update(status=comes_back_from)

    assert api.post(f"/api/projects/{cloned.pk}/clone").status_code == 202
    work_off()

    assert api.get(f"/api/projects/{cloned.pk}").json()["status"] == "ready"
    attempt, repository = RunAttempt.objects.get(), open_repository(cloned)
    assert repository.resolve(f"refs/heads/{attempt.branch}") == attempt.commit
    assert attempt.commit is not None
    assert [repository.resolve(snapshot.ref) for snapshot in Snapshot.objects.order_by("pk")] == list(
        Snapshot.objects.order_by("pk").values_list("commit", flat=True)
    )
    assert Snapshot.objects.count() == 2
    assert api.get(f"/api/runs/{run.pk}/diff").json() == diff
    assert api.post(f"/api/runs/{run.pk}/push").status_code == 202
    work_off()
    attempt.refresh_from_db()
    assert (attempt.push_status, attempt.push_error) == ("pushed", None)


@pytest.mark.django_db(transaction=True)
def test_a_project_is_archived_or_its_run_starts_never_both(
    user: User, make_api: MakeApi, project: Project, run: Run
) -> None:
    clients = [make_api(user), make_api(user)]

    def act(number: int) -> int:
        if number == 0:
            return clients[0].delete(f"/api/projects/{project.pk}").status_code
        return clients[1].post(f"/api/runs/{run.pk}/start").status_code

    archived, started = all_at_once(2, act)
    project.refresh_from_db()
    run.refresh_from_db()
    assert (archived, started, project.status, run.status) in [
        (204, 409, "archived", "draft"),
        (409, 202, "ready", "queued"),
    ]


@pytest.mark.django_db(transaction=True)
def test_many_clones_at_once_are_one(user: User, make_api: MakeApi, project: Project) -> None:
    Project.objects.update(status="error")
    clients = [make_api(user) for _ in range(10)]
    answers = all_at_once(10, lambda n: clients[n].post(f"/api/projects/{project.pk}/clone").status_code)
    assert sorted(answers) == [202] + [409] * 9


@pytest.mark.django_db(transaction=True)
def test_a_project_is_pulled_or_archived_never_both(user: User, make_api: MakeApi, project: Project) -> None:
    clients = [make_api(user), make_api(user)]

    def act(number: int) -> int:
        if number == 0:
            return clients[0].delete(f"/api/projects/{project.pk}").status_code
        return clients[1].post(f"/api/projects/{project.pk}/pull").status_code

    assert tuple(all_at_once(2, act)) in [(204, 409), (409, 202)]


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_a_list_asks_the_database_as_often_for_many_projects_as_for_one(
    make_user: Any, make_api: MakeApi, project: Project, role: str
) -> None:
    person = make_user("person@example.com", is_staff=role == "operator")
    api = make_api(person)

    def ask() -> tuple[int, int]:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            rows = api.get("/api/projects").json()["data"]
        return len(rows), len(queries)

    Membership.objects.create(project=project, user=person, role="viewer")
    ask()  # the token's last use is noted once
    one, for_one = ask()
    for number in range(10):
        made = Project.objects.create(
            name=f"p{number}", slug="p", repository_url="https://example.com/p", status="ready"
        )
        Membership.objects.create(project=made, user=person, role="maintainer")
        Run.objects.create(project=made, title="x", prompt="x", selected_agent="script")
    many, for_many = ask()
    assert (one, many) == (1, 11)
    assert for_many <= for_one


def test_a_list_tells_the_callers_own_roles(api: APIClient, project: Project, user: User, make_user: Any) -> None:
    other = Project.objects.create(name="Other", slug="other", repository_url="https://example.com/o", status="ready")
    Membership.objects.create(project=other, user=user, role="viewer")
    Membership.objects.create(project=other, user=make_user("bert@example.com"), role="owner")
    rows = api.get("/api/projects").json()["data"]
    assert {row["name"]: row["role"] for row in rows} == {"Sample": "owner", "Other": "viewer"}


@pytest.mark.django_db(transaction=True)
def test_leave_for_the_address_is_asked_for_at_every_pull_and_push(
    api: APIClient, remote: Path, work_off: WorkOff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_ALLOW_PRIVATE_HOSTS", "true")
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH", "true")
    with http_server(smart_http(remote.parent)) as base:
        project = api.post("/api/projects", {"name": "a", "repositoryUrl": f"{base}/remote.git"}).json()
        body = {"projectId": project["id"], "title": "x", "prompt": PROMPT, "safeMode": False}
        work_off()
        run = api.post("/api/runs", {**body, "start": True}).json()
        work_off()
        api.post(f"/api/runs/{run['id']}/approve", {"commit": True})
        monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_ALLOW_PRIVATE_HOSTS", "false")
        assert api.post(f"/api/projects/{project['id']}/pull").status_code == 202
        assert api.post(f"/api/runs/{run['id']}/push").status_code == 202
        work_off()
    shown = api.get(f"/api/projects/{project['id']}").json()
    assert (shown["status"], shown["error"]["code"]) == ("ready", "transport-not-allowed")
    attempt = RunAttempt.objects.get()
    assert attempt.push_error is not None
    assert attempt.push_error["code"] == "transport-not-allowed"
