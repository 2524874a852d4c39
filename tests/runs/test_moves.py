"""The life of a run: every move from every status, and what happens when several want to move it at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from config.api.problems import Problem
from runs.models import AgentEvent, Run
from runs.services.lifecycle import move
from runs.transitions import CLIENT_MOVES, MOVES, TAKES_MESSAGES
from tests.conftest import MakeApi, MakeUser, all_at_once

pytestmark = pytest.mark.usefixtures("unlimited")
EVERY_MOVE = [(name, status) for name in MOVES for status in Run.Status.values]
LEGAL = {
    ("start", "draft"): "queued",
    ("claim", "queued"): "running",
    ("complete", "running"): "completed",
    ("fail", "queued"): "failed",
    ("fail", "running"): "failed",
    ("fail", "paused"): "failed",
    ("pause", "running"): "paused",
    ("resume", "paused"): "running",
    ("requeue", "paused"): "queued",
    ("recover", "running"): "queued",
    ("retry", "failed"): "queued",
    ("message", "completed"): "queued",
    ("cancel", "draft"): "cancelled",
    ("cancel", "queued"): "cancelled",
    ("cancel", "running"): "cancelled",
    ("cancel", "paused"): "cancelled",
}


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "status"), [pair for pair in EVERY_MOVE if pair in LEGAL])
def test_a_legal_move_changes_the_status(run: Run, name: str, status: str) -> None:
    Run.objects.update(status=status)
    move(run, name)
    run.refresh_from_db()
    assert run.status == LEGAL[name, status]


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "status"), [pair for pair in EVERY_MOVE if pair not in LEGAL])
def test_any_other_move_changes_nothing(run: Run, name: str, status: str) -> None:
    Run.objects.update(status=status)
    with pytest.raises(MOVES[name].error) as caught:
        move(run, name)
    run.refresh_from_db()
    problem: Problem = caught.value
    assert (run.status, run.last_seq) == (status, 0)
    assert problem.members["current_status"] == status


@pytest.mark.django_db
def test_a_move_stamps_its_time_and_writes_its_event(run: Run) -> None:
    move(run, "start")
    run.refresh_from_db()
    assert run.queued_at is not None
    assert AgentEvent.objects.filter(run=run).values_list("event_type", "seq").get() == ("run_queued", 1)


@pytest.mark.django_db
@pytest.mark.parametrize("status", Run.Status.values)
def test_a_run_shows_what_it_allows(api: APIClient, run: Run, status: str) -> None:
    Run.objects.update(status=status)
    shown = api.get(f"/api/runs/{run.pk}").json()
    assert set(shown["allowedActions"]) == {name for name in CLIENT_MOVES if (name, status) in LEGAL} | (
        {"messages"} if status in TAKES_MESSAGES else set()
    )


ACTIONS = {
    "start": ("run-not-startable", {"draft": (202, "queued")}),
    "pause": ("run-not-pausable", {"running": (200, "paused")}),
    "resume": ("run-not-resumable", {"paused": (202, "queued")}),
    "cancel": (
        "run-not-cancellable",
        dict.fromkeys(("draft", "queued", "running", "paused"), (200, "cancelled")),
    ),
    "retry": ("run-not-retryable", {"failed": (202, "queued")}),
    "messages": (
        "run-not-messageable",
        {"running": (202, "running"), "paused": (202, "paused"), "completed": (202, "queued")},
    ),
}
BODIES = {"messages": {"text": "And this."}}


def act(api: APIClient, run: Run, action: str) -> Any:
    return api.post(f"/api/runs/{run.pk}/{action}", BODIES.get(action))


@pytest.mark.django_db
@pytest.mark.parametrize("status", Run.Status.values)
@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_from_every_status(api: APIClient, run: Run, action: str, status: str) -> None:
    Run.objects.update(status=status)
    code, legal = ACTIONS[action]
    answer = act(api, run, action)
    body = answer.json()
    if status in legal:
        assert (answer.status_code, body["status"]) == legal[status]
    else:
        assert (answer.status_code, body["code"]) == (409, code)
        assert (body["runId"], body["currentStatus"]) == (run.pk, status)
        assert action not in body["allowedActions"]
        assert not AgentEvent.objects.exists()


CONTESTED = [
    (action, status) for action, (_, legal) in ACTIONS.items() for status in legal if legal[status][1] != status
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("action", "status"), CONTESTED)
def test_of_twenty_at_once_one_wins(api: APIClient, run: Run, action: str, status: str) -> None:
    Run.objects.update(status=status)
    code, legal = ACTIONS[action]
    answers = all_at_once(20, lambda _: act(api, run, action))
    assert sorted(answer.status_code for answer in answers) == [legal[status][0]] + [409] * 19
    lost: dict[str, Any] = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (lost["code"], lost["currentStatus"]) == (code, legal[status][1])
    tasks = DBTaskResult.objects.filter(task_path="runs.tasks.execute_run").count()
    assert tasks == (1 if legal[status][1] == "queued" else 0)
    moves = AgentEvent.objects.filter(run=run, event_type__startswith="run_")
    assert [event.seq for event in AgentEvent.objects.order_by("id")] == list(range(1, run.events.count() + 1))
    assert moves.count() == 1
    run.refresh_from_db()
    assert run.attempt == (2 if action == "retry" else 1)


@pytest.mark.django_db(transaction=True)
def test_twenty_messages_to_a_running_run_are_all_kept(api: APIClient, run: Run) -> None:
    Run.objects.update(status="running")
    answers = all_at_once(20, lambda n: api.post(f"/api/runs/{run.pk}/messages", {"text": f"Message {n}."}))
    assert {answer.status_code for answer in answers} == {202}
    assert sorted(run.messages.values_list("text", flat=True)) == sorted(f"Message {n}." for n in range(20))
    assert run.events.filter(event_type="user_message").count() == 20


@pytest.mark.django_db
def test_a_run_with_a_living_agent_resumes_at_once(api: APIClient, run: Run) -> None:
    Run.objects.update(status="paused", lease_generation=1, lease_expires_at=timezone.now() + timedelta(seconds=30))
    answer = api.post(f"/api/runs/{run.pk}/resume")
    assert (answer.status_code, answer.json()["status"]) == (200, "running")
    assert not DBTaskResult.objects.exists()


@pytest.mark.django_db
def test_a_pause_counts_neither_for_the_time_limit_nor_for_questions(api: APIClient, run: Run) -> None:
    now = timezone.now()
    begun, expires, paused = now - timedelta(hours=5), now + timedelta(minutes=1), now - timedelta(hours=4)
    Run.objects.update(status="paused", limit_from=begun, paused_at=paused)
    question = run.permissions.create(attempt=1, kind="execute", title="May I?", expires_at=expires)
    api.post(f"/api/runs/{run.pk}/resume")
    run.refresh_from_db()
    question.refresh_from_db()
    assert run.limit_from is not None
    assert timedelta(hours=4) <= run.limit_from - begun < timedelta(hours=4, minutes=1)
    assert timedelta(hours=4) <= question.expires_at - expires < timedelta(hours=4, minutes=1)


@pytest.mark.django_db
@pytest.mark.parametrize("action", ["start", "retry", "messages"])
def test_what_needs_a_clone_is_refused_without_one(api: APIClient, run: Run, action: str) -> None:
    status = next(iter(ACTIONS[action][1])) if action != "messages" else "completed"
    Run.objects.update(status=status)
    run.project.__class__.objects.update(status="cloning")
    answer = act(api, run, action)
    assert (answer.status_code, answer.json()["code"], answer.json()["runId"]) == (409, "project-not-ready", run.pk)
    run.refresh_from_db()
    assert (run.status, run.last_seq) == (status, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("action", "status", "group"),
    [
        *(("start", "draft", "runs:start"), ("retry", "failed", "runs:start"), ("pause", "running", "default")),
        *(("messages", "completed", "runs:start"), ("messages", "running", "default")),
    ],
)
def test_what_starts_an_agent_counts_as_a_start(api: APIClient, run: Run, action: str, status: str, group: str) -> None:
    Run.objects.update(status=status)
    assert act(api, run, action)["RateLimit"].startswith(f'"{group}"')


@pytest.mark.django_db
@pytest.mark.parametrize("action", ACTIONS)
def test_a_stranger_finds_no_run_to_move(stranger: APIClient, run: Run, action: str) -> None:
    assert act(stranger, run, action).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("action", ACTIONS)
def test_a_viewer_moves_no_run(make_user: MakeUser, make_api: MakeApi, run: Run, action: str) -> None:
    viewer = make_user("viewer@example.com")
    run.project.memberships.create(user=viewer, role="viewer")
    answer = act(make_api(viewer), run, action)
    assert (answer.status_code, answer.json()["code"]) == (403, "role-required")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body", [{}, {"text": ""}, {"text": " \n"}, {"text": "a\0"}, {"text": "x", "to": 1}, {"text": 7}]
)
def test_a_message_that_says_nothing_is_refused(api: APIClient, run: Run, body: dict[str, Any]) -> None:
    Run.objects.update(status="running")
    answer = api.post(f"/api/runs/{run.pk}/messages", body)
    assert (answer.status_code, run.messages.count()) == (422, 0)


@pytest.mark.django_db
def test_a_retry_clears_what_the_old_attempt_left_open(api: APIClient, run: Run) -> None:
    now = timezone.now()
    Run.objects.update(status="failed", error={"code": "x", "message": "y"}, started_at=now, finished_at=now)
    run.permissions.create(attempt=1, kind="execute", title="May I?", expires_at=now + timedelta(hours=1))
    run.messages.create(attempt=1, text="And this.", status="given")
    shown = api.post(f"/api/runs/{run.pk}/retry").json()
    names = ("attempt", "error", "startedAt", "finishedAt", "review", "git", "branch", "pendingPermissions")
    assert [shown[name] for name in names] == [2, None, None, None, None, None, None, 0]
    assert run.messages.values_list("attempt", "status").get() == (2, "pending")


@pytest.mark.django_db
def test_a_cancel_drops_what_nobody_will_read(api: APIClient, run: Run) -> None:
    Run.objects.update(status="running")
    act(api, run, "messages")
    act(api, run, "cancel")
    assert run.messages.get().status == "dropped"


@pytest.mark.django_db(transaction=True)
def test_of_cancel_and_complete_at_once_one_wins(run: Run) -> None:
    Run.objects.update(status="running")

    def attempt(number: int) -> str:
        try:
            move(Run.objects.get(pk=run.pk), ("cancel", "complete")[number % 2])
        except Problem as problem:
            return str(problem.default_code)
        return "won"

    outcomes = all_at_once(8, attempt)
    run.refresh_from_db()
    assert outcomes.count("won") == 1
    assert list(run.events.values_list("event_type", flat=True)) == [f"run_{run.status}"]
