"""Projects through the doors: create, look at, edit, archive; who may do what."""

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from projects.models import Membership, Project
from runs.models import Run
from runs.services.lifecycle import create_run, start_run
from tests.config.answers import pointers, problem
from tests.conftest import MakeApi, MakeUser

URL = "https://git.example.com/team/sample.git"
LOCAL = "QUARTERDECK_PARAM_SAFETY_ALLOW_LOCAL_REPOSITORIES"
REFUSED = {
    "ftp://git.example.com/a.git": "transport-not-allowed",
    "http://git.example.com/a.git": "transport-not-allowed",
    "ext::sh -c id": "invalid-url",
    "ext::id": "transport-not-allowed",
    "fd::17/foo": "transport-not-allowed",
    "--upload-pack=touch": "invalid-url",
    "-oProxyCommand=id": "invalid-url",
    "ssh://-oProxyCommand=id/a": "invalid-url",
    "git@-oProxyCommand=id:a": "invalid-url",
    "https://git.example.com/a\n.git": "invalid-url",
    "https://git.example.com/a b.git": "invalid-url",
    "https://": "invalid-url",
    "https://git.example.com": "invalid-url",
    "https://git.example.com:99999/a": "invalid-url",
    "sample": "invalid-url",
    "../sample": "invalid-url",
    "/srv/git/sample.git": "local-not-allowed",
    "file:///srv/git/sample.git": "local-not-allowed",
    "https://anna:hunter2@git.example.com/a.git": "credentials-in-url",
    "ssh://anna:hunter2@git.example.com/a.git": "credentials-in-url",
    "https://ghp_hunter2@git.example.com/a.git": "credentials-in-url",
    "https://git.example.com/a.git?token=hunter2": "credentials-in-url",
}


def test_a_new_project_waits_for_its_clone(api: APIClient) -> None:
    answer = api.post("/api/projects", {"name": "My Sample!", "repositoryUrl": URL})
    body = answer.json()
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/api/projects/{body['id']}")
    assert (body["status"], body["slug"], body["role"], body["repositoryUrl"]) == ("pending", "my-sample", "owner", URL)


def test_a_project_is_made_with_its_defaults(api: APIClient) -> None:
    body = {"name": "a", "repositoryUrl": URL, "defaults": {"selectedAgent": "script", "safeMode": False}}
    assert api.post("/api/projects", body).json()["defaults"]["safeMode"] is False


def test_a_name_without_a_letter_gets_a_slug_too(api: APIClient) -> None:
    assert api.post("/api/projects", {"name": "写", "repositoryUrl": URL}).json()["slug"] == "project"


@pytest.mark.parametrize(
    "url", [URL, "ssh://git@git.example.com/a.git", "git@git.example.com:a.git", "git://git.example.com/a"]
)
def test_the_usual_addresses_are_taken(api: APIClient, url: str) -> None:
    assert api.post("/api/projects", {"name": "a", "repositoryUrl": url}).json()["repositoryUrl"] == url


@pytest.mark.parametrize(("url", "code"), REFUSED.items())
def test_another_address_is_refused_with_its_reason(api: APIClient, url: str, code: str) -> None:
    assert pointers(api.post("/api/projects", {"name": "a", "repositoryUrl": url})) == {"/repositoryUrl": code}
    assert not Project.objects.exists()


@pytest.mark.parametrize("url", [url for url in REFUSED if "hunter2" in url])
def test_a_secret_in_an_address_is_not_echoed(api: APIClient, url: str) -> None:
    assert "hunter2" not in api.post("/api/projects", {"name": "a", "repositoryUrl": url}).content.decode()


@pytest.mark.usefixtures("allow_local")
def test_a_local_path_is_taken_where_the_operator_allows_it(api: APIClient) -> None:
    assert api.post("/api/projects", {"name": "a", "repositoryUrl": "/srv/git/a.git"}).status_code == 201


def test_a_new_project_is_audited(api: APIClient, user: User) -> None:
    project = api.post("/api/projects", {"name": "a", "repositoryUrl": URL}).json()
    assert AuditEntry.objects.get(action="project_created", actor=user).detail == {"project_id": project["id"]}


def test_runs_are_counted_by_status(api: APIClient, user: User, project: Project) -> None:
    for _ in range(2):
        last = create_run(project, actor=user, title="x", prompt="x")
    start_run(last, actor=user)
    assert api.get(f"/api/projects/{project.pk}").json()["runCounts"] == {"draft": 1, "queued": 1}


