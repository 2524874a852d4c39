"""A run with a real agent process in its sandbox: done, failed, cancelled, stopped by a limit."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from rest_framework.test import APIClient

from projects.workspaces import open_repository
from runs.models import AgentEvent, CommandExecution, Run
from runs.queries import current_attempt
from settings_params.params import IntParam
from settings_params.registry import PARAMS
from snapshots.models import Snapshot
from tests.conftest import QueueRun, git, work_tree, working
from tests.runs.conftest import cut_short, finish
from tests.serving import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def types(run: Run) -> list[str]:
    return list(run.events.order_by("id").values_list("event_type", flat=True))


def processes_of_agents() -> set[int]:
    """What this process's agents have started and not ended."""
    return {each.pid for each in psutil.Process(os.getpid()).children(recursive=True) if each.is_running()}


def has_started(run: Run, command: str) -> Any:
    return lambda: run.commands.filter(command__contains=command).exists()


def test_a_run_tells_its_story_in_order(carry_out: QueueRun) -> None:
    run = carry_out("Hello.\n\n```file a.txt\nA\n```\n```sh\ncat a.txt\n```\n")
    told = types(run)
    wanted = ["run_created", "run_queued", "run_started", "snapshot_created", "agent_message", "command_started"]
    wanted += ["command_finished", "file_created", "snapshot_created", "run_completed"]
    places = [told.index(kind) for kind in wanted[:7]]
    assert places == sorted(places)
    assert told[-1] == "run_completed"
    assert set(wanted) <= set(told)
    assert list(run.events.order_by("id").values_list("seq", flat=True)) == list(range(1, len(told) + 1))


