"""Comparing snapshots with each other and with the present tree; who may restore one."""

from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from projects.git.trees import Recorded, record_exactly
from projects.models import Membership, Project, Workspace
from runs.models import Run
from snapshots.models import Snapshot
from tests.config.answers import pointers, problem
from tests.conftest import MakeApi, MakeUser, QueueRun
from tests.snapshots.test_list import make

on_disk = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(cloned: Project) -> Path:
    """The project's work tree."""
    return Workspace.objects.get().work_tree_path


def take(api: APIClient, project: Project) -> int:
    answer = api.post(f"/api/projects/{project.pk}/snapshots", {"description": "x"})
    number: int = answer.json()["id"]
    return number


def compare(client: APIClient, snapshot: int, against: Any) -> Any:
    return client.post(f"/api/snapshots/{snapshot}/compare", {"against": against})


@pytest.fixture
def viewer(project: Project, make_user: MakeUser, make_api: MakeApi) -> APIClient:
    person = make_user("viewer@example.com")
    Membership.objects.create(project=project, user=person, role="viewer")
    return make_api(person)


@pytest.fixture
def snapshot(run: Run) -> Snapshot:
    return make(run.project, run, 1)


@on_disk
def test_the_present_tree_is_compared(api: APIClient, cloned: Project, folder: Path) -> None:
    number = take(api, cloned)
    (folder / "README.md").rename(folder / "LESEMICH.md")
    (folder / "new.bin").write_bytes(b"\0\1")
    (folder / "app.py").write_text("print('bye')\n")

    body = compare(api, number, "current").json()

    rows = [(file["path"], file["oldPath"], file["changeType"], file["binary"]) for file in body["files"]]
    assert rows == [
        ("LESEMICH.md", "README.md", "renamed", False),
        ("app.py", None, "updated", False),
        ("new.bin", None, "created", True),
    ]
    assert body["files"][2]["sizeBytes"] == 2
    assert body["stats"] == {"files": 3, "additions": 1, "deletions": 1}
    assert "-print('hello')\n+print('bye')\n" in body["diff"]
    assert (body["truncated"], body["lossy"]) == (False, False)
    assert Snapshot.objects.count() == 1


@on_disk
def test_two_snapshots_are_compared_from_the_first_to_the_other(api: APIClient, cloned: Project, folder: Path) -> None:
    first = take(api, cloned)
    (folder / "app.py").unlink()
    second = take(api, cloned)
    there, back = (compare(api, *pair).json()["files"][0]["changeType"] for pair in ((first, second), (second, first)))
    assert (there, back) == ("deleted", "created")


@on_disk
def test_alike_ones_do_not_differ(api: APIClient, cloned: Project) -> None:
    number = take(api, cloned)
    body = compare(api, number, number).json()
    assert (body["files"], body["diff"], body["stats"]["files"]) == ([], "", 0)


@on_disk
def test_a_runs_snapshot_is_compared_with_the_runs_tree(api: APIClient, carry_out: QueueRun) -> None:
    run = carry_out("```file note.txt\nhello\n```")
    before = Snapshot.objects.get(kind="before_run", run=run)
    assert [file["path"] for file in compare(api, before.pk, "current").json()["files"]] == ["note.txt"]


@on_disk
def test_what_cannot_be_shown_is_said(api: APIClient, cloned: Project, folder: Path) -> None:
    number = take(api, cloned)
    (folder / "a.txt").write_bytes(b"\xff\n")
    (folder / "b.txt").write_text("x\n" * 600_000)
    body = compare(api, number, "current").json()
    assert (body["truncated"], body["lossy"], "b.txt" in body["diff"]) == (True, True, False)
    assert len(body["files"]) == 2


