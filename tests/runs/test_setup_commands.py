"""A project's commands around its runs: done in the work tree, shown as commands, each with a failure of its own."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from projects.models import Project
from runs.execution.executor import execute
from runs.models import Run
from tests.conftest import QueueRun, working
from tests.serving import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
PROMPT = "```sh\ncat ready.txt > seen.txt\n```\n"


def commands(api: APIClient, run: Run) -> list[tuple[str, str, int | None]]:
    """Phase, command and exit code of all, oldest first."""
    rows = api.get(f"/api/runs/{run.pk}/commands").json()["data"]
    return [(row["phase"], row["command"], row["exitCode"]) for row in sorted(rows, key=lambda row: row["id"])]


def events(api: APIClient, run: Run, kind: str) -> list[dict[str, Any]]:
    rows = api.get(f"/api/runs/{run.pk}/events?limit=200&eventTypes={kind}").json()["data"]
    return [row["data"] for row in rows]


@pytest.fixture
def set_up(cloned: Project, api: APIClient) -> Any:
    """Gives the project setup and teardown commands."""

    def put(setup: list[str], teardown: list[str]) -> None:
        body = {"setupCommands": setup, "teardownCommands": teardown}
        assert api.put(f"/api/projects/{cloned.pk}", body).status_code == 200

    return put


def test_setup_comes_before_the_agent_and_teardown_after_it(api: APIClient, set_up: Any, carry_out: QueueRun) -> None:
    set_up(["echo one > ready.txt", "echo two >> ready.txt; echo told; echo aside >&2"], ["rm ready.txt"])
    run = carry_out(PROMPT)
    assert (run.status, run.error) == ("completed", None)
    assert commands(api, run) == [
        ("setup", "echo one > ready.txt", 0),
        ("setup", "echo two >> ready.txt; echo told; echo aside >&2", 0),
        ("agent", "cat ready.txt > seen.txt", 0),
        ("teardown", "rm ready.txt", 0),
    ]
    assert [file["path"] for file in api.get(f"/api/runs/{run.pk}/files").json()["data"]] == ["seen.txt"]
    assert "+one\n+two\n" in api.get(f"/api/runs/{run.pk}/diff").json()["diff"]


def test_its_output_is_told_and_kept(api: APIClient, set_up: Any, carry_out: QueueRun) -> None:
    set_up(["echo told; echo aside >&2"], [])
    run = carry_out("Hello.")
    told = {(data["phase"], data["stream"], data["text"]) for data in events(api, run, "command_output")}
    assert told == {("setup", "stdout", "told\n"), ("setup", "stderr", "aside\n")}
    command = run.commands.get()
    with command.stdout.open() as stdout, command.stderr.open() as stderr:
        assert (stdout.read(), stderr.read()) == (b"told\n", b"aside\n")
    assert [data["phase"] for data in events(api, run, "command_started,command_finished")] == ["setup", "setup"]


def test_a_failing_setup_fails_the_run_before_its_agent_starts(
    api: APIClient, set_up: Any, carry_out: QueueRun
) -> None:
    set_up(["true", "echo no >&2; exit 7", "touch never"], ["touch torn"])
    run = carry_out(PROMPT)
    assert run.status == "failed"
    error = run.error or {}
    assert error["code"] == "setup-failed"
    assert "Setup command 2 of 3 ended with exit code 7: echo no >&2; exit 7." in error["message"]
    assert [(phase, code) for phase, _, code in commands(api, run)] == [("setup", 0), ("setup", 7), ("teardown", 0)]


def test_a_run_is_tried_again_with_the_corrected_setup(api: APIClient, set_up: Any, carry_out: QueueRun) -> None:
    set_up(["exit 7"], [])
    run = carry_out(PROMPT)
    set_up(["echo ok > ready.txt"], [])
    assert api.post(f"/api/runs/{run.pk}/retry").status_code == 202
    execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error) == ("completed", None)


def test_a_failing_teardown_is_told_and_changes_no_result(api: APIClient, set_up: Any, carry_out: QueueRun) -> None:
    set_up(["echo ok > ready.txt"], ["exit 5", "touch torn"])
    run = carry_out(PROMPT)
    assert (run.status, run.error) == ("completed", None)
    assert commands(api, run)[2:] == [("teardown", "exit 5", 5), ("teardown", "touch torn", 0)]
    (told,) = [row for row in run.events.filter(event_type="log") if "Teardown" in row.body]
    assert "Teardown command 1 of 2 ended with exit code 5: exit 5." in told.body
    assert told.severity == "warning"


def test_a_command_that_takes_too_long_is_ended(
    api: APIClient, set_up: Any, carry_out: QueueRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runs.execution.steps.MINUTE_SECONDS", 0.5)
    monkeypatch.setenv("QUARTERDECK_PARAM_RUNS_SETUP_LIMIT_MINUTES", "1")
    set_up(["sleep 300"], [])
    run = carry_out(PROMPT)
    assert "Setup command 1 of 1 took longer than 1 minutes and was ended: sleep 300." in (run.error or {})["message"]


def test_a_cancel_ends_the_setup_and_the_teardown_is_done(api: APIClient, set_up: Any, queue_run: QueueRun) -> None:
    set_up(["touch begun; sleep 300"], ["touch torn"])
    run = queue_run(PROMPT)
    with working(run):
        wait_until(lambda: run.commands.filter(phase="setup").exists())
        assert api.post(f"/api/runs/{run.pk}/cancel").status_code == 200
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert [(phase, code) for phase, _, code in commands(api, run)] == [("setup", None), ("teardown", 0)]


def test_a_follow_up_finds_its_setup_done_unless_a_teardown_has_undone_it(
    api: APIClient, set_up: Any, carry_out: QueueRun
) -> None:
    set_up(["echo ok > ready.txt"], [])
    run = carry_out(PROMPT)
    api.post(f"/api/runs/{run.pk}/messages", {"text": PROMPT})
    execute(run.pk)
    assert [phase for phase, _, _ in commands(api, run)] == ["setup", "agent", "agent"]
    set_up(["echo ok > ready.txt"], ["rm ready.txt"])
    run = carry_out(PROMPT)
    api.post(f"/api/runs/{run.pk}/messages", {"text": PROMPT})
    execute(run.pk)
    phases = [phase for phase, _, _ in commands(api, run)]
    assert phases == ["setup", "agent", "teardown"] * 2


def test_projects_that_set_none_have_the_servers(
    api: APIClient, set_up: Any, carry_out: QueueRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_RUNS_SETUP_COMMANDS", '["echo server > ready.txt"]')
    assert commands(api, carry_out(PROMPT))[0] == ("setup", "echo server > ready.txt", 0)
    set_up([], [])
    assert [phase for phase, _, _ in commands(api, carry_out("Hello."))] == []


def test_a_setup_command_is_in_the_sandbox(api: APIClient, set_up: Any, carry_out: QueueRun, cloned: Project) -> None:
    set_up([f"test ! -e {cloned.repository_path}/config && test $(id -u) != 0"], [])
    assert commands(api, carry_out("Hello."))[0][2] == 0
