"""Snapshots by hand, through the doors, of real work trees."""

import fcntl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from projects.git.commits import save_snapshot
from projects.git.repository import Repository
from projects.models import Membership, Project, Workspace
from projects.workspaces import open_repository, open_work_tree
from runs.models import Run
from snapshots import resting
from snapshots.models import Snapshot
from tests.config.answers import pointers, problem
from tests.conftest import MakeApi, MakeUser, all_at_once

on_disk = pytest.mark.django_db(transaction=True)


def take(client: APIClient, project: Project, **body: Any) -> Any:
    """The answer to a snapshot by hand."""
    return client.post(f"/api/projects/{project.pk}/snapshots", {"description": "by hand", **body})


def refs(project: Project) -> dict[str, str]:
    return open_repository(project).refs("refs/quarterdeck/snapshots/")


def content(repository: Repository, snapshot: dict[str, Any], path: str) -> bytes:
    return repository.run(["cat-file", "blob", f"{snapshot['commit']}:{path}"])


@pytest.fixture
def viewer(project: Project, make_user: MakeUser, make_api: MakeApi) -> APIClient:
    person = make_user("viewer@example.com")
    Membership.objects.create(project=project, user=person, role="viewer")
    return make_api(person)


@on_disk
def test_a_projects_tree_is_taken_byte_for_byte(api: APIClient, cloned: Project) -> None:
    folder = Workspace.objects.get().work_tree_path
    (folder / "new.bin").write_bytes(b"\r\n\x00\xff")
    (folder / ".gitignore").write_text("ignored.txt\n")
    (folder / "ignored.txt").write_text("not kept\n")
    (folder / "link").symlink_to("app.py")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "app.py").unlink()

    answer = take(api, cloned, description="Before the holidays")
    body = answer.json()

    assert (answer.status_code, answer["Location"]) == (201, f"/api/snapshots/{body['id']}")
    assert api.get(answer["Location"]).json() == body
    shown = ("kind", "description", "runId", "attempt", "projectId", "filesChanged", "parentId")
    assert [body[name] for name in shown] == ["manual", "Before the holidays", None, None, cloned.pk, 5, None]
    assert body["createdBy"] == cloned.created_by_id
    repository = open_repository(cloned)
    assert content(repository, body, "new.bin") == b"\r\n\x00\xff"
    listed = repository.run(["ls-tree", body["commit"]]).decode().splitlines()
    modes = {line.split("\t")[1]: line.split(" ")[0] for line in listed}
    assert (modes["link"], modes["run.sh"], "ignored.txt" in modes, "app.py" in modes) == (
        "120000",
        "100755",
        False,
        False,
    )


@on_disk
def test_a_runs_tree_is_taken_with_its_event(api: APIClient, done: Run, tree: Path) -> None:
    (tree / "later.txt").write_text("later\n")
    after_run = Snapshot.objects.get(kind="after_run")

    body = take(api, done.project, runId=done.pk).json()

    shown = ("runId", "attempt", "parentId", "filesChanged")
    assert [body[name] for name in shown] == [done.pk, 1, after_run.pk, 1]
    event = api.get(f"/api/runs/{done.pk}/events", {"eventTypes": "snapshot_created"}).json()["data"][-1]
    assert event["data"] == {
        "snapshotId": body["id"],
        "kind": "manual",
        "commit": body["commit"],
        "filesChanged": 1,
    }
    assert api.get(f"/api/runs/{done.pk}/snapshots").json()["data"][0]["id"] == body["id"]


@on_disk
def test_the_next_one_of_a_project_follows_the_last(api: APIClient, cloned: Project) -> None:
    first, second = (take(api, cloned).json() for _ in range(2))
    assert (second["parentId"], second["filesChanged"]) == (first["id"], 0)


@on_disk
@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_tree_that_a_run_works_in_is_busy(api: APIClient, done: Run, status: str) -> None:
    Run.objects.update(status=status)
    answer = take(api, done.project, runId=done.pk)
    assert problem(answer) == (409, "workspace-busy")
    assert (answer.json()["runId"], answer.json()["currentStatus"]) == (done.pk, status)
    assert Snapshot.objects.filter(kind="manual").count() == 0


@on_disk
def test_a_tree_is_busy_while_its_agent_is_still_there(api: APIClient, done: Run) -> None:
    Run.objects.update(status="cancelled", lease_expires_at=timezone.now() + timedelta(seconds=30))
    assert problem(take(api, done.project, runId=done.pk)) == (409, "workspace-busy")


@on_disk
def test_a_paused_run_without_its_agent_is_at_rest(api: APIClient, done: Run) -> None:
    Run.objects.update(status="paused")
    assert take(api, done.project, runId=done.pk).status_code == 201


