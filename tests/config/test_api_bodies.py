"""Members of bodies: unknown, read-only, missing, of the wrong type. Pointers are in camelCase; nothing changes."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from projects.models import Project
from runs.models import Run
from tests.config.answers import pointers

GOOD = {"name": "New", "repositoryUrl": "https://git.example.com/new.git"}
WRONG: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({**GOOD, "nmae": "x"}, {"/nmae": "unknown-member"}),
    ({**GOOD, "default_branch": "main"}, {"/default_branch": "unknown-member"}),
    ({**GOOD, "a/b~c": 1}, {"/a~1b~0c": "unknown-member"}),
    ({**GOOD, "": 1}, {"/": "unknown-member"}),
    ({**GOOD, "id": 7}, {"/id": "read-only"}),
    ({**GOOD, "headCommit": "x", "status": "ready"}, {"/headCommit": "read-only", "/status": "read-only"}),
    ({"name": "New"}, {"/repositoryUrl": "required"}),
    ({**GOOD, "name": ""}, {"/name": "blank"}),
    ({**GOOD, "name": None}, {"/name": "null"}),
    ({**GOOD, "name": 5}, {"/name": "wrong-type"}),
    ({**GOOD, "name": True}, {"/name": "wrong-type"}),
    ({**GOOD, "name": ["a"]}, {"/name": "wrong-type"}),
    ({**GOOD, "name": "x" * 201}, {"/name": "max-length"}),
    ({**GOOD, "name": "a\0"}, {"/name": "null-characters-not-allowed"}),
    ({**GOOD, "name": " " + "x" * 200}, {"/name": "max-length"}),
    ({**GOOD, "description": "x" * 10_001}, {"/description": "max-length"}),
    ({**GOOD, "defaultBranch": "-x"}, {"/defaultBranch": "invalid-branch"}),
    ({**GOOD, "defaultBranch": "a..b"}, {"/defaultBranch": "invalid-branch"}),
    ({**GOOD, "defaultBranch": "a b"}, {"/defaultBranch": "invalid-branch"}),
    ({**GOOD, "defaults": "x"}, {"/defaults": "invalid"}),
    ({**GOOD, "defaults": {"selectedAgent": "nobody"}}, {"/defaults/selectedAgent": "does-not-exist"}),
    ({**GOOD, "defaults": {"selectedModel": "gpt"}}, {"/defaults/selectedModel": "does-not-exist"}),
    ({**GOOD, "defaults": {"safeMode": "yes"}}, {"/defaults/safeMode": "wrong-type"}),
    ({**GOOD, "defaults": {"ragEnabled": 1}}, {"/defaults/ragEnabled": "wrong-type"}),
    ({**GOOD, "defaults": {"selectedAgnet": "script"}}, {"/defaults/selectedAgnet": "unknown-member"}),
    ({**GOOD, "defaults": {"safe_mode": True}}, {"/defaults/safe_mode": "unknown-member"}),
]


@pytest.mark.parametrize(("body", "expected"), WRONG)
def test_a_wrong_member_of_a_new_project_is_pointed_at(
    api: APIClient, body: dict[str, Any], expected: dict[str, str]
) -> None:
    assert pointers(api.post("/api/projects", body)) == expected
    assert not Project.objects.exists()


@pytest.mark.parametrize("body", [[], [GOOD], "text", 5, None, True])
def test_a_body_that_is_no_object_is_refused(api: APIClient, body: Any) -> None:
    assert list(pointers(api.post("/api/projects", body, format="json")))
    assert not Project.objects.exists()


def test_the_address_of_a_project_is_read_only_afterwards(api: APIClient, project: Project) -> None:
    answer = api.put(f"/api/projects/{project.pk}", {"name": "Other", "repositoryUrl": "https://git.example.com/x.git"})

    assert pointers(answer) == {"/repositoryUrl": "read-only"}
    assert Project.objects.get().name == "Sample"


def test_a_good_member_beside_a_bad_one_changes_nothing(api: APIClient, project: Project) -> None:
    answer = api.put(f"/api/projects/{project.pk}", {"name": "Other", "defaults": {"safeMode": "no"}})

    assert pointers(answer) == {"/defaults/safeMode": "wrong-type"}
    assert Project.objects.get().name == "Sample"


def test_absent_members_stay(api: APIClient, project: Project) -> None:
    answer = api.put(f"/api/projects/{project.pk}", {"defaults": {"safeMode": False}})

    assert answer.status_code == 200
    assert answer.json()["defaults"] == {
        "selectedAgent": "script",
        "selectedModel": None,
        "ragEnabled": True,
        "safeMode": False,
    }


def test_a_change_moves_the_time_of_change(api: APIClient, project: Project) -> None:
    before = api.get(f"/api/projects/{project.pk}").json()["updatedAt"]
    assert api.put(f"/api/projects/{project.pk}", {"name": "Other"}).json()["updatedAt"] > before


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"projectId": 10**17}, {"/projectId": "does-not-exist"}),
        ({"projectId": 10**30}, {"/projectId": "incorrect-type"}),
        ({"projectId": "1"}, {"/projectId": "incorrect-type"}),
        ({"projectId": ""}, {"/projectId": "incorrect-type"}),
        ({"projectId": True}, {"/projectId": "incorrect-type"}),
        ({"projectId": 1.5}, {"/projectId": "incorrect-type"}),
        ({"projectId": 1e30}, {"/projectId": "incorrect-type"}),
        ({"projectId": None}, {"/projectId": "null"}),
        ({"prompt": " \n"}, {"/prompt": "blank"}),
        ({"prompt": 5}, {"/prompt": "wrong-type"}),
        ({"prompt": "x" * 200_001}, {"/prompt": "max-length"}),
        ({"title": ""}, {"/title": "blank"}),
        ({"selectedAgent": "nobody"}, {"/selectedAgent": "does-not-exist"}),
        ({"selectedModel": "gpt"}, {"/selectedModel": "does-not-exist"}),
        ({"start": "true"}, {"/start": "wrong-type"}),
        ({"status": "running"}, {"/status": "unknown-member"}),
    ],
)
def test_a_wrong_member_of_a_new_run_is_pointed_at(
    api: APIClient, project: Project, change: dict[str, Any], expected: dict[str, str]
) -> None:
    body = {"projectId": project.pk, "title": "Try", "prompt": "Hello.", **change}
    assert pointers(api.post("/api/runs", body)) == expected
    assert not Run.objects.exists()


def test_a_number_without_a_fraction_is_whole(api: APIClient, project: Project) -> None:
    answer = api.post("/api/runs", {"projectId": float(project.pk), "title": "Try", "prompt": "Hello."})
    assert answer.json()["projectId"] == project.pk


def test_a_project_of_others_does_not_exist_for_a_run(stranger: APIClient, project: Project) -> None:
    answer = stranger.post("/api/runs", {"projectId": project.pk, "title": "Try", "prompt": "Hello."})
    assert pointers(answer) == {"/projectId": "does-not-exist"}


def test_a_draft_stays_in_its_project(api: APIClient, run: Run) -> None:
    assert pointers(api.put(f"/api/runs/{run.pk}", {"projectId": run.project_id})) == {"/projectId": "read-only"}


@pytest.mark.parametrize("action", ["start", "cancel"])
def test_an_action_without_members_refuses_any(api: APIClient, run: Run, action: str) -> None:
    assert pointers(api.post(f"/api/runs/{run.pk}/{action}", {"force": True})) == {"/force": "unknown-member"}
    assert Run.objects.get().status == "draft"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"email": "a@example.com"}, {"/password": "required"}),
        ({"email": 5, "password": "x"}, {"/email": "wrong-type"}),
        ({"email": "a", "password": "x" * 1025}, {"/password": "max-length"}),
        ({"email": "a", "password": "x", "device_name": "p"}, {"/device_name": "unknown-member"}),
        ({"email": "a", "password": "x", "abilities": []}, {"/abilities": "empty"}),
        ({"email": "a", "password": "x", "abilities": "projects:read"}, {"/abilities": "not-a-list"}),
        ({"email": "a", "password": "x", "abilities": ["fly"]}, {"/abilities/0": "invalid-choice"}),
        ({"email": "a", "password": "x", "abilities": [{}]}, {"/abilities/0": "invalid-choice"}),
    ],
)
def test_a_wrong_member_of_a_sign_in_is_pointed_at(db: None, body: dict[str, Any], expected: dict[str, str]) -> None:
    assert pointers(APIClient().post("/api/auth/token", body)) == expected


def test_a_password_is_never_echoed(db: None) -> None:
    answer = APIClient().post("/api/auth/token", {"email": "a", "password": ["hunter2"], "hunter2": 1})
    assert "hunter2" not in str(answer.json()["errors"][0]["detail"])
