"""Pulls by the workers: the default branch moves forwards only; what goes wrong is told, and nothing is lost."""

import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from projects import leases
from projects.git.remote import FetchProgress
from projects.locks import repository_lock
from projects.models import Project
from projects.services import pulling
from projects.services.fetching import Claim, ClaimLost
from projects.workspaces import lay_out_work_tree, open_repository, open_work_tree
from runs.workers import recovery
from tests.config.answers import pointers, problem
from tests.conftest import MakeApi, all_at_once, git
from tests.projects.conftest import WorkOff, outcome
from tests.projects.git.remotes import http_server, smart_http

pytestmark = pytest.mark.django_db(transaction=True)
Pull = Callable[[], Any]


@pytest.fixture
def pull(api: APIClient, cloned: Project, work_off: WorkOff) -> Pull:
    """POST pull, the workers' work, and the state after it."""

    def make() -> Any:
        answer = api.post(f"/api/projects/{cloned.pk}/pull")
        assert answer.status_code == 202, answer.content
        work_off()
        return api.get(f"/api/projects/{cloned.pk}").json()

    return make


def commit_to(remote: Path, name: str, text: str, *, branch: str = "main", parent: str | None = "main") -> str:
    """A commit on a branch of the remote with one file more than its parent; on none, a history of its own."""
    new_file = remote.parent / "new-file"
    new_file.write_text(text)
    blob = git("hash-object", "-w", new_file, cwd=remote).strip()
    lines = git("ls-tree", parent, cwd=remote) if parent else ""
    tree = _make_tree(remote, f"{lines}100644 blob {blob}\t{name}\n")
    made = git("commit-tree", "-m", name, *(["-p", parent] if parent else []), tree, cwd=remote).strip()
    git("update-ref", f"refs/heads/{branch}", made, cwd=remote)
    return made