@pytest.mark.parametrize("role", ["viewer", "maintainer", "owner"])
def test_every_member_may_look(as_role: Any, project: Project, role: str) -> None:
    assert as_role(role).get(f"/api/projects/{project.pk}").json()["role"] == role


@pytest.mark.parametrize("role", ["viewer", "maintainer"])
@pytest.mark.parametrize(("method", "path"), [("PUT", ""), ("DELETE", ""), ("POST", "/clone")])
def test_only_owners_change_a_project(as_role: Any, project: Project, role: str, method: str, path: str) -> None:
    answer = as_role(role).generic(method, f"/api/projects/{project.pk}{path}", "{}", content_type="application/json")
    assert (problem(answer), answer.json()["requiredRole"]) == ((403, "role-required"), "owner")
    assert Project.objects.get().status == "ready"


def test_the_role_comes_before_the_body(as_role: Any, project: Project) -> None:
    assert problem(as_role("viewer").put(f"/api/projects/{project.pk}", {"x": 1})) == (403, "role-required")


def test_another_owner_may_change_it(as_role: Any, project: Project) -> None:
    assert as_role("owner").put(f"/api/projects/{project.pk}", {"name": "New"}).json()["name"] == "New"


def test_a_viewer_makes_no_run(as_role: Any, project: Project) -> None:
    body = {"projectId": project.pk, "title": "x", "prompt": "x"}
    assert problem(as_role("viewer").post("/api/runs", body)) == (403, "role-required")


@pytest.mark.parametrize("action", ["start", "cancel", "approve", "reject", "commit", "push"])
def test_a_viewer_steers_no_run(as_role: Any, run: Run, action: str) -> None:
    answer = as_role("viewer").post(f"/api/runs/{run.pk}/{action}")
    assert (problem(answer), answer.json()["requiredRole"]) == ((403, "role-required"), "maintainer")


def test_a_maintainer_starts_a_run(as_role: Any, run: Run) -> None:
    assert as_role("maintainer").post(f"/api/runs/{run.pk}/start").status_code == 202


def test_an_operator_acts_as_owner(project: Project, make_user: MakeUser, make_api: MakeApi) -> None:
    client = make_api(make_user("operator@example.com", is_staff=True))
    assert client.put(f"/api/projects/{project.pk}", {"name": "New"}).json()["role"] == "owner"


def test_a_disabled_operator_sees_nothing(project: Project, make_user: MakeUser, make_api: MakeApi) -> None:
    client = make_api(make_user("operator@example.com", is_staff=True, is_active=False))
    assert client.get(f"/api/projects/{project.pk}").status_code == 401


def test_a_person_who_leaves_sees_the_project_no_more(api: APIClient, project: Project) -> None:
    Membership.objects.all().delete()
    assert problem(api.get(f"/api/projects/{project.pk}")) == (404, "not-found")


def test_a_project_is_archived_not_deleted(api: APIClient, project: Project) -> None:
    assert api.delete(f"/api/projects/{project.pk}").status_code == 204
    assert api.get(f"/api/projects/{project.pk}").json()["status"] == "archived"


def test_an_archived_project_leaves_the_list(api: APIClient, project: Project) -> None:
    api.delete(f"/api/projects/{project.pk}")
    assert api.get("/api/projects").json()["data"] == []


def test_archived_projects_have_a_list_of_their_own(api: APIClient, project: Project) -> None:
    api.delete(f"/api/projects/{project.pk}")
    assert [row["id"] for row in api.get("/api/projects?status=archived").json()["data"]] == [project.pk]


@pytest.mark.parametrize("state", ["queued", "running", "paused"])
def test_a_project_with_a_run_that_is_not_over_is_not_archived(api: APIClient, run: Run, state: str) -> None:
    Run.objects.update(status=state)
    answer = api.delete(f"/api/projects/{run.project_id}")
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "project-not-ready"), "ready")


@pytest.mark.parametrize("state", ["draft", "completed", "failed", "cancelled"])
def test_a_project_whose_runs_are_at_rest_is_archived(api: APIClient, run: Run, state: str) -> None:
    Run.objects.update(status=state)
    assert api.delete(f"/api/projects/{run.project_id}").status_code == 204


def test_archiving_twice_is_a_conflict(api: APIClient, project: Project) -> None:
    api.delete(f"/api/projects/{project.pk}")
    answer = api.delete(f"/api/projects/{project.pk}")
    assert (problem(answer), answer.json()["projectId"]) == ((409, "project-not-ready"), project.pk)


