"""Restoring work trees, through the door: what comes back, what stays, what is kept, what is told."""

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEntry
from config.upkeep import prune_project
from projects.git.errors import DiskFull
from projects.git.trees import UNFINISHED_RESTORE, write_exact_tree
from projects.locks import repository_lock
from projects.models import Project, Workspace
from projects.workspaces import open_work_tree
from runs.execution.executor import execute
from runs.models import Run
from runs.stream import log
from runs.stream.log import Topic
from snapshots import resting
from snapshots.models import Restore, Snapshot
from snapshots.services.restoring import finish_interrupted
from snapshots.services.taking import save_tree
from tests.config.answers import problem
from tests.conftest import QueueRun, all_at_once, working
from tests.serving import ROOT, wait_until
from tests.snapshots.test_compare_restore import compare, take

pytestmark = pytest.mark.django_db(transaction=True)
WAITING = "```sh\necho x > made; while ! test -e go; do sleep 0.05; done\n```"
MAX_FILE = "QUARTERDECK_PARAM_SNAPSHOTS_MAX_FILE_MB"


def restore(client: APIClient, snapshot: int) -> Any:
    return client.post(f"/api/snapshots/{snapshot}/restore")


@pytest.fixture
def folder(cloned: Project) -> Path:
    """The project's work tree."""
    return Workspace.objects.get().work_tree_path


def before(run: Run) -> int:
    return Snapshot.objects.get(kind="before_run", run=run).pk


def test_a_tree_is_made_equal_to_the_snapshot(api: APIClient, cloned: Project, folder: Path) -> None:
    (folder / "new.bin").write_bytes(b"\r\n\x00\xff")
    (folder / "link").symlink_to("app.py")
    (folder / "app.py").chmod(0o755)
    number = take(api, cloned)
    shutil.rmtree(folder / "link", ignore_errors=True)
    (folder / "new.bin").write_bytes(b"")
    (folder / "link").unlink()
    (folder / "app.py").unlink()
    (folder / "later.txt").write_text("later\n")

    answer = restore(api, number)

    assert answer.status_code == 200
    assert answer.json()["restored"]["id"] == number
    assert compare(api, number, "current").json()["files"] == []
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "app.py", "link", "new.bin"]
    assert (folder / "new.bin").read_bytes() == b"\r\n\x00\xff"
    assert os.access(folder / "app.py", os.X_OK)


def test_what_was_there_is_kept_as_a_checkpoint(api: APIClient, cloned: Project, folder: Path) -> None:
    number = take(api, cloned)
    (folder / "app.py").write_text("work of a day\n")
    checkpoint = restore(api, number).json()["checkpoint"]
    shown = ("kind", "description", "runId", "createdBy")
    assert [checkpoint[name] for name in shown] == [
        "restore_checkpoint",
        "restore checkpoint",
        None,
        cloned.created_by_id,
    ]
    assert restore(api, checkpoint["id"]).status_code == 200
    assert (folder / "app.py").read_text() == "work of a day\n"


def test_a_checkpoint_tells_what_became_of_the_restore(api: APIClient, cloned: Project) -> None:
    number = take(api, cloned)
    checkpoint = restore(api, number).json()["checkpoint"]
    told = checkpoint["restore"]
    assert (told["snapshotId"], told["status"], told["error"]) == (number, "done", None)
    assert api.get(f"/api/snapshots/{checkpoint['id']}").json() == checkpoint
    assert api.get(f"/api/snapshots/{number}").json()["restore"] is None


def test_a_runs_tree_is_restored_with_its_events_and_files(api: APIClient, done: Run, tree: Path) -> None:
    last = api.get(f"/api/runs/{done.pk}").json()["lastEventId"]

    answer = restore(api, before(done)).json()

    assert not (tree / "note.txt").exists()
    events = api.get(f"/api/runs/{done.pk}/events", {"since": last}).json()["data"]
    kinds = [event["eventType"] for event in events]
    assert kinds == ["snapshot_created", "file_deleted", "snapshot_restored"]
    assert events[-1]["data"] == {
        "snapshotId": before(done),
        "checkpointId": answer["checkpoint"]["id"],
        "commit": answer["restored"]["commit"],
    }
    assert api.get(f"/api/runs/{done.pk}/files").json()["data"] == []
    assert api.get(f"/api/runs/{done.pk}/diff").json()["diff"] == ""
    entry = AuditEntry.objects.get(action="snapshot_restored")
    assert (entry.actor, entry.detail["snapshot_id"]) == (done.created_by, before(done))


