"""Changed files are told while the agent is still at it: soon, together, and under ids that stay."""

import time

import pytest
from rest_framework.test import APIClient

from runs.models import Run
from tests.conftest import QueueRun, work_tree, working
from tests.serving import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
UNTIL_TOLD = "until [ -e go ]; do sleep 0.02; done"


def told(run: Run, kind: str) -> list[str | None]:
    return list(run.events.filter(event_type=kind).order_by("id").values_list("path", flat=True))


def test_a_file_is_told_within_a_second_of_its_write(queue_run: QueueRun) -> None:
    run = queue_run(f"```sh\necho a > made.txt; date +%s.%N > when.txt; {UNTIL_TOLD}\n```")
    with working(run):
        wait_until(lambda: "made.txt" in told(run, "file_created"))
        path = work_tree(run)
        event = run.events.get(path="made.txt")
        late = event.created_at.timestamp() - float((path / "when.txt").read_text())
        (path / "go").touch()
    assert late < 1


def test_many_writes_are_few_looks(queue_run: QueueRun) -> None:
    script = "for n in $(seq 200); do echo $n > f$n.txt; echo $n > same.txt; done"
    run = queue_run(f"```sh\n{script}; {UNTIL_TOLD}\n```")
    with working(run):
        wait_until(lambda: "f200.txt" in told(run, "file_created"))
        path = work_tree(run)
        (path / "go").touch()
    assert told(run, "file_created").count("f1.txt") == 1
    assert told(run, "file_updated").count("same.txt") < 20


def test_a_changed_file_keeps_its_id(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run(f"```sh\necho a > made.txt; {UNTIL_TOLD}\n```")
    with working(run):
        wait_until(lambda: "made.txt" in told(run, "file_created"))
        first = api.get(f"/api/runs/{run.pk}/files").json()["data"][0]["id"]
        path = work_tree(run)
        (path / "made.txt").write_text("a\nb\n")
        wait_until(lambda: "made.txt" in told(run, "file_updated"))
        shown = api.get(f"/api/runs/{run.pk}/files/{first}").json()
        (path / "go").touch()
    assert (shown["path"], shown["additions"], shown["newMode"]) == ("made.txt", 2, "100644")


def test_a_new_mode_is_told(queue_run: QueueRun) -> None:
    run = queue_run("```sh\necho a > made.sh\nuntil [ -e seen ]; do sleep 0.02; done\nchmod +x made.sh\n```")
    with working(run):
        wait_until(lambda: "made.sh" in told(run, "file_created"))
        (work_tree(run) / "seen").touch()
    assert told(run, "file_updated") == ["made.sh"]


def test_files_that_cannot_be_read_for_a_while_fail_no_run(queue_run: QueueRun) -> None:
    make = "mkdir -p $a/.git/objects $a/.git/refs; echo ref: refs/heads/x > $a/.git/HEAD"
    nested = f"a=.; for n in $(seq 70); do a=$a/d; {make}; done"
    run = queue_run(f"```sh\n{nested}; touch $a/file\n{UNTIL_TOLD}\nrm -rf d go\n```")
    with working(run):
        wait_until(run.commands.exists)

        def is_told() -> bool:  # a look comes after a change; one that came in the middle may have been the last
            (work_tree(run) / "nudge.txt").write_text(str(time.monotonic()))
            return run.events.filter(event_type="log", severity="warning").exists()

        wait_until(is_told)
        (work_tree(run) / "go").touch()
    run.refresh_from_db()
    assert run.status == "completed", run.error


def test_what_is_undone_is_told(queue_run: QueueRun) -> None:
    until_seen = "until [ -e seen ]; do sleep 0.02; done"
    run = queue_run(f"```sh\necho a > made.txt; rm app.py; echo b > README.md\n{until_seen}\nrm made.txt\n```")
    with working(run):
        wait_until(lambda: "app.py" in told(run, "file_deleted"))
        (work_tree(run) / "app.py").write_text("print('hello')\n")
        (work_tree(run) / "README.md").write_text("# Sample\n")
        (work_tree(run) / "seen").touch()
    assert told(run, "file_deleted")[-1:] == ["made.txt"]
    assert "app.py" in told(run, "file_created")
    assert "README.md" in told(run, "file_updated")