def _make_tree(remote: Path, lines: str) -> str:
    done = subprocess.run(["git", "mktree"], cwd=remote, input=lines, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def own_tree(project: Project) -> Path:
    return Project.objects.get(pk=project.pk).workspaces.get(name="project").work_tree_path


def test_a_pull_is_queued(api: APIClient, cloned: Project) -> None:
    answer = api.post(f"/api/projects/{cloned.pk}/pull")
    assert (answer.status_code, answer.json()["status"]) == (202, "pulling")
    assert DBTaskResult.objects.ready().count() == 1


def test_a_pull_brings_new_commits(pull: Pull, remote: Path, cloned: Project) -> None:
    newer = commit_to(remote, "new.txt", "new\n")
    done = pull()
    assert (outcome(done), done["headCommit"], done["progress"]) == (("ready", None), newer, None)
    assert done["lastPulledAt"] > cloned.last_pulled_at.isoformat()[:23]  # type: ignore[union-attr]  # a clone sets it


def test_a_pull_of_nothing_new_is_fine(pull: Pull, cloned: Project) -> None:
    done = pull()
    assert (outcome(done), done["headCommit"]) == (("ready", None), cloned.head_commit)


def test_a_pull_brings_other_branches_too(pull: Pull, remote: Path, cloned: Project) -> None:
    git("branch", "gone", "main", cwd=remote)
    pull()
    git("branch", "-D", "gone", cwd=remote)
    git("branch", "topic", "main", cwd=remote)
    pull()
    branches = open_repository(cloned).refs("refs/remotes/origin/")
    assert set(branches) == {f"refs/remotes/origin/{name}" for name in ("HEAD", "main", "topic")}


def test_a_pull_advances_an_unchanged_work_tree(pull: Pull, remote: Path, cloned: Project) -> None:
    newer = commit_to(remote, "new.txt", "new\n")
    pull()
    assert (own_tree(cloned) / "new.txt").read_text() == "new\n"
    workspace = cloned.workspaces.get()
    assert (workspace.base_commit, open_work_tree(workspace).base_commit) == (newer, newer)


@pytest.mark.parametrize("name", ["README.md", "notes.txt", "ignored.log"])
def test_a_pull_keeps_a_changed_work_tree_and_says_so(pull: Pull, remote: Path, cloned: Project, name: str) -> None:
    commit_to(remote, ".gitignore", "*.log\n")
    pull()
    (own_tree(cloned) / name).write_text("mine\n")
    newer = commit_to(remote, "new.txt", "new\n")
    done = pull()
    assert (outcome(done), done["headCommit"]) == (("ready", "work-tree-kept"), newer)
    assert (own_tree(cloned) / name).read_text() == "mine\n"
    assert not (own_tree(cloned) / "new.txt").exists()


def test_a_work_tree_that_is_unchanged_again_is_taken_along(pull: Pull, remote: Path, cloned: Project) -> None:
    (own_tree(cloned) / "notes.txt").write_text("mine\n")
    commit_to(remote, "new.txt", "new\n")
    pull()
    (own_tree(cloned) / "notes.txt").unlink()
    assert outcome(pull()) == ("ready", None)
    assert (own_tree(cloned) / "new.txt").exists()


def test_a_work_tree_that_is_gone_is_laid_out_again(pull: Pull, remote: Path, cloned: Project) -> None:
    shutil.rmtree(cloned.workspaces.get().folder)
    commit_to(remote, "new.txt", "new\n")
    assert outcome(pull()) == ("ready", None)
    assert (own_tree(cloned) / "new.txt").exists()


def test_a_diverged_remote_is_told_and_nothing_is_lost(pull: Pull, remote: Path, cloned: Project) -> None:
    before = open_repository(cloned).refs("refs/")
    commit_to(remote, "other.txt", "other\n", parent=None)
    done = pull()
    assert (outcome(done), done["headCommit"]) == (("ready", "remote-diverged"), cloned.head_commit)
    assert "rewritten" in done["error"]["message"]
    assert open_repository(cloned).refs("refs/") == before
    assert (own_tree(cloned) / "README.md").read_text() == "# Sample\n"


def test_a_project_behind_a_diverged_remote_stays_usable(
    pull: Pull, remote: Path, cloned: Project, carry_out: Any
) -> None:
    commit_to(remote, "other.txt", "other\n", parent=None)
    pull()
    assert carry_out("Hello.").status == "completed"


def test_a_remote_that_went_back_has_diverged(pull: Pull, remote: Path, cloned: Project) -> None:
    commit_to(remote, "new.txt", "new\n")
    pull()
    git("update-ref", "refs/heads/main", cloned.head_commit or "", cwd=remote)
    assert outcome(pull()) == ("ready", "remote-diverged")


def test_another_branch_may_be_rewritten(pull: Pull, remote: Path, cloned: Project) -> None:
    git("branch", "topic", "main", cwd=remote)
    pull()
    rewritten = commit_to(remote, "other.txt", "other\n", branch="topic", parent=None)
    assert outcome(pull()) == ("ready", None)
    assert open_repository(cloned).resolve("refs/remotes/origin/topic") == rewritten


def test_a_new_clone_takes_the_rewritten_history(
    api: APIClient, pull: Pull, remote: Path, cloned: Project, work_off: WorkOff
) -> None:
    other = commit_to(remote, "other.txt", "other\n", parent=None)
    pull()
    api.delete(f"/api/projects/{cloned.pk}")
    api.post(f"/api/projects/{cloned.pk}/clone")
    work_off()
    done = api.get(f"/api/projects/{cloned.pk}").json()
    assert (outcome(done), done["headCommit"]) == (("ready", None), other)
    assert (own_tree(cloned) / "other.txt").exists()


def test_a_remote_that_is_gone_is_told(pull: Pull, remote: Path, cloned: Project) -> None:
    remote.rename(remote.with_name("elsewhere.git"))
    done = pull()
    assert (outcome(done), done["headCommit"]) == (("ready", "repository-not-found"), cloned.head_commit)


def test_a_default_branch_that_is_gone_is_told(pull: Pull, remote: Path, cloned: Project) -> None:
    git("branch", "other", "main", cwd=remote)
    git("symbolic-ref", "HEAD", "refs/heads/other", cwd=remote)
    git("branch", "-D", "main", cwd=remote)
    assert outcome(pull()) == ("ready", "branch-not-found")
    assert open_repository(cloned).resolve("refs/remotes/origin/main") == cloned.head_commit


def test_the_next_pull_wipes_the_error(pull: Pull, remote: Path) -> None:
    remote.rename(remote.with_name("elsewhere.git"))
    pull()
    remote.with_name("elsewhere.git").rename(remote)
    assert outcome(pull()) == ("ready", None)


def test_a_cut_off_history_is_pulled_too(
    api: APIClient, remote: Path, work_off: WorkOff, allow_local: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_GIT_CLONE_DEPTH", "1")
    for number in range(3):
        commit_to(remote, f"{number}.txt", "x")
    project = api.post("/api/projects", {"name": "a", "repositoryUrl": f"file://{remote}"}).json()
    work_off()
    for number in range(3, 6):
        newer = commit_to(remote, f"{number}.txt", "x")
    api.post(f"/api/projects/{project['id']}/pull")
    work_off()
    done = api.get(f"/api/projects/{project['id']}").json()
    assert open_repository(Project.objects.get()).is_shallow
    assert (outcome(done), done["headCommit"]) == (("ready", None), newer)


@pytest.mark.parametrize("state", ["pending", "cloning", "error", "archived"])
def test_a_pull_needs_a_clone(api: APIClient, project: Project, state: str) -> None:
    Project.objects.update(status=state)
    answer = api.post(f"/api/projects/{project.pk}/pull")
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "project-not-ready"), state)
    assert answer.json()["allowedActions"] == Project.ACTIONS[Project.Status(state)]
    assert not DBTaskResult.objects.exists()