def test_branch_base_and_tree_are_shown(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out("```file a.txt\nA\n```", title="Fix: the Thing!")
    shown = api.get(f"/api/runs/{run.pk}").json()
    assert shown["branch"] == f"quarterdeck/run-{run.pk}-1-fix-the-thing"
    assert shown["baseCommit"] == run.project.head_commit
    assert len(shown["tree"]) == 40


def test_a_failing_step_fails_the_run_with_its_reason(carry_out: QueueRun) -> None:
    run = carry_out("```sh\nexit 3\n```\n```file never.txt\nx\n```")
    assert (run.status, run.commands.get().exit_code) == ("failed", 3)
    assert run.error is not None
    assert "3" in run.error["message"]


def test_a_failed_run_keeps_its_files_for_review(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out("```file kept.txt\nx\n```\n```sh\nexit 1\n```")
    files = api.get(f"/api/runs/{run.pk}/files").json()["data"]
    assert [(each["path"], each["changeType"]) for each in files] == [("kept.txt", "created")]
    assert api.post(f"/api/runs/{run.pk}/approve").status_code == 200


def test_a_step_that_may_fail_does_not_fail_the_run(carry_out: QueueRun) -> None:
    assert carry_out("```sh allow-fail\nexit 1\n```").status == "completed"


def test_a_path_that_leaves_the_work_tree_fails_the_run(carry_out: QueueRun) -> None:
    run = carry_out("```file ../out.txt\nx\n```")
    assert run.status == "failed"


def test_a_prompt_that_cannot_be_read_fails_before_the_first_step(carry_out: QueueRun) -> None:
    run = carry_out("```file a.txt\nx\n```\n\n```sh colour=red\ntrue\n```")
    assert run.status == "failed"
    assert run.error is not None
    assert "line 5" in run.error["message"]
    assert not current_attempt(run).files.exists()  # type: ignore[union-attr]


def test_cancel_shows_at_once_and_ends_every_process(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run("```file a.txt\nA\n```\n```sh\nsetsid sleep 300 & sleep 300\n```")
    before = processes_of_agents()
    with working(run):
        wait_until(has_started(run, "sleep 300"))
        answer = api.post(f"/api/runs/{run.pk}/cancel")
        at = time.monotonic()
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
        wait_until(lambda: not processes_of_agents() - before)
        wait_until(lambda: not Run.objects.get(pk=run.pk).has_agent)
        assert time.monotonic() - at < 10
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_a_cancelled_run_can_be_reviewed(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run("```file a.txt\nA\n```\n```sh\nsleep 300\n```")
    with working(run):
        wait_until(has_started(run, "sleep 300"))
        api.post(f"/api/runs/{run.pk}/cancel")
    assert [each["path"] for each in api.get(f"/api/runs/{run.pk}/files").json()["data"]] == ["a.txt"]
    assert api.post(f"/api/runs/{run.pk}/approve", {"commit": True}).status_code == 200


def test_while_the_agent_is_being_stopped_the_tree_is_busy(run: Run, api: APIClient, queue_run: QueueRun) -> None:
    busy = queue_run("```sh\nsleep 300\n```")
    with working(busy):
        wait_until(has_started(busy, "sleep 300"))
        api.post(f"/api/runs/{busy.pk}/cancel")
        answer = api.post(f"/api/runs/{busy.pk}/approve")
        assert answer.status_code == 200 or answer.json()["code"] in ("workspace-busy", "run-not-reviewable")


def test_a_command_under_way_at_a_cancel_does_not_stay_running(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run("```sh\nsleep 300\n```")
    with working(run):
        wait_until(has_started(run, "sleep 300"))
        api.post(f"/api/runs/{run.pk}/cancel")
    assert CommandExecution.objects.get().status in ("lost", "failed", "finished")


def test_a_run_past_its_time_limit_fails(carry_out: QueueRun, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "runs.time_limit_minutes"
    param = PARAMS[key]
    assert isinstance(param, IntParam)
    monkeypatch.setitem(PARAMS, key, replace(param, minimum=0))
    monkeypatch.setenv(PARAMS[key].environment_name, "0")
    run = carry_out("```sh\nsleep 300\n```")
    assert run.error is not None
    assert (run.status, run.error["code"]) == ("failed", "time-limit")


def test_the_diff_applied_to_the_base_gives_the_tree(
    carry_out: QueueRun, api: APIClient, remote: Path, tmp_path: Path
) -> None:
    prompt = "```sh\nprintf 'a\\0b' > bin.dat; rm app.py; printf 'x\\r\\n' > 'crlf ü.txt'; ln -s README.md link\n"
    run = carry_out(prompt + "chmod +x README.md; printf 'no newline' >> README.md\n```")
    shown = api.get(f"/api/runs/{run.pk}").json()
    diff = api.get(f"/api/runs/{run.pk}/diff", headers={"accept": "text/x-diff"})
    assert diff["Content-Type"] == "text/x-diff"
    (tmp_path / "run.diff").write_bytes(diff.content)
    work = tmp_path / "applied"
    git("clone", "-q", remote, work)
    git("apply", "--binary", "--index", tmp_path / "run.diff", cwd=work)
    assert git("write-tree", cwd=work).strip() == shown["tree"]


def test_there_is_a_snapshot_before_and_after_with_refs(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out("```file a.txt\nA\n```")
    shown = api.get(f"/api/runs/{run.pk}/snapshots").json()["data"]
    assert [each["kind"] for each in shown] == ["after_run", "before_run"]
    assert shown[0]["parentId"] == shown[1]["id"]
    repository = open_repository(run.project)
    for snapshot in Snapshot.objects.all():
        assert repository.resolve(snapshot.ref) == snapshot.commit


def test_the_summary_tells_what_came_of_it(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out("```file a.txt\nA\n```\n```sh\ntrue\n```")
    summary = api.get(f"/api/runs/{run.pk}/summary").json()
    assert (summary["outcome"], summary["commands"]["total"]) == ("completed", 1)
    assert summary["changedFiles"][0]["path"] == "a.txt"


def test_a_second_delivery_of_a_finished_run_changes_nothing(carry_out: QueueRun) -> None:
    from runs.execution.executor import execute

    run = carry_out("Hello.")
    told = types(run)
    execute(run.pk)
    assert types(run) == told


def test_a_run_that_was_interrupted_goes_on_with_the_first_unfinished_step(queue_run: QueueRun) -> None:
    run = queue_run("```sh\necho once >> log.txt\n```\n```sh\ntest -e go || { touch go; sleep 300; }\n```")
    # Written down is not begun: ended before it has made `go`, it would wait when it is done again.
    cut_short(run, "go")
    assert (run.status, types(run)[-1]) == ("queued", "run_recovered")
    finish(run)
    assert (work_tree(run) / "log.txt").read_text() == "once\n"


def test_an_agents_text_is_joined_and_ends_with_final(carry_out: QueueRun) -> None:
    run = carry_out("First.\n\nSecond.")
    rows = run.events.filter(event_type="agent_message").order_by("id").values_list("body", flat=True)
    said = [orjson.loads("{" + body) for body in rows]
    assert "".join(each["message"] for each in said).replace("\n", "") == "First.Second."
    by_message = {each["data"]["messageId"]: each["data"]["final"] for each in said}
    assert all(by_message.values())


def test_safe_mode_rejected_leaves_the_tree_clean(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run("```file a.txt\nA\n```", safe_mode=True)
    with working(run):
        asked = wait_until(lambda: run.permissions.filter(status="pending").first())
        answer = api.post(f"/api/runs/{run.pk}/permissions/{asked.pk}", {"decision": "reject"})
        assert (answer.status_code, answer.json()["status"]) == (200, "rejected")
    run.refresh_from_db()
    assert run.status == "failed"
    assert not current_attempt(run).files.exists()  # type: ignore[union-attr]


def test_events_name_the_attempt(carry_out: QueueRun) -> None:
    run = carry_out("Hello.")
    assert set(AgentEvent.objects.filter(run=run).values_list("attempt", flat=True)) == {1}