def test_a_projects_restore_is_told_to_the_user_stream(api: APIClient, cloned: Project) -> None:
    restore(api, take(api, cloned))
    told = [json.loads(frame.public_json) for frame in log.read_after(Topic(None), 0)]
    kinds = [(event["eventType"], event["runId"], event["projectId"]) for event in told[-3:]]
    assert kinds == [(name, None, cloned.pk) for name in ("snapshot_created", "snapshot_created", "snapshot_restored")]


def test_an_approval_of_what_was_there_is_stale(api: APIClient, done: Run) -> None:
    assert api.post(f"/api/runs/{done.pk}/approve", {}).status_code == 200
    restore(api, before(done))
    assert problem(api.post(f"/api/runs/{done.pk}/commit", {})) == (409, "approval-stale")


def test_ignored_files_stay_and_are_kept_where_they_are_overwritten(
    api: APIClient, cloned: Project, folder: Path
) -> None:
    (folder / "a.log").write_text("recorded\n")
    number = take(api, cloned)
    (folder / ".gitignore").write_text("*.log\n")
    (folder / "a.log").write_text("ignored by now\n")
    (folder / "b.log").write_text("ignored\n")
    checkpoint = restore(api, number).json()["checkpoint"]["id"]
    assert (folder / "a.log").read_text() == "recorded\n"
    assert (folder / "b.log").read_text() == "ignored\n"
    restore(api, checkpoint)
    assert (folder / "a.log").read_text() == "ignored by now\n"


def test_a_large_file_is_told_of_and_stays(
    api: APIClient, cloned: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MAX_FILE, "1")
    (folder / "large").write_bytes(b"x" * (2**20 + 1))
    number = take(api, cloned)
    assert api.get(f"/api/snapshots/{number}").json()["leftOut"] == [{"path": "large", "sizeBytes": 2**20 + 1}]
    assert compare(api, number, "current").json()["files"] == []
    (folder / "large").write_bytes(b"small by now")
    restore(api, number)
    assert (folder / "large").read_bytes() == b"small by now"


def test_a_folder_with_ignored_files_in_the_way_refuses(api: APIClient, cloned: Project, folder: Path) -> None:
    number = take(api, cloned)
    (folder / "app.py").unlink()
    (folder / "app.py").mkdir()
    (folder / "app.py/x.log").write_text("ignored\n")
    (folder / ".gitignore").write_text("*.log\n")
    answer = restore(api, number)
    assert (problem(answer), answer.json()["reason"]) == ((409, "work-tree-not-restorable"), "restore-blocked")
    assert "app.py/x.log" in answer.json()["detail"]
    assert (folder / "app.py/x.log").exists()
    assert list(Snapshot.objects.values_list("kind", flat=True)) == ["manual"]


def test_a_full_disk_changes_nothing(
    api: APIClient, cloned: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = take(api, cloned)
    (folder / "app.py").write_text("work of a day\n")

    def full(path: Path, *arguments: Any, **options: Any) -> None:
        if path.name == UNFINISHED_RESTORE:
            raise DiskFull("The disk is full.")
        made(path, *arguments, **options)

    made = Path.mkdir
    monkeypatch.setattr(Path, "mkdir", full)
    answer = restore(api, number)
    assert (problem(answer), answer.json()["reason"]) == ((409, "work-tree-not-restorable"), "disk-full")
    checkpoint = api.get(f"/api/snapshots/{answer.json()['checkpointId']}").json()
    assert checkpoint["restore"]["status"] == "failed"
    assert (folder / "app.py").read_text() == "work of a day\n"
    assert compare(api, checkpoint["id"], "current").json()["files"] == []


def test_a_restore_that_has_to_stop_is_put_back(
    api: APIClient, cloned: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "b.txt").write_text("b\n")
    number = take(api, cloned)
    (folder / "app.py").unlink()
    (folder / "b.txt").unlink()
    (folder / "new.txt").write_text("new\n")
    rename = os.rename

    def stop(source: Any, target: Any, **options: Any) -> None:
        if target == b"b.txt":
            raise PermissionError("not this one")
        rename(source, target, **options)

    monkeypatch.setattr(os, "rename", stop)
    answer = restore(api, number)
    assert (problem(answer), answer.json()["reason"]) == ((409, "work-tree-not-restorable"), "not-writable")
    assert "put back" in answer.json()["detail"]
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "new.txt"]


