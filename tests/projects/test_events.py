"""`project_updated`: what the user stream tells of projects; no run's log has it."""

import json
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from projects.events import tell_of
from projects.models import Project
from runs.models import AgentEvent, Run
from runs.stream import log
from runs.stream.log import Topic

WorkOff = Callable[[], None]


def told() -> list[Any]:
    """What the user stream has of projects, oldest first."""
    frames = [frame for frame in log.read_after(Topic(None), 0) if frame.event_type == "project_updated"]
    return [json.loads(frame.public_json) for frame in frames]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("allow_local")
def test_a_clone_and_a_pull_are_told_step_by_step(api: APIClient, remote: Path, work_off: WorkOff) -> None:
    project = api.post("/api/projects", {"name": "a", "repositoryUrl": str(remote)}).json()
    work_off()
    api.post(f"/api/projects/{project['id']}/pull")
    work_off()
    statuses = [status for status, _ in groupby(event["data"]["status"] for event in told())]
    assert statuses == ["pending", "cloning", "ready", "pulling", "ready"]
    phases = [event["data"]["progress"]["phase"] for event in told() if event["data"]["progress"]]
    assert "Counting objects" in phases
    assert len(phases) == len(set(phases))
    assert told()[-1]["data"]["headCommit"] == Project.objects.get().head_commit


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("allow_local")
def test_a_clone_that_fails_is_told_with_its_error(api: APIClient, tmp_path: Path, work_off: WorkOff) -> None:
    api.post("/api/projects", {"name": "a", "repositoryUrl": str(tmp_path / "nothing.git")})
    work_off()
    last = told()[-1]["data"]
    assert (last["status"], last["error"]["code"]) == ("error", "repository-not-found")


def test_the_event_belongs_to_no_run(api: APIClient, project: Project, user: Any) -> None:
    api.put(f"/api/projects/{project.pk}", {"name": "New"})
    (event,) = told()
    assert event.pop("createdAt").endswith("Z")
    assert event.pop("id") == AgentEvent.objects.get().pk
    assert event == {
        "runId": None,
        "projectId": project.pk,
        "seq": None,
        "attempt": None,
        "eventType": "project_updated",
        "severity": "info",
        "path": None,
        "message": "New is ready.",
        "data": {
            "status": "ready",
            "progress": None,
            "headCommit": "0" * 40,
            "error": None,
            "index": {"status": "none", "progress": None, "commit": None},
        },
    }


@pytest.mark.parametrize(("method", "path"), [("DELETE", ""), ("POST", "/pull"), ("PUT", "")])
def test_each_change_is_told_once(api: APIClient, project: Project, method: str, path: str) -> None:
    answer = api.generic(method, f"/api/projects/{project.pk}{path}")
    assert answer.status_code < 300
    assert len(told()) == 1


@pytest.mark.parametrize("path", ["/clone", "/pull"])
def test_a_refused_change_is_not_told(api: APIClient, project: Project, path: str) -> None:
    Project.objects.update(status="cloning")
    assert api.post(f"/api/projects/{project.pk}{path}").status_code == 409
    assert told() == []


def test_a_change_that_is_undone_is_not_told(project: Project) -> None:
    with transaction.atomic():
        tell_of(project.pk)
        transaction.set_rollback(True)
    assert told() == []


def test_the_log_of_a_run_does_not_have_it(api: APIClient, run: Run) -> None:
    api.put(f"/api/projects/{run.project_id}", {"name": "New"})
    assert api.get(f"/api/runs/{run.pk}/events").json()["data"] == []
    assert log.read_after(Topic(run.pk), 0) == []
