"""Snapshots whose time is over go, with what only they held; what rows, refs, indexes or restores need stays."""

import contextlib
import io
import json
import os
import shutil
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.utils import timezone
from rest_framework.test import APIClient

from config.api.problems import NotFound
from config.upkeep import Upkeep
from projects.git.collecting import GRACE_SECONDS
from projects.git.errors import GitFailed
from projects.git.refs import refs_older_than
from projects.locks import collection_lock, repository_lock
from projects.models import Project
from projects.services import disk
from projects.workspaces import open_repository
from runs.models import Run, RunAttempt
from snapshots.models import Collection, Restore, Snapshot
from snapshots.services import pruning
from snapshots.services.collecting import NAMING_ROWS, is_due, want_collection
from snapshots.services.restoring import restore_snapshot
from tests.conftest import QueueRun

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = timedelta(days=91)


def prune(*arguments: str) -> list[dict[str, Any]]:
    """The rows of `bin/manage prune --json`."""
    output = io.StringIO()
    with contextlib.suppress(SystemExit):
        call_command("prune", "--json", *arguments, stdout=output)
    rows: list[dict[str, Any]] = json.loads(output.getvalue())["removals"]
    return rows


def of(rows: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["what"] == what]


def age(project: Project) -> None:
    """Rows and objects are from three months ago."""
    Run.objects.update(finished_at=timezone.now() - LONG_AGO)
    Snapshot.objects.update(created_at=timezone.now() - LONG_AGO)
    past = time.time() - 2 * GRACE_SECONDS
    for path in project.repository_path.rglob("*"):
        if path.is_file() and "objects" in path.parts:
            os.utime(path, (past, past))


@pytest.fixture
def pruned(done: Run) -> Run:
    """A run of three months ago, whose work tree was removed and whose snapshots are due."""
    age(done.project)
    RunAttempt.objects.update(pruned_at=timezone.now())
    shutil.rmtree(done.attempts.get().workspace.folder)  # type: ignore[union-attr]  # a completed run has one
    return done


def is_there(project: Project, object_id: str) -> bool:
    try:
        open_repository(project).run(["cat-file", "-e", object_id])
    except GitFailed:
        return False
    return True


def test_they_are_told_before_and_go_with_their_objects_then(pruned: Run) -> None:
    commits = list(Snapshot.objects.values_list("commit", flat=True))
    told = of(prune("--dry-run"), "snapshots")
    assert [(row["name"], row["count"]) for row in told] == [(f"run {pruned.pk}, attempt 1", 2)]
    assert told[0]["freedBytes"] > 0
    assert Snapshot.objects.count() == 2

    rows = prune()

    assert [row["count"] for row in of(rows, "snapshots")] == [2]
    assert of(rows, "objects")[0]["freedBytes"] > 0
    assert not Snapshot.objects.exists()
    assert [is_there(pruned.project, commit) for commit in commits] == [False, False]
    assert open_repository(pruned.project).refs(Snapshot.REF_PREFIX) == {}
    assert prune() == []
    assert "The snapshots of attempt 1 were removed" in pruned.events.latest("pk").body


def test_the_last_state_is_kept_where_nothing_else_keeps_it(pruned: Run) -> None:
    ref = of(prune(), "snapshots")[0]["rescueRef"]
    assert ref == RunAttempt.objects.get().rescue_ref
    assert open_repository(pruned.project).run(["cat-file", "blob", f"{ref}:note.txt"]) == b"hello\n"


def test_what_a_person_has_dropped_does_not_come_back(pruned: Run) -> None:
    RunAttempt.objects.update(rescue_dropped_at=timezone.now())
    assert of(prune(), "snapshots")[0]["rescueRef"] is None


