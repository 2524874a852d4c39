"""A process is killed with kill -9 at one step of a restore after another; what is left is one state or the other."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.databases import Migrated
from tests.serving import ROOT

# It counts the steps that Python tells of (sys.addaudithook): files renamed and removed, folders made, git started.
CHILD = """
import json, os, signal, sys
from pathlib import Path
import django
django.setup()
from django.db import connections
from accounts.models import User
from projects.git.trees import write_exact_tree
from projects.models import Project, Workspace
from projects.services.cloning import clone_project
from projects.workspaces import open_work_tree
from snapshots.models import Restore, Snapshot
from snapshots.services.restoring import finish_interrupted, restore_snapshot
from snapshots.services.taking import take_manual_snapshot

STEPS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chown", "subprocess.Popen"}
left = [None]

def step(event, arguments):
    if event in STEPS and left[0] is not None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(step)
user, _ = User.objects.get_or_create(email="anna@example.com")
project = Project.objects.create(name="a", slug="a", repository_url=sys.argv[1], created_by=user)
clone_project(project.pk)
project.refresh_from_db()
folder = Workspace.objects.get().work_tree_path
tree = lambda: write_exact_tree(open_work_tree(Workspace.objects.get()))
(folder / "gone").mkdir()
for name in "abc":
    (folder / "gone" / name).write_text(name)
wanted = take_manual_snapshot(project, None, actor=user, description="wanted")
for name in "abc":
    (folder / "gone" / name).unlink()
(folder / "gone").rmdir()
(folder / "new" / "deep").mkdir(parents=True)
for name in "xyz":
    (folder / "new" / "deep" / name).write_text(name)
(folder / "app.py").write_text("other")
old = take_manual_snapshot(project, None, actor=user, description="old")

def killed_at(number):
    connections.close_all()
    child = os.fork()
    if child == 0:
        left[0] = number
        restore_snapshot(wanted, actor=user)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)

told, number = [], 1
while killed_at(number):
    known = Restore.objects.order_by("pk").last()
    is_begun = known is not None and known.status == "under_way"
    finish_interrupted()
    found = tree()
    state = {old.tree: "old", wanted.tree: "new"}.get(found, "mixed")
    has_checkpoint = is_begun and known.checkpoint.tree == old.tree
    told.append([number, is_begun, state, has_checkpoint])
    if state == "new":
        restore_snapshot(old, actor=user)
        assert tree() == old.tree
    number += int(sys.argv[2])
print(json.dumps(told))
"""
EVERY = 3


def test_after_a_kill_at_any_step_the_tree_is_the_old_one_or_the_new_one(
    tmp_path: Path, migrated: Migrated, remote: Path
) -> None:
    home = tmp_path / "home"
    with migrated.copied(home) as database:
        environment = {
            "PATH": os.environ["PATH"],
            "QUARTERDECK_HOME": str(home),
            "QUARTERDECK_PARAM_SAFETY_ALLOW_LOCAL_REPOSITORIES": "true",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            **database,
        }
        command = [sys.executable, "-c", CHILD, str(remote), str(EVERY)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told) > 5
    states = {(is_begun, state, has_checkpoint) for _, is_begun, state, has_checkpoint in told}
    assert states == {(False, "old", False), (True, "new", True)}
