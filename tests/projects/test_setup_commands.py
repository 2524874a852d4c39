"""Who may set a project's setup and teardown commands, and what they may be."""

import pytest
from rest_framework.test import APIClient

from projects.models import Project
from tests.config.answers import problem
from tests.projects.conftest import AsRole


def test_they_are_shown_and_null_is_the_servers(api: APIClient, project: Project) -> None:
    path = f"/api/projects/{project.pk}"
    assert api.get(path).json()["setupCommands"] is None
    shown = api.put(path, {"setupCommands": ["make deps"], "teardownCommands": []}).json()
    assert (shown["setupCommands"], shown["teardownCommands"]) == (["make deps"], [])
    assert api.put(path, {"setupCommands": None}).json()["setupCommands"] is None


def test_only_owners_set_them(as_role: AsRole, project: Project) -> None:
    answer = as_role("maintainer").put(f"/api/projects/{project.pk}", {"setupCommands": ["true"]})
    assert problem(answer) == (403, "role-required")


@pytest.mark.parametrize("bad", ["make", [1, {}], [""], ["a\0b"], ["x" * 4001], ["true"] * 21, [None]])
def test_what_is_no_list_of_commands_is_refused(api: APIClient, project: Project, bad: object) -> None:
    answer = api.put(f"/api/projects/{project.pk}", {"setupCommands": bad})
    assert problem(answer) == (422, "validation-failed")
    assert answer.json()["errors"][0]["pointer"].startswith("/setupCommands")
    project.refresh_from_db()
    assert project.setup_commands is None


def test_a_new_project_can_have_them(api: APIClient, db: None) -> None:
    body = {"name": "New", "repositoryUrl": "https://git.example.com/new.git", "setupCommands": ["make deps"]}
    assert api.post("/api/projects", body).json()["setupCommands"] == ["make deps"]
