"""Work trees of runs long at rest are removed; what they hold is kept first, whatever happens on the way."""

import io
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from projects.locks import rest_lock
from projects.models import Project, Workspace
from projects.workspaces import open_repository
from runs.execution.executor import execute
from runs.models import CommandExecution, Run, RunAttempt
from tests.config.answers import problem
from tests.conftest import QueueRun, git
from tests.serving import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
PROMPT = "```file note.txt\nhello\n```\n```sh\nprintf 'b\\r\\n\\0' > new.bin; echo out\n```\n"
LONG_AGO = timedelta(days=31)


def prune(*arguments: str) -> dict[str, Any]:
    """What `bin/manage prune --json` tells; `exit` is its status."""
    output = io.StringIO()
    try:
        call_command("prune", "--json", *arguments, stdout=output)
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    told: dict[str, Any] = json.loads(output.getvalue())
    told["removals"] = [row for row in told["removals"] if row["what"] != "objects"]  # tests/snapshots has those
    return told | {"exit": status}


@pytest.fixture
def old(carry_out_once: QueueRun) -> Run:
    """A completed run that ended a month ago, with work that was neither committed nor pushed."""
    run = carry_out_once(PROMPT)
    Run.objects.update(finished_at=timezone.now() - LONG_AGO)
    return run


def tree_of(run: Run) -> Path:
    return Workspace.objects.get(run_attempt__run=run, run_attempt__number=run.attempt).work_tree_path


def rescued(run: Run) -> str:
    ref = run.attempts.get(number=run.attempt).rescue_ref
    assert ref.startswith(f"refs/quarterdeck/rescue/run-{run.pk}-{run.attempt}-")
    return str(ref)


def test_what_is_due_is_told_before_and_removed_then(old: Run) -> None:
    told = prune("--dry-run")
    assert [(row["what"], row["name"]) for row in told["removals"]] == [("work tree", f"run {old.pk}, attempt 1")]
    assert told["freedBytes"] > 0
    assert tree_of(old).is_dir()

    done = prune()

    assert (done["exit"], done["removals"][0]["rescueRef"]) == (0, rescued(old))
    assert done["freedBytes"] > 0
    assert not tree_of(old).exists()
    assert not tree_of(old).with_name("home").exists()
    assert prune()["removals"] == []


def test_work_that_was_not_committed_is_kept_byte_for_byte(old: Run, tmp_path: Path) -> None:
    prune()
    repository = open_repository(old.project)
    assert repository.run(["cat-file", "blob", f"{rescued(old)}:new.bin"]) == b"b\r\n\0"
    assert repository.run(["cat-file", "blob", f"{rescued(old)}:note.txt"]) == b"hello\n"

    # As docs/operating.md tells it.
    mine = tmp_path / "mine"
    git("clone", "-q", old.project.repository_url, mine)
    private = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repository.private_objects), "PATH": os.environ["PATH"]}
    push = ["git", "push", "-q", str(mine), f"{rescued(old)}:refs/heads/rescued"]
    subprocess.run(push, cwd=repository.path, env=private, check=True)
    assert git("show", "rescued:note.txt", cwd=mine) == "hello\n"
    git("fsck", "--strict", cwd=mine)


def test_a_commit_that_was_not_pushed_is_kept_with_its_branch(api: APIClient, old: Run) -> None:
    commit = api.post(f"/api/runs/{old.pk}/approve", {"commit": True}).json()["git"]["commit"]
    old.reviews.update(created_at=timezone.now() - LONG_AGO)
    old.attempts.update(committed_at=timezone.now() - LONG_AGO)
    prune()
    repository = open_repository(old.project)
    assert repository.resolve(rescued(old)) == commit
    assert repository.resolve(f"refs/heads/{old.attempts.get().branch}") == commit


def test_a_pushed_tree_needs_no_rescue(api: APIClient, old: Run) -> None:
    commit = api.post(f"/api/runs/{old.pk}/approve", {"commit": True}).json()["git"]["commit"]
    old.reviews.update(created_at=timezone.now() - LONG_AGO)
    long_ago = {"committed_at": timezone.now() - LONG_AGO, "pushed_at": timezone.now() - LONG_AGO}
    old.attempts.filter(commit=commit).update(push_status="pushed", **long_ago)
    assert [row["rescueRef"] for row in prune()["removals"]] == [None]
    assert not tree_of(old).exists()


@pytest.mark.parametrize("touch", ["ended", "reviewed", "queued"])
def test_a_run_that_somebody_still_cares_for_keeps_its_tree(api: APIClient, old: Run, touch: str) -> None:
    if touch == "ended":
        Run.objects.update(finished_at=timezone.now() - timedelta(days=29))
    elif touch == "reviewed":
        assert api.post(f"/api/runs/{old.pk}/reject").status_code == 200
    else:
        Run.objects.update(status="queued")
    assert prune()["removals"] == []
    assert tree_of(old).is_dir()