@on_disk
@pytest.mark.once
def test_a_very_large_file_is_left_out_of_what_is_shown(
    api: APIClient, cloned: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_SNAPSHOTS_MAX_FILE_MB", "100")
    with (folder / "*large\n").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    (folder / "small.txt").write_text("small\n")
    number = take(api, cloned)
    (folder / "*large\n").write_bytes(b"\0")
    (folder / "small.txt").write_text("other\n")

    body = compare(api, number, "current").json()

    assert ("large" in body["diff"], "-small\n+other\n" in body["diff"], body["truncated"]) == (False, True, True)
    assert [(file["path"], file["sizeBytes"]) for file in body["files"]] == [("*large\n", 1), ("small.txt", 6)]


@on_disk
def test_a_tree_that_a_run_works_in_is_not_compared(api: APIClient, carry_out: QueueRun) -> None:
    run = carry_out("Nothing.")
    before = Snapshot.objects.get(kind="before_run", run=run)
    Run.objects.update(status="running")
    answer = compare(api, before.pk, "current")
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "workspace-busy"), "running")
    assert compare(api, before.pk, before.pk).status_code == 200


@on_disk
def test_a_tree_that_a_run_set_out_in_meanwhile_is_not_compared(
    api: APIClient, carry_out: QueueRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = carry_out("Nothing.")

    def interrupted(*arguments: Any) -> Recorded:
        Run.objects.update(lease_generation=run.lease_generation + 1)
        return record_exactly(*arguments)

    monkeypatch.setattr("snapshots.comparing.record_exactly", interrupted)
    assert problem(compare(api, Snapshot.objects.get(kind="before_run").pk, "current")) == (409, "workspace-busy")


def test_a_tree_that_is_gone_cannot_be_compared(api: APIClient, snapshot: Snapshot) -> None:
    assert problem(compare(api, snapshot.pk, "current")) == (409, "work-tree-missing")


@pytest.mark.parametrize(
    ("against", "code"),
    [
        (2**62, "does-not-exist"),
        ("now", "incorrect-type"),
        ("1", "incorrect-type"),
        (True, "incorrect-type"),
        (None, "null"),
        (2**64, "incorrect-type"),
        ([], "incorrect-type"),
    ],
)
def test_what_there_is_not_cannot_be_compared(api: APIClient, snapshot: Snapshot, against: Any, code: str) -> None:
    assert pointers(compare(api, snapshot.pk, against)) == {"/against": code}


def test_a_snapshot_of_another_project_does_not_exist(api: APIClient, snapshot: Snapshot, user: Any) -> None:
    other = Project.objects.create(name="Other", slug="other", repository_url="https://git.example.com/o.git")
    Membership.objects.create(project=other, user=user, role="owner")
    assert pointers(compare(api, snapshot.pk, make(other, None, 2).pk)) == {"/against": "does-not-exist"}


def test_nothing_to_compare_with_is_refused(api: APIClient, snapshot: Snapshot) -> None:
    assert pointers(api.post(f"/api/snapshots/{snapshot.pk}/compare", {})) == {"/against": "required"}


@pytest.mark.parametrize("action", ["compare", "restore"])
def test_a_stranger_finds_nothing(stranger: APIClient, snapshot: Snapshot, action: str) -> None:
    assert problem(stranger.post(f"/api/snapshots/{snapshot.pk}/{action}")) == (404, "not-found")


def test_a_viewer_may_compare_but_not_restore(viewer: APIClient, snapshot: Snapshot) -> None:
    assert problem(compare(viewer, snapshot.pk, "current")) == (409, "work-tree-missing")
    answer = viewer.post(f"/api/snapshots/{snapshot.pk}/restore")
    assert (problem(answer), answer.json()["requiredRole"]) == ((403, "role-required"), "maintainer")


def test_restoring_needs_the_ability_to_write(snapshot: Snapshot, user: Any, make_api: MakeApi) -> None:
    answer = make_api(user, "projects:read").post(f"/api/snapshots/{snapshot.pk}/restore")
    assert (problem(answer), answer.json()["requiredAbility"]) == ((403, "missing-ability"), "projects:write")


def test_restoring_takes_no_body(api: APIClient, snapshot: Snapshot) -> None:
    assert pointers(api.post(f"/api/snapshots/{snapshot.pk}/restore", {"hard": True})) == {"/hard": "unknown-member"}


def test_an_archived_project_is_not_restored(api: APIClient, snapshot: Snapshot) -> None:
    Project.objects.update(status="archived")
    answer = api.post(f"/api/snapshots/{snapshot.pk}/restore")
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "project-not-ready"), "archived")
