"""`bin/manage runs`, `tail_run` and `recover`."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from runs.events import Draft, append
from runs.models import AgentEvent, Run, WorkerProcess
from tests.conftest import MakeUser, QueueRun, working


def manage(*arguments: Any) -> str:
    """What the command prints."""
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def manage_json(*arguments: Any) -> Any:
    return json.loads(manage(*arguments, "--json"))


@pytest.fixture
def operator(make_user: MakeUser, db: None) -> User:
    """The only operator."""
    return make_user("op@example.com", is_staff=True)


def test_runs_are_listed_newest_first(run: Run) -> None:
    newer = Run.objects.create(project=run.project, title="Newer", prompt="p", selected_agent="script")
    assert [row["id"] for row in manage_json("runs", "list")] == [newer.pk, run.pk]
    assert [row["id"] for row in manage_json("runs", "list", "--limit", "1")] == [newer.pk]


def test_runs_are_listed_by_status_and_project(run: Run) -> None:
    assert len(manage_json("runs", "list", "--status", "draft", "--project", run.project_id)) == 1
    assert manage_json("runs", "list", "--status", "failed") == []
    assert manage_json("runs", "list", "--project", run.project_id + 1) == []


def test_a_title_does_not_steer_the_terminal(run: Run) -> None:
    Run.objects.update(title="\033[2Jgone")
    assert "\033" not in manage("runs", "list") + manage("runs", "show", run.pk)


def test_one_run_is_shown(run: Run) -> None:
    assert "status         draft" in manage("runs", "show", run.pk)


def test_a_run_is_started_and_cancelled_by_the_only_operator(run: Run, operator: User) -> None:
    assert manage_json("runs", "start", run.pk)["status"] == "queued"
    assert manage_json("runs", "cancel", run.pk)["status"] == "cancelled"
    assert f"Cancelled by {operator.email}" in AgentEvent.objects.get(event_type="run_cancelled").body


def test_who_steers_must_be_told_apart(run: Run, operator: User, make_user: MakeUser) -> None:
    make_user("second@example.com", is_staff=True)
    with pytest.raises(CommandError, match="--as"):
        manage("runs", "cancel", run.pk)
    assert manage_json("runs", "cancel", run.pk, "--as", "SECOND@example.com")["status"] == "cancelled"


def test_somebody_who_is_no_operator_does_not_steer(run: Run, user: User) -> None:
    with pytest.raises(CommandError, match="no operator"):
        manage("runs", "cancel", run.pk, "--as", user.email)


def test_a_move_that_the_status_does_not_allow_is_refused(run: Run, operator: User) -> None:
    Run.objects.update(status="completed")
    with pytest.raises(CommandError, match="is completed"):
        manage("runs", "cancel", run.pk)


@pytest.mark.parametrize("arguments", [("runs", "show", 10**6), ("tail_run", 10**6), ("runs", "list", "--limit", "0")])
def test_what_is_not_there_is_an_error(db: None, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(CommandError):
        manage(*arguments)


def test_the_log_is_printed_as_far_as_it_goes(run: Run) -> None:
    append(run, [Draft("log", "first"), Draft("log", "se\033cond")])
    lines = manage("tail_run", run.pk, "--no-follow").splitlines()
    assert [line.split()[:2] for line in lines] == [["1", "log"], ["2", "log"]]
    assert "\033" not in lines[1]


def test_the_log_is_printed_as_json_from_where_the_reader_was(run: Run) -> None:
    append(run, [Draft("log", "first"), Draft("log", "second")])
    first = AgentEvent.objects.earliest("id")
    (line,) = manage("tail_run", run.pk, "--no-follow", "--json", "--since", first.pk).splitlines()
    assert json.loads(line)["message"] == "second"


def test_a_live_run_is_followed_to_its_end(queue_run: QueueRun) -> None:
    run = queue_run("Hello.\n\n```sh\nsleep 0.3\n```")
    with working(run):
        lines = manage("tail_run", run.pk, "--json").splitlines()
    assert json.loads(lines[-1])["eventType"] == "run_completed"
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1))


def test_the_exit_status_tells_that_a_run_has_not_completed(run: Run) -> None:
    Run.objects.update(status="failed")
    with pytest.raises(SystemExit) as ended:
        manage("tail_run", run.pk)
    assert ended.value.code == 3


def test_recovery_tells_what_it_has_found(run: Run) -> None:
    long_ago = timezone.now().replace(year=2020)
    WorkerProcess.objects.create(name="elsewhere:1:1", queue="runs", last_seen_at=long_ago)
    Run.objects.update(status="running", lease_owner="elsewhere:1:1")
    assert manage_json("recover") | {"redeliveredRuns": 0} == {
        "deadWorkers": 1,
        "requeuedRuns": 1,
        "redeliveredRuns": 0,
        "redeliveredWork": 0,
        "finishedRestores": 0,
        "recountedProjects": 1,
    }
    run.refresh_from_db()
    assert run.status == "queued"