def test_a_tree_that_is_being_read_is_kept_and_told(old: Run) -> None:
    with rest_lock(Workspace.objects.get(run_attempt__run=old)):
        done = prune()
    assert (done["exit"], done["removals"][0]["keptFor"]) == (3, "others are at work in it")
    assert tree_of(old).is_dir()


def test_a_tree_that_cannot_be_recorded_is_kept_and_told(old: Run) -> None:
    (tree_of(old) / "inner" / ".GIT").mkdir(parents=True)
    (tree_of(old) / "inner" / ".GIT" / "config").write_text("x")
    done = prune()
    assert (done["exit"], "refuses to record" in done["removals"][0]["keptFor"]) == (3, True)
    assert (tree_of(old) / "note.txt").is_file()


def test_a_run_without_its_tree_shows_everything_and_refuses_to_go_on(api: APIClient, old: Run) -> None:
    path = f"/api/runs/{old.pk}"
    before = {part: api.get(f"{path}/{part}").json() for part in ("diff", "files", "summary", "snapshots", "commands")}
    prune()
    assert {part: api.get(f"{path}/{part}").json() for part in before} == before
    assert api.get(path).json()["allowedActions"] == []
    answer = api.post(f"{path}/messages", {"text": "More."})
    assert problem(answer) == (409, "run-not-messageable")
    assert "restore its last snapshot" in answer.json()["detail"]
    assert problem(api.post(f"{path}/approve")) == (409, "run-not-reviewable")
    wanted = {"description": "x", "runId": old.pk}
    answer = api.post(f"/api/projects/{old.project_id}/snapshots", wanted)
    assert problem(answer) == (409, "work-tree-missing")


def test_a_failed_run_without_its_tree_is_tried_again_in_a_new_one(api: APIClient, carry_out: QueueRun) -> None:
    run = carry_out("```sh\nexit 3\n```")
    Run.objects.update(finished_at=timezone.now() - LONG_AGO)
    prune()
    assert api.post(f"/api/runs/{run.pk}/retry").status_code == 202
    execute(run.pk)
    run.refresh_from_db()
    assert (run.attempt, tree_of(run).is_dir()) == (2, True)


def test_archive_and_clone_again_keep_trees_and_rescue_refs(
    api: APIClient, old: Run, carry_out: QueueRun, work_off: Any
) -> None:
    prune()
    young = carry_out(PROMPT)
    project = Project.objects.get()
    before = open_repository(project).refs("refs/quarterdeck/")
    assert api.delete(f"/api/projects/{project.pk}").status_code == 204
    assert api.post(f"/api/projects/{project.pk}/clone").status_code == 202
    work_off()
    project.refresh_from_db()
    assert (project.status, open_repository(project).refs("refs/quarterdeck/")) == ("ready", before)
    assert rescued(old) in before
    assert (tree_of(young) / "note.txt").read_text() == "hello\n"


def test_old_outputs_go_and_their_sizes_stay(api: APIClient, old: Run) -> None:
    Run.objects.update(finished_at=timezone.now() - timedelta(days=181))
    kept = CommandExecution.objects.get()
    path = Path(kept.stdout.path)
    assert path.is_file()
    assert ("outputs", f"run {old.pk}") in [(row["what"], row["name"]) for row in prune()["removals"]]
    shown = api.get(f"/api/runs/{old.pk}/commands/{kept.pk}").json()
    assert (shown["stdoutUrl"], shown["stdoutBytes"], path.exists()) == (None, 4, False)


KILLED = """
import json, os, signal, sys
from django.conf import settings
import django
settings.DATABASES["default"].update(json.loads(sys.argv[1]))
settings.HOME = __import__("pathlib").Path(sys.argv[2])
django.setup()
from runs.services import pruning
def kill(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(pruning, sys.argv[3], kill)
if sys.argv[3] == "remove_folder":
    del pruning.remove_work_tree
    from projects.git import work_tree
    def half(tree):
        (tree.index_dir / "base-commit").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    pruning.remove_work_tree = half
from config.upkeep import prune_project
from projects.models import Project
list(prune_project(Project.objects.get()))
"""


@pytest.mark.parametrize("moment", ["rescue", "_record", "_remove", "remove_folder"])
def test_killed_at_any_point_nothing_is_lost_and_the_next_one_goes_on(old: Run, moment: str) -> None:
    names = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")
    database = json.dumps({name: str(connection.settings_dict[name]) for name in names})
    command = [sys.executable, "-c", KILLED, database, str(settings.HOME), moment]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    assert prune()["exit"] == 0

    assert not tree_of(old).exists()
    repository = open_repository(old.project)
    assert repository.run(["cat-file", "blob", f"{rescued(old)}:note.txt"]) == b"hello\n"
    assert RunAttempt.objects.get().pruned_at is not None
    assert len(repository.refs("refs/quarterdeck/rescue/")) == 1