def test_an_archived_project_is_not_edited(api: APIClient, project: Project) -> None:
    api.delete(f"/api/projects/{project.pk}")
    assert problem(api.put(f"/api/projects/{project.pk}", {"name": "New"})) == (409, "project-not-ready")


def test_an_archived_project_takes_no_run(api: APIClient, project: Project) -> None:
    api.delete(f"/api/projects/{project.pk}")
    body = {"projectId": project.pk, "title": "x", "prompt": "x"}
    assert problem(api.post("/api/runs", body)) == (409, "project-not-ready")


def test_an_archived_project_is_cloned_again(api: APIClient, project: Project) -> None:
    api.delete(f"/api/projects/{project.pk}")
    answer = api.post(f"/api/projects/{project.pk}/clone")
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")


@pytest.mark.parametrize("state", ["ready", "pending", "cloning", "pulling"])
def test_a_project_that_is_not_in_error_is_not_cloned_again(api: APIClient, project: Project, state: str) -> None:
    Project.objects.update(status=state)
    answer = api.post(f"/api/projects/{project.pk}/clone")
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "project-not-ready"), state)


@pytest.mark.parametrize("state", ["pending", "cloning", "error", "archived"])
def test_a_run_needs_a_clone(api: APIClient, run: Run, state: str) -> None:
    Project.objects.update(status=state)
    answer = api.post(f"/api/runs/{run.pk}/start")
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "project-not-ready"), state)
    assert Run.objects.get().status == "draft"


def test_a_run_that_could_not_start_is_not_made(api: APIClient, project: Project) -> None:
    Project.objects.update(status="error")
    body = {"projectId": project.pk, "title": "x", "prompt": "x", "start": True}
    assert problem(api.post("/api/runs", body)) == (409, "project-not-ready")
    assert not Run.objects.exists()


def test_a_run_may_start_while_its_project_is_pulled(api: APIClient, run: Run) -> None:
    Project.objects.update(status="pulling")
    assert api.post(f"/api/runs/{run.pk}/start").status_code == 202


@pytest.mark.parametrize(("search", "count"), [("samp", 1), ("SAMPLE", 1), ("other", 0), ("%", 0), ("", 1)])
def test_projects_are_searched_by_name(api: APIClient, project: Project, search: str, count: int) -> None:
    assert len(api.get("/api/projects", {"search": search}).json()["data"]) == count


def test_an_error_is_shown_with_code_and_message(api: APIClient, project: Project) -> None:
    error = {"code": "host-not-found", "message": "The host could not be found."}
    Project.objects.update(status="error", error=error, updated_at=timezone.now())
    assert api.get(f"/api/projects/{project.pk}").json()["error"] == error


def test_null_clears_the_default_model(api: APIClient, project: Project) -> None:
    Project.objects.update(selected_model="something")
    defaults = api.put(f"/api/projects/{project.pk}", {"defaults": {"selectedModel": None}}).json()["defaults"]
    assert (defaults["selectedModel"], defaults["selectedAgent"]) == (None, "script")


@pytest.mark.parametrize(
    "member",
    [
        *("id", "slug", "repositoryUrl", "status", "error", "progress", "headCommit", "lastPulledAt", "index", "docs"),
        *("role", "runCounts", "createdAt", "updatedAt", "credential"),
    ],
)
def test_what_the_server_says_of_a_project_is_read_only(api: APIClient, project: Project, member: str) -> None:
    answer = api.put(f"/api/projects/{project.pk}", {"name": "New", member: None})
    assert pointers(answer) == {f"/{member}": "read-only"}
    assert Project.objects.get().name == "Sample"


def test_a_project_is_shown_whole(api: APIClient, project: Project) -> None:
    assert set(api.get(f"/api/projects/{project.pk}").json()) == {
        *("id", "name", "slug", "description", "repositoryUrl", "defaultBranch", "status", "error", "progress"),
        *("headCommit", "lastPulledAt", "index", "docs", "disk", "defaults", "role", "runCounts"),
        *("notices", "setupCommands", "teardownCommands", "createdAt", "updatedAt"),
    }


def test_an_archived_project_is_not_even_edited_to_nothing(api: APIClient, project: Project) -> None:
    Project.objects.update(status="archived")
    assert problem(api.put(f"/api/projects/{project.pk}", {})) == (409, "project-not-ready")