def test_a_tree_that_is_gone_is_made_anew(api: APIClient, done: Run, tree: Path) -> None:
    after = Snapshot.objects.get(kind="after_run").pk
    shutil.rmtree(tree)
    assert problem(compare(api, after, "current")) == (409, "work-tree-missing")
    assert restore(api, after).status_code == 200
    assert (tree / "note.txt").read_text() == "hello\n"


def test_a_pruned_tree_is_made_anew_and_the_run_goes_on_in_it(api: APIClient, done: Run, tree: Path) -> None:
    Run.objects.update(finished_at=timezone.now() - timedelta(days=31))
    assert "work tree" in [each.what for each in prune_project(done.project)]
    assert not tree.exists()
    assert restore(api, Snapshot.objects.get(kind="after_run").pk).status_code == 200
    list(prune_project(done.project))
    assert (tree / "note.txt").read_text() == "hello\n"
    assert api.post(f"/api/runs/{done.pk}/messages", {"text": "```sh\ngit status\n```"}).status_code == 202
    execute(done.pk)
    done.refresh_from_db()
    assert (done.status, done.commands.get().exit_code) == ("completed", 0), done.error


@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_tree_that_a_run_works_in_is_busy(api: APIClient, done: Run, status: str) -> None:
    Run.objects.update(status=status)
    answer = restore(api, before(done))
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "workspace-busy"), status)


@pytest.mark.parametrize("status", ["failed", "cancelled", "paused"])
def test_a_run_at_rest_is_restored(api: APIClient, done: Run, status: str) -> None:
    Run.objects.update(status=status)
    assert restore(api, before(done)).status_code == 200