def test_a_pull_that_is_queued_already_is_this_one(api: APIClient, project: Project) -> None:
    answers = [api.post(f"/api/projects/{project.pk}/pull") for _ in range(2)]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(202, "pulling")] * 2
    assert DBTaskResult.objects.count() == 1
    assert AuditEntry.objects.filter(action="pull_requested").count() == 1


def test_many_pulls_at_once_are_one(user: User, make_api: MakeApi, project: Project) -> None:
    clients = [make_api(user) for _ in range(20)]
    answers = all_at_once(20, lambda n: clients[n].post(f"/api/projects/{project.pk}/pull"))
    assert [answer.status_code for answer in answers] == [202] * 20
    assert DBTaskResult.objects.count() == 1


def abandon(project: Project, *, lease_seconds: int) -> None:
    """Leaves the project as a worker that was killed in the middle of a pull does."""
    Project.objects.filter(pk=project.pk).update(
        status="pulling",
        lease_owner="elsewhere:1:1",
        lease_generation=7,
        lease_expires_at=Now() + timedelta(seconds=lease_seconds),
        updated_at=timezone.now() - timedelta(minutes=5),
    )


def test_a_pull_whose_worker_died_is_delivered_again(
    api: APIClient, cloned: Project, remote: Path, work_off: WorkOff
) -> None:
    newer = commit_to(remote, "new.txt", "new\n")
    abandon(cloned, lease_seconds=-1)
    recovery.deliver_forgotten_work()
    work_off()
    done = api.get(f"/api/projects/{cloned.pk}").json()
    assert (outcome(done), done["headCommit"]) == (("ready", None), newer)


def test_a_pull_whose_worker_lives_is_left_to_it(cloned: Project) -> None:
    abandon(cloned, lease_seconds=60)
    recovery.deliver_forgotten_work()
    pulling.pull_project(cloned.pk)
    assert not DBTaskResult.objects.exists()
    assert Project.objects.get().status == "pulling"