@pytest.mark.parametrize("need", ["tree", "restore", "young", "queued", "never"])
def test_what_somebody_may_need_stays(pruned: Run, need: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if need == "tree":
        RunAttempt.objects.update(pruned_at=None)
        monkeypatch.setenv("QUARTERDECK_PARAM_RETENTION_WORKTREE_DAYS", "0")
    elif need == "restore":
        first, last = Snapshot.objects.order_by("pk")
        Restore.objects.create(snapshot=first, checkpoint=last)
    elif need == "young":
        Snapshot.objects.filter(kind="after_run").update(created_at=timezone.now() - timedelta(days=89))
    elif need == "queued":
        Run.objects.update(status="queued")
    else:
        monkeypatch.setenv("QUARTERDECK_PARAM_RETENTION_SNAPSHOT_DAYS", "0")
    assert of(prune(), "snapshots") == []
    assert Snapshot.objects.count() == 2


def test_killed_between_rows_and_refs_the_refs_go_a_day_later(pruned: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def kill(*args: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(pruning, "delete_refs", kill)
        with pytest.raises(Killed):
            prune()
    assert not Snapshot.objects.exists()
    repository = open_repository(pruned.project)
    assert len(repository.refs(Snapshot.REF_PREFIX)) == 2
    assert of(prune(), "snapshots") == []  # they could be those of a snapshot that is just being taken

    monkeypatch.setattr(pruning, "ORPHANS_KEPT_SECONDS", -60)
    assert [row["count"] for row in of(prune("--dry-run"), "snapshots")] == [2]
    prune()
    assert refs_older_than(repository, Snapshot.REF_PREFIX, -60) == []


def test_a_restore_of_one_that_was_just_removed_finds_nothing(api: APIClient, done: Run, user: Any) -> None:
    seen = Snapshot.objects.select_related("project", "run").get(kind="before_run")
    Snapshot.objects.filter(pk=seen.pk).delete()
    with pytest.raises(NotFound):
        restore_snapshot(seen, actor=user)


def test_others_at_work_are_not_waited_for(pruned: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "LOCK_WAIT_SECONDS", 0)
    with repository_lock(pruned.project):
        (removal,) = pruning.prune_snapshots(pruned.project, is_dry=False)
    assert "others are at work" in (removal.kept_for or "")
    assert Snapshot.objects.count() == 2


def test_every_row_that_names_an_object_is_asked() -> None:
    """A new column with the id of a commit or tree must be among the roots of collections, or objects are lost."""
    kinds = ("tree", "commit")
    for label in ("projects", "runs", "snapshots"):
        for model in apps.get_app_config(label).get_models():
            named = {
                field.name
                for field in model._meta.fields
                if getattr(field, "max_length", None) == 64 and field.name.rpartition("_")[2] in kinds
            }
            assert named == set(NAMING_ROWS.get(model, ("", ()))[1]), model


def test_a_collection_keeps_all_that_the_api_shows(api: APIClient, done: Run, carry_out: QueueRun) -> None:
    assert api.post(f"/api/runs/{done.pk}/reject").status_code == 200
    api.post(f"/api/runs/{done.pk}/messages", {"text": "```file note.txt\nmore\n```"})
    carry_out("```file other.txt\nx\n```")
    path = f"/api/runs/{done.pk}"
    shown = ("diff", "files", "snapshots")
    age(done.project)
    before = {part: api.get(f"{path}/{part}").json() for part in shown}
    reviewed = done.reviews.get().tree
    assert not any(row["keptFor"] for row in prune())
    repository = open_repository(done.project)
    assert {part: api.get(f"{path}/{part}").json() for part in shown} == before
    repository.run(["rev-list", "--objects", "--all", reviewed])
    assert repository.run(["fsck", "--connectivity-only", "--no-dangling"]) == b""


def test_the_upkeep_collects_what_is_wanted_and_the_gauge_tells(pruned: Run, work_off: Any) -> None:
    Upkeep()()
    work_off()
    row = Collection.objects.get()
    assert (row.status, row.error) == ("done", None)
    assert row.bytes_before is not None
    assert row.bytes_after is not None
    assert row.bytes_after < row.bytes_before
    pruned.project.refresh_from_db()
    assert (pruned.project.disk_bytes or 0) > 0
    assert not is_due(pruned.project)


def test_a_failure_is_shown_with_its_reason_and_tried_again(pruned: Run) -> None:
    repository = open_repository(pruned.project)
    tree = Snapshot.objects.get(kind="after_run").tree
    blob = repository.run(["rev-parse", f"{tree}:note.txt"]).decode().strip()
    lost = repository.private_objects / blob[:2] / blob[2:]
    kept = lost.with_name("kept")
    lost.rename(kept)
    want_collection(pruned.project)
    Run.objects.update(finished_at=timezone.now())
    assert [bool(row["keptFor"]) for row in of(prune(), "objects")] == [True]
    row = Collection.objects.get()
    assert (row.status, row.error and row.error["code"]) == ("failed", "git-failed")
    assert is_due(pruned.project)
    kept.rename(lost)
    prune()
    assert Collection.objects.get().status == "done"


def test_a_project_without_much_to_gain_is_left_alone(done: Run) -> None:
    assert not is_due(done.project)
    want_collection(done.project)
    assert is_due(done.project)
    Project.objects.update(status="pulling")
    done.project.refresh_from_db()
    assert not is_due(done.project)


def test_one_collects_at_a_time(done: Run) -> None:
    with collection_lock(done.project):
        assert ["being collected already" in row["keptFor"] for row in prune()] == [True]


def test_ignored_files_are_counted_before_they_go(done: Run, tree: Path) -> None:
    (tree / ".gitignore").write_text("*.log\n")
    (tree / "a.log").write_text("x")
    Run.objects.update(finished_at=timezone.now() - LONG_AGO)
    assert [row["ignoredFiles"] for row in of(prune("--dry-run"), "work tree")] == [1]
    assert [row["ignoredFiles"] for row in of(prune(), "work tree")] == [1]
    bodies = "".join(done.events.values_list("body", flat=True))
    assert "but for 1 ignored files" in bodies


def test_the_gauge_counts_kept_outputs(carry_out: QueueRun) -> None:
    run = carry_out("```sh\nhead -c 300000 /dev/zero\n```")
    before = disk.measure(run.project)
    run.commands.update(stdout="")
    assert before - disk.measure(run.project) >= 300_000
