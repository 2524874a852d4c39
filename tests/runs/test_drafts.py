"""Drafts: made, edited and deleted; nothing else of a run can be."""

import pytest
from rest_framework.test import APIClient

from projects.models import Project
from runs.models import Run

pytestmark = pytest.mark.django_db


def test_a_draft_takes_agent_and_safe_mode_from_its_project(api: APIClient, project: Project) -> None:
    made = api.post("/api/runs", {"projectId": project.pk, "title": "T", "prompt": "P"})
    body = made.json()
    assert (made.status_code, body["status"], body["safeMode"]) == (201, "draft", project.safe_mode)
    assert (body["selectedAgent"], made["Location"]) == (project.selected_agent, f"/api/runs/{body['id']}")


def test_create_with_start_queues(api: APIClient, project: Project) -> None:
    body = {"projectId": project.pk, "title": "T", "prompt": "P", "start": True}
    assert api.post("/api/runs", body).json()["status"] == "queued"


def test_create_with_start_leaves_no_draft_where_it_cannot_start(api: APIClient, project: Project) -> None:
    Project.objects.update(status="error")
    body = {"projectId": project.pk, "title": "T", "prompt": "P", "start": True}
    assert api.post("/api/runs", body).status_code == 409
    assert not Run.objects.exists()


def test_a_draft_is_edited_in_part(api: APIClient, run: Run) -> None:
    body = api.put(f"/api/runs/{run.pk}", {"title": "Other"}).json()
    assert (body["title"], body["prompt"]) == ("Other", run.prompt)


def test_a_draft_is_deleted(api: APIClient, run: Run) -> None:
    assert api.delete(f"/api/runs/{run.pk}").status_code == 204
    assert not Run.objects.exists()


@pytest.mark.parametrize("method", ["put", "delete"])
def test_a_started_run_is_neither_edited_nor_deleted(api: APIClient, run: Run, method: str) -> None:
    Run.objects.update(status="queued")
    answer = getattr(api, method)(f"/api/runs/{run.pk}", {"title": "Other"})
    run.refresh_from_db()
    assert (answer.status_code, answer.json()["code"], run.title) == (409, "run-not-editable", "Try")


def test_a_draft_stays_in_its_project(api: APIClient, run: Run) -> None:
    answer = api.put(f"/api/runs/{run.pk}", {"projectId": run.project_id})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/projectId")