def test_a_tree_that_others_are_at_work_in_is_busy(
    api: APIClient, done: Run, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resting, "LOCK_WAIT_SECONDS", 0.1)
    with (tree.parent / "rest.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert problem(restore(api, before(done))) == (409, "workspace-busy")


def test_many_at_once_are_done_one_after_another(api: APIClient, cloned: Project, folder: Path) -> None:
    first = take(api, cloned)
    (folder / "app.py").write_text("second\n")
    second = take(api, cloned)
    answers = all_at_once(4, lambda number: restore(api, (first, second)[number % 2]))
    assert {answer.status_code for answer in answers} == {200}
    found = write_exact_tree(open_work_tree(Workspace.objects.get()))
    assert found in set(Snapshot.objects.filter(pk__in=(first, second)).values_list("tree", flat=True))
    assert set(Restore.objects.values_list("status", flat=True)) == {"done"}


def begun(snapshot: int, folder: Path) -> Restore:
    """A restore as a process leaves it that was killed right after its checkpoint."""
    wanted = Snapshot.objects.get(pk=snapshot)
    fields = {"project": wanted.project, "run": wanted.run, "attempt": wanted.attempt}
    checkpoint = Snapshot(kind="restore_checkpoint", description="restore checkpoint", **fields)
    workspace = resting.workspace_of(wanted)
    assert workspace is not None
    with repository_lock(wanted.project):
        save_tree(checkpoint, open_work_tree(workspace))
    checkpoint.save()
    (folder.parent / "index" / UNFINISHED_RESTORE).mkdir()
    return Restore.objects.create(snapshot=wanted, checkpoint=checkpoint)


def test_one_that_was_cut_short_is_seen_and_finished_by_the_workers(api: APIClient, done: Run, tree: Path) -> None:
    restore_row = begun(before(done), tree)
    shown = f"/api/snapshots/{restore_row.checkpoint_id}"
    assert api.get(shown).json()["restore"]["status"] == "under_way"
    assert api.post(f"/api/runs/{done.pk}/approve", {}).json()["reason"] == "restore-unfinished"
    assert finish_interrupted() == 1
    assert api.get(shown).json()["restore"]["status"] == "done"
    assert not (tree / "note.txt").exists()
    assert finish_interrupted() == 0


def test_a_run_that_sets_out_finishes_it_first(api: APIClient, done: Run, tree: Path) -> None:
    begun(before(done), tree)
    api.post(f"/api/runs/{done.pk}/messages", {"text": "```sh\ntest ! -e note.txt\n```"})
    execute(done.pk)
    done.refresh_from_db()
    assert (done.status, done.error) == ("completed", None)
    assert (Restore.objects.get().status, done.commands.get().exit_code) == ("done", 0)


def test_the_next_restore_finishes_it_first(api: APIClient, done: Run, tree: Path) -> None:
    begun(before(done), tree)
    shutil.rmtree(tree.parent / "index" / UNFINISHED_RESTORE)
    checkpoint = restore(api, Snapshot.objects.get(kind="after_run").pk).json()["checkpoint"]
    assert checkpoint["tree"] == Snapshot.objects.get(pk=before(done)).tree
    assert (tree / "note.txt").exists()


def test_one_that_is_being_carried_out_is_left_alone(api: APIClient, done: Run, tree: Path) -> None:
    begun(before(done), tree)
    with (tree.parent / "rest.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert finish_interrupted() == 0
    assert Restore.objects.get().status == "under_way"


@pytest.mark.usefixtures("unlimited")
def test_a_paused_agent_is_held_while_its_tree_is_restored(api: APIClient, queue_run: QueueRun) -> None:
    run = queue_run(WAITING)
    with working(run):
        made: Callable[[], Path] = lambda: Workspace.objects.get(run_attempt__run=run).work_tree_path  # noqa: E731
        wait_until(lambda: Workspace.objects.filter(run_attempt__run=run).exists() and (made() / "made").exists())
        assert problem(restore(api, before(run))) == (409, "workspace-busy")
        api.post(f"/api/runs/{run.pk}/pause")
        answer = restore(api, before(run))
        assert (answer.status_code, (made() / "made").exists()) == (200, False)
        api.post(f"/api/runs/{run.pk}/resume")
        (made() / "go").touch()
    run.refresh_from_db()
    assert (run.status, run.error) == ("completed", None)


@pytest.mark.usefixtures("unlimited")
def test_a_paused_agent_goes_on_only_when_its_tree_is_free(api: APIClient, queue_run: QueueRun) -> None:
    run = queue_run(WAITING)
    with working(run):
        made: Callable[[], Path] = lambda: Workspace.objects.get(run_attempt__run=run).work_tree_path  # noqa: E731
        wait_until(lambda: Workspace.objects.filter(run_attempt__run=run).exists() and (made() / "made").exists())
        api.post(f"/api/runs/{run.pk}/pause")
        with (made().parent / "rest.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            api.post(f"/api/runs/{run.pk}/resume")
            (made() / "go").touch()
            assert not run.events.filter(event_type="command_finished").exists()
    run.refresh_from_db()
    assert (run.status, run.error) == ("completed", None)


def test_a_checkpoint_is_taken_before_each_follow_up(api: APIClient, done: Run, tree: Path) -> None:
    (tree / "by-hand.txt").write_text("x")
    api.post(f"/api/runs/{done.pk}/messages", {"text": "```sh\nrm by-hand.txt\n```"})
    execute(done.pk)
    rows = api.get(f"/api/runs/{done.pk}/snapshots", {"kind": "checkpoint"}).json()["data"]
    assert [row["description"] for row in rows] == [f"before message {done.messages.get().pk}"]
    assert restore(api, rows[0]["id"]).status_code == 200
    assert (tree / "by-hand.txt").exists()


def test_a_person_gets_one_out_with_plain_git(api: APIClient, cloned: Project, folder: Path, tmp_path: Path) -> None:
    """By the commands of docs/snapshots.md."""
    (folder / ".gitattributes").write_text("* text eol=crlf ident\n")
    (folder / "new.txt").write_bytes(b"$Id$\n\r\n")
    commit = api.get(f"/api/snapshots/{take(api, cloned)}").json()["commit"]
    text = (ROOT / "docs/snapshots.md").read_text()
    commands = text.rpartition("```sh\n")[2].partition("```")[0]
    for name, value in {"/tmp/out": tmp_path / "out", "projects/3": f"projects/{cloned.pk}", "COMMIT": commit}.items():
        commands = commands.replace(name, str(value))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "QUARTERDECK_HOME": str(cloned.folder.parents[1])}
    subprocess.run(["/bin/sh", "-ec", commands], env=environment, check=True, capture_output=True)
    assert (tmp_path / "out/new.txt").read_bytes() == b"$Id$\n\r\n"
    assert (tmp_path / "out/app.py").exists()
