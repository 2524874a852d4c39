"""Clones by the workers: what goes wrong is told on the project, and cured by cloning again."""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework.test import APIClient

from projects import leases
from projects.locks import repository_lock
from projects.models import Project
from projects.services.cloning import clone_project
from projects.workspaces import open_repository
from tests.conftest import git
from tests.projects.conftest import WorkOff, outcome
from tests.projects.git.remotes import free_port, http_server, smart_http, status

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("allow_local")]


@pytest.fixture
def allow_private(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts on loopback may be talked to."""
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_ALLOW_PRIVATE_HOSTS", "true")


@pytest.fixture
def clone_again(api: APIClient, work_off: WorkOff) -> Callable[[Any], Any]:
    """POST clone, and the state after it."""

    def again(project: Any) -> Any:
        assert api.post(f"/api/projects/{project['id']}/clone").status_code == 202
        work_off()
        return api.get(f"/api/projects/{project['id']}").json()

    return again


def test_a_clone_makes_a_project_ready(clone: Any, remote: Path) -> None:
    project = clone(remote)
    assert outcome(project) == ("ready", None)
    assert (project["defaultBranch"], project["progress"]) == ("main", None)
    assert project["headCommit"] == git("rev-parse", "main", cwd=remote).strip()


def test_a_clone_lays_out_a_work_tree(clone: Any, remote: Path) -> None:
    clone(remote)
    tree = Project.objects.get().workspaces.get().work_tree_path
    assert (tree / "README.md").read_text() == "# Sample\n"


def test_a_named_branch_is_the_default_one(clone: Any, remote: Path) -> None:
    git("branch", "stable", "main", cwd=remote)
    assert clone(remote, defaultBranch="stable")["defaultBranch"] == "stable"


def test_a_host_that_does_not_exist_is_told(clone: Any) -> None:
    project = clone("https://no-such-host.invalid/a.git")
    assert outcome(project) == ("error", "host-not-found")
    assert "no-such-host.invalid" in project["error"]["message"]


@pytest.mark.usefixtures("allow_private")
def test_a_host_that_does_not_answer_is_told(clone: Any) -> None:
    project = clone(f"http://127.0.0.1:{free_port()}/a.git")
    assert outcome(project) == ("error", "host-unreachable")


@pytest.mark.usefixtures("allow_private")
def test_a_repository_that_does_not_exist_is_told(clone: Any) -> None:
    with http_server(status(404)) as base:
        project = clone(f"{base}/a.git")
    assert outcome(project) == ("error", "repository-not-found")
    assert "no such repository" in project["error"]["message"]


def test_a_local_repository_that_does_not_exist_is_told(clone: Any, tmp_path: Path) -> None:
    assert outcome(clone(tmp_path / "nothing.git")) == ("error", "repository-not-found")


@pytest.mark.usefixtures("allow_private")
def test_a_repository_that_wants_a_login_is_told(clone: Any) -> None:
    with http_server(status(401, WWW_Authenticate='Basic realm="git"')) as base:
        project = clone(f"{base}/a.git")
    assert outcome(project) == ("error", "credentials-needed")
    assert "login" in project["error"]["message"]


@pytest.mark.usefixtures("allow_private")
def test_a_host_that_sends_us_elsewhere_is_not_followed(clone: Any) -> None:
    with http_server(status(302, Location="http://127.0.0.1:1/")) as base:
        assert outcome(clone(f"{base}/a.git")) == ("error", "redirected")


@pytest.mark.usefixtures("allow_private")
def test_a_login_page_in_place_of_a_repository_is_an_error(clone: Any) -> None:
    with http_server(status(200)) as base:
        assert clone(f"{base}/a.git")["status"] == "error"


def test_an_empty_repository_is_told(clone: Any, tmp_path: Path) -> None:
    git("init", "-q", "--bare", tmp_path / "empty.git")
    project = clone(tmp_path / "empty.git")
    assert outcome(project) == ("error", "empty-repository")
    assert "first commit" in project["error"]["message"]


def test_a_branch_that_does_not_exist_is_told(clone: Any, remote: Path) -> None:
    project = clone(remote, defaultBranch="nope")
    assert outcome(project) == ("error", "branch-not-found")
    assert "nope" in project["error"]["message"]


def test_a_private_host_is_refused(clone: Any) -> None:
    assert outcome(clone("https://127.0.0.1/a.git")) == ("error", "private-host")


def test_each_cause_has_a_message_of_its_own(clone: Any, tmp_path: Path, remote: Path) -> None:
    git("init", "-q", "--bare", tmp_path / "empty.git")
    projects = [
        clone("https://no-such-host.invalid/a.git"),
        clone(tmp_path / "nothing.git"),
        clone(tmp_path / "empty.git"),
        clone(remote, defaultBranch="nope"),
    ]
    assert len({project["error"]["message"] for project in projects}) == 4


def test_a_repository_that_appears_is_cloned_by_a_retry(
    clone: Any, clone_again: Any, remote: Path, tmp_path: Path
) -> None:
    project = clone(tmp_path / "later.git")
    shutil.copytree(remote, tmp_path / "later.git")
    assert outcome(clone_again(project)) == ("ready", None)


def test_a_first_commit_cures_an_empty_repository(clone: Any, clone_again: Any, remote: Path, tmp_path: Path) -> None:
    git("init", "-q", "--bare", tmp_path / "empty.git")
    project = clone(tmp_path / "empty.git")
    git("push", "-q", tmp_path / "empty.git", "main", cwd=remote)
    assert outcome(clone_again(project)) == ("ready", None)


def test_another_branch_cures_a_missing_one(api: APIClient, clone: Any, clone_again: Any, remote: Path) -> None:
    project = clone(remote, defaultBranch="nope")
    api.put(f"/api/projects/{project['id']}", {"defaultBranch": "main"})
    assert outcome(clone_again(project)) == ("ready", None)


@pytest.mark.usefixtures("allow_private")
def test_an_open_door_cures_a_missing_login(clone: Any, clone_again: Any, remote: Path) -> None:
    answers = [status(401, WWW_Authenticate='Basic realm="git"'), smart_http(remote.parent)]
    with http_server(lambda handler: answers[0](handler)) as base:
        project = clone(f"{base}/remote.git")
        del answers[0]
        assert outcome(clone_again(project)) == ("ready", None)


def test_a_retry_that_fails_tells_anew(clone: Any, clone_again: Any, tmp_path: Path) -> None:
    project = clone(tmp_path / "nothing.git")
    git("init", "-q", "--bare", tmp_path / "nothing.git")
    assert outcome(clone_again(project)) == ("error", "empty-repository")


def test_a_retry_wipes_the_old_error_at_once(api: APIClient, clone: Any, tmp_path: Path) -> None:
    project = clone(tmp_path / "nothing.git")
    answer = api.post(f"/api/projects/{project['id']}/clone").json()
    assert (answer["status"], answer["error"]) == ("pending", None)


def test_a_second_request_to_clone_is_a_conflict(api: APIClient, clone: Any, tmp_path: Path) -> None:
    project = clone(tmp_path / "nothing.git")
    api.post(f"/api/projects/{project['id']}/clone")
    assert api.post(f"/api/projects/{project['id']}/clone").status_code == 409


def test_a_clone_again_keeps_the_refs_that_are_ours(api: APIClient, clone: Any, clone_again: Any, remote: Path) -> None:
    project = clone(remote)
    repository = open_repository(Project.objects.get())
    ours = ["refs/heads/quarterdeck/run-1-1-x", "refs/quarterdeck/snapshots/x"]
    with repository_lock(Project.objects.get()):
        for ref in ours:
            repository.run(["update-ref", ref, project["headCommit"]])
    api.delete(f"/api/projects/{project['id']}")

    clone_again(project)

    assert [repository.resolve(ref) for ref in ours] == [project["headCommit"]] * 2


def test_a_clone_again_brings_new_commits(api: APIClient, clone: Any, clone_again: Any, remote: Path) -> None:
    project = clone(remote)
    tree = git("rev-parse", "main^{tree}", cwd=remote).strip()
    newer = git("commit-tree", "-m", "Second", "-p", "main", tree, cwd=remote).strip()
    git("update-ref", "refs/heads/main", newer, cwd=remote)
    api.delete(f"/api/projects/{project['id']}")
    assert clone_again(project)["headCommit"] == newer


@pytest.fixture
def written_progress() -> Iterator[list[str]]:
    """What is written into the column of progress while the test runs, as the database is given it."""
    written: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and "progress" in sql:
            written.extend(str(param) for param in params if "phase" in str(param))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield written


@pytest.mark.usefixtures("allow_private")
def test_progress_is_told_on_the_way(clone: Any, remote: Path, written_progress: list[str]) -> None:
    with http_server(smart_http(remote.parent)) as base:
        assert outcome(clone(f"{base}/remote.git")) == ("ready", None)
    assert written_progress


def abandoned(project_id: int, lease_seconds: int) -> None:
    """Leaves the project as a worker that was killed in the middle of cloning does."""
    Project.objects.filter(pk=project_id).update(
        status="cloning",
        progress={"phase": "Receiving objects", "percent": 40},
        lease_owner="elsewhere:1:1",
        lease_generation=3,
        lease_expires_at=Now() + timedelta(seconds=lease_seconds),
    )


def test_a_clone_whose_worker_died_is_taken_up_again(api: APIClient, work_off: WorkOff, remote: Path) -> None:
    project = api.post("/api/projects", {"name": "Sample", "repositoryUrl": str(remote)}).json()
    abandoned(project["id"], -1)

    work_off()

    done = api.get(f"/api/projects/{project['id']}").json()
    assert (outcome(done), done["progress"]) == (("ready", None), None)


def test_a_half_made_repository_is_no_hindrance(api: APIClient, work_off: WorkOff, remote: Path) -> None:
    project = api.post("/api/projects", {"name": "Sample", "repositoryUrl": str(remote)}).json()
    abandoned(project["id"], -1)
    half = Project.objects.get().repository_path.with_name("repository.git.making")
    half.mkdir(parents=True)
    (half / "HEAD").write_text("ref: refs/he")

    work_off()

    assert outcome(api.get(f"/api/projects/{project['id']}").json()) == ("ready", None)


def test_the_lock_of_a_killed_git_is_no_hindrance(clone: Any, clone_again: Any, api: APIClient, remote: Path) -> None:
    project = clone(remote)
    (Project.objects.get().repository_path / "packed-refs.lock").touch()
    api.delete(f"/api/projects/{project['id']}")
    assert outcome(clone_again(project)) == ("ready", None)


def test_a_clone_whose_worker_lives_is_left_to_it(api: APIClient, work_off: WorkOff, remote: Path) -> None:
    project = api.post("/api/projects", {"name": "Sample", "repositoryUrl": str(remote)}).json()
    abandoned(project["id"], 60)

    work_off()

    left = api.get(f"/api/projects/{project['id']}").json()
    assert (left["status"], left["progress"]) == ("cloning", {"phase": "Receiving objects", "percent": 40})


def test_a_worker_that_lost_its_lease_writes_nothing(clone: Any, remote: Path) -> None:
    clone(remote)
    Project.objects.update(status="pending")
    project = Project.objects.get()
    lease = leases.claim(Project.objects.filter(status="pending"), project.pk, status="cloning")
    assert lease is not None
    Project.objects.update(lease_generation=lease.generation + 1)

    assert not lease.release(status="error")
    assert Project.objects.get().status == "cloning"


def test_a_task_that_is_delivered_twice_does_nothing_more(clone: Any, remote: Path) -> None:
    project = clone(remote)
    before = Project.objects.get().updated_at
    clone_project(project["id"])
    assert Project.objects.get().updated_at == before <= timezone.now()


def test_the_task_of_a_project_that_is_gone_does_nothing(db: None) -> None:
    clone_project(10**9)