@pytest.mark.parametrize("at", ["after-fetch", "without-tree", "new-tree"])
def test_a_pull_that_was_killed_at_any_point_goes_on(
    api: APIClient, cloned: Project, remote: Path, work_off: WorkOff, at: str
) -> None:
    newer = commit_to(remote, "new.txt", "new\n")
    git("fetch", "-q", remote, "+refs/heads/main:refs/remotes/origin/main", cwd=cloned.repository_path)
    workspace = cloned.workspaces.get()
    if at != "after-fetch":
        shutil.rmtree(workspace.index_path)
        shutil.rmtree(workspace.work_tree_path)
    if at == "new-tree":
        workspace.base_commit = newer
        lay_out_work_tree(workspace)
    abandon(cloned, lease_seconds=-1)
    recovery.deliver_forgotten_work()
    work_off()
    assert outcome(api.get(f"/api/projects/{cloned.pk}").json()) == ("ready", None)
    assert (cloned.workspaces.get().base_commit, (own_tree(cloned) / "new.txt").read_text()) == (newer, "new\n")


def test_a_pull_that_lost_the_project_stops(cloned: Project, remote: Path) -> None:
    lease = leases.claim(Project.objects.filter(status="ready"), cloned.pk, status="pulling")
    assert lease is not None
    claim = Claim(lease, Event())
    Project.objects.update(lease_generation=lease.generation + 1)
    with pytest.raises(ClaimLost):
        claim.tell_progress(FetchProgress("Receiving objects", 1))


def test_the_task_of_a_project_that_is_gone_does_nothing(db: None) -> None:
    pulling.pull_project(10**9)


def test_another_default_branch_counts_at_once(api: APIClient, pull: Pull, remote: Path, cloned: Project) -> None:
    topic = commit_to(remote, "topic.txt", "topic\n", branch="topic")
    pull()
    changed = api.put(f"/api/projects/{cloned.pk}", {"defaultBranch": "topic"}).json()
    assert (changed["defaultBranch"], changed["headCommit"]) == ("topic", topic)
    done = pull()
    assert (outcome(done), done["headCommit"]) == (("ready", None), topic)
    assert (own_tree(cloned) / "topic.txt").exists()


def test_a_default_branch_that_the_clone_lacks_is_refused(api: APIClient, cloned: Project) -> None:
    answer = api.put(f"/api/projects/{cloned.pk}", {"defaultBranch": "nope"})
    assert pointers(answer) == {"/defaultBranch": "does-not-exist"}
    assert Project.objects.get().default_branch == "main"


@pytest.mark.parametrize("state", ["cloning", "pulling"])
def test_the_default_branch_stays_while_it_is_fetched(api: APIClient, cloned: Project, state: str) -> None:
    Project.objects.update(status=state)
    answer = api.put(f"/api/projects/{cloned.pk}", {"defaultBranch": "main"})
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "project-not-ready"), state)


def test_a_name_may_change_while_the_project_is_pulled(api: APIClient, project: Project) -> None:
    Project.objects.update(status="pulling")
    assert api.put(f"/api/projects/{project.pk}", {"name": "New"}).status_code == 200


def test_a_project_is_not_archived_while_it_is_pulled(api: APIClient, project: Project) -> None:
    Project.objects.update(status="pulling")
    assert problem(api.delete(f"/api/projects/{project.pk}")) == (409, "project-not-ready")


def test_the_repository_stays_free_while_the_remote_is_talked_to(
    api: APIClient, cloned: Project, remote: Path, work_off: WorkOff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_ALLOW_PRIVATE_HOSTS", "true")
    newer, serve, asked = commit_to(remote, "new.txt", "new\n"), smart_http(remote.parent), []

    def locking(handler: BaseHTTPRequestHandler) -> None:
        with repository_lock(cloned, wait_seconds=0):
            asked.append(handler.path)
        serve(handler)

    with http_server(locking) as base:
        Project.objects.update(repository_url=f"{base}/remote.git")
        api.post(f"/api/projects/{cloned.pk}/pull")
        work_off()
    shown = api.get(f"/api/projects/{cloned.pk}").json()
    assert (outcome(shown), shown["headCommit"], bool(asked)) == (("ready", None), newer, True)