@on_disk
def test_a_run_that_sets_out_meanwhile_leaves_nothing(
    api: APIClient, done: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = refs(done.project)

    def interrupted(*arguments: Any, **options: Any) -> Any:
        saved = save_snapshot(*arguments, **options)
        Run.objects.update(status="running", lease_generation=done.lease_generation + 1)
        return saved

    monkeypatch.setattr("snapshots.services.taking.save_snapshot", interrupted)
    answer = take(api, done.project, runId=done.pk)

    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "workspace-busy"), "running")
    assert refs(done.project) == before
    assert not Snapshot.objects.filter(kind="manual").exists()


@on_disk
@pytest.mark.parametrize("status", ["pending", "cloning", "pulling"])
def test_a_projects_tree_is_not_taken_while_it_is_fetched(api: APIClient, cloned: Project, status: str) -> None:
    Project.objects.update(status=status)
    answer = take(api, cloned)
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "project-not-ready"), status)


@on_disk
def test_a_request_does_not_wait_for_a_fetch(api: APIClient, done: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resting, "LOCK_WAIT_SECONDS", 0.1)
    with (done.project.folder / "repository.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert problem(take(api, done.project, runId=done.pk)) == (409, "workspace-busy")
    assert take(api, done.project, runId=done.pk).status_code == 201


@on_disk
def test_a_name_that_git_refuses_is_told_with_its_reason(api: APIClient, cloned: Project) -> None:
    folder = open_work_tree(Workspace.objects.get()).path
    (folder / "sub").mkdir()
    (folder / "sub/.GIT").write_text("x")
    answer = take(api, cloned)
    assert (problem(answer), answer.json()["reason"]) == ((409, "work-tree-not-recordable"), "unrecordable-path")


@on_disk
def test_twenty_at_once_are_twenty(api: APIClient, cloned: Project) -> None:
    answers = all_at_once(20, lambda _: take(api, cloned))
    assert {answer.status_code for answer in answers} == {201}
    assert set(refs(cloned).values()) >= {answer.json()["commit"] for answer in answers}
    assert len(refs(cloned)) == Snapshot.objects.count() == 20


def test_a_draft_has_no_tree(api: APIClient, run: Run) -> None:
    answer = take(api, run.project, runId=run.pk)
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "work-tree-missing"), "draft")


def test_a_project_without_a_clone_has_no_tree(api: APIClient, project: Project) -> None:
    assert problem(take(api, project)) == (409, "work-tree-missing")


def test_an_archived_project_takes_none(api: APIClient, project: Project) -> None:
    Project.objects.update(status="archived")
    answer = take(api, project)
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "project-not-ready"), "archived")


def test_it_needs_a_maintainer(viewer: APIClient, project: Project) -> None:
    answer = take(viewer, project)
    assert (problem(answer), answer.json()["requiredRole"]) == ((403, "role-required"), "maintainer")


def test_it_needs_the_ability_to_write(project: Project, user: Any, make_api: MakeApi) -> None:
    answer = take(make_api(user, "projects:read"), project)
    assert (problem(answer), answer.json()["requiredAbility"]) == ((403, "missing-ability"), "projects:write")


def test_a_stranger_finds_nothing(stranger: APIClient, project: Project) -> None:
    assert problem(take(stranger, project)) == (404, "not-found")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"description": ""}, {"/description": "blank"}),
        ({"description": "x" * 1001}, {"/description": "max-length"}),
        ({"description": None}, {"/description": "null"}),
        ({"runId": "1"}, {"/runId": "incorrect-type"}),
        ({"runId": ""}, {"/runId": "incorrect-type"}),
        ({"runId": True}, {"/runId": "incorrect-type"}),
        ({"runId": 2**64}, {"/runId": "incorrect-type"}),
        ({"runId": 2**62}, {"/runId": "does-not-exist"}),
        ({"run": 1}, {"/run": "unknown-member"}),
    ],
)
def test_a_member_that_does_not_fit_is_named(
    api: APIClient, project: Project, body: dict[str, Any], expected: dict[str, str]
) -> None:
    assert pointers(take(api, project, **body)) == expected


def test_a_run_of_another_project_does_not_exist(api: APIClient, run: Run, user: Any) -> None:
    other = Project.objects.create(name="Other", slug="other", repository_url="https://git.example.com/o.git")
    Membership.objects.create(project=other, user=user, role="owner")
    assert pointers(take(api, other, runId=run.pk)) == {"/runId": "does-not-exist"}


def test_the_body_comes_before_the_state(api: APIClient, project: Project) -> None:
    Project.objects.update(status="archived")
    assert problem(take(api, project, description="")) == (422, "validation-failed")


@on_disk
def test_one_asked_for_again_under_the_same_key_is_taken_once(api: APIClient, cloned: Project) -> None:
    path, body = f"/api/projects/{cloned.pk}/snapshots", {"description": "once"}
    first, second = (api.post(path, body, headers={"Idempotency-Key": "a"}) for _ in range(2))
    assert (first.status_code, second.content, Snapshot.objects.count()) == (201, first.content, 1)
