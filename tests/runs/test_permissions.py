"""What an agent asks, and the answers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from projects.leases import Lease
from runs.execution.executor import execute
from runs.models import Permission, Run, RunAttempt
from runs.services.permissions import (
    ask_permission,
    decide_permission,
    expire_overdue,
    expire_permissions,
    mark_delivered,
)
from tests.config.answers import problem
from tests.conftest import QueueRun, all_at_once, working
from tests.serving import wait_until

OPTIONS = [
    {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
    {"optionId": "always", "name": "Always", "kind": "allow_always"},
    {"optionId": "no", "name": "No", "kind": "reject_once"},
]
DETACH_AFTER = "QUARTERDECK_PARAM_RUNS_PAUSE_DETACH_AFTER_MINUTES"
Answer = Callable[[dict[str, str]], Any]


@pytest.fixture
def question(run: Run) -> Permission:
    Run.objects.update(status="running", lease_generation=1)
    return ask_permission(run, Lease(Run, run.pk, 1), options=OPTIONS, kind="execute", title="rm -rf build")


@pytest.fixture
def answer(api: APIClient, question: Permission) -> Answer:
    return lambda body: api.post(f"/api/runs/{question.run_id}/permissions/{question.pk}", body)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("decision", "status"), [("allow_once", "allowed"), ("allow_always", "allowed"), ("reject", "rejected")]
)
def test_a_decision_chooses_the_option_of_its_kind(answer: Answer, decision: str, status: str) -> None:
    given = answer({"decision": decision})
    assert (given.status_code, given.json()["status"]) == (200, status)


@pytest.mark.django_db
def test_an_option_can_be_chosen_by_its_id(answer: Answer, question: Permission, user: User) -> None:
    answer({"optionId": "always"})
    question.refresh_from_db()
    assert (question.option_id, question.decided_by) == ("always", user)


@pytest.mark.django_db
def test_the_same_answer_twice_is_fine(answer: Answer, run: Run) -> None:
    answer({"decision": "reject"})
    assert answer({"decision": "reject"}).status_code == 200
    assert run.events.filter(event_type="permission_resolved").count() == 1


@pytest.mark.django_db
def test_another_answer_is_a_conflict(answer: Answer) -> None:
    answer({"decision": "reject"})
    second = answer({"decision": "allow_once"})
    assert (second.status_code, second.json()["code"]) == (409, "permission-resolved")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body", [{}, {"optionId": "maybe"}, {"decision": "perhaps"}, {"optionId": "yes", "decision": "reject"}]
)
def test_an_answer_that_was_not_offered_is_refused(answer: Answer, question: Permission, body: dict[str, str]) -> None:
    assert answer(body).status_code == 422
    question.refresh_from_db()
    assert question.status == "pending"


@pytest.mark.django_db(transaction=True)
def test_of_different_answers_at_once_the_first_counts(answer: Answer, run: Run, question: Permission) -> None:
    answers = all_at_once(6, lambda n: answer({"optionId": ("yes", "no")[n % 2]}).status_code)
    assert sorted(answers) == [200] * 3 + [409] * 3
    assert run.events.filter(event_type="permission_resolved").count() == 1


@pytest.mark.django_db
def test_open_questions_are_counted_on_the_run(api: APIClient, question: Permission) -> None:
    RunAttempt.objects.create(run=question.run, number=1, branch="b", base_commit="0" * 40)  # as whoever asks has one
    assert api.get(f"/api/runs/{question.run_id}").json()["pendingPermissions"] == 1


@pytest.mark.django_db
def test_a_cancel_closes_open_questions(api: APIClient, question: Permission) -> None:
    api.post(f"/api/runs/{question.run_id}/cancel")
    assert api.get(f"/api/runs/{question.run_id}/permissions").json()["data"][0]["status"] == "expired"


@pytest.mark.django_db
def test_a_question_may_hold_any_text(run: Run) -> None:
    Run.objects.update(status="running", lease_generation=1)
    lease = Lease(Run, run.pk, 1)
    asked = ask_permission(run, lease, options=OPTIONS, kind="x\0", title="a\0\ud800", command="\0", paths=["\0"])
    asked.refresh_from_db()
    assert "\0" not in asked.title


@pytest.mark.django_db
def test_a_stranger_cannot_answer(stranger: APIClient, question: Permission) -> None:
    path = f"/api/runs/{question.run_id}/permissions/{question.pk}"
    assert stranger.post(path, {"decision": "reject"}).status_code == 404


@pytest.mark.usefixtures("unlimited")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("decision", "status"), [("allow_once", "completed"), ("reject", "failed")])
def test_the_agent_gets_the_answer(queue_run: QueueRun, api: APIClient, decision: str, status: str) -> None:
    run = queue_run("```ask\nMay I go on?\n```\n```file a.txt\nA\n```")
    with working(run):
        asked = wait_until(lambda: api.get(f"/api/runs/{run.pk}/permissions").json()["data"])[0]
        assert "May I go on?" in asked["title"]
        api.post(f"/api/runs/{run.pk}/permissions/{asked['id']}", {"decision": decision})
    run.refresh_from_db()
    assert (run.status, run.attempts.get().files.count()) == (status, int(status == "completed"))


@pytest.mark.django_db(transaction=True)
def test_a_question_without_an_answer_in_time_counts_as_rejected(queue_run: QueueRun) -> None:
    run = queue_run("```ask\nMay I?\n```")
    with working(run):
        wait_until(lambda: run.permissions.update(expires_at=timezone.now()))
    run.refresh_from_db()
    assert (run.status, run.permissions.get().status) == ("failed", "expired")


def ask(run: Run, **fields: Any) -> Permission:
    fields = {"kind": "execute", "title": "make test", "command": "make test", "cwd": "/work", **fields}
    return ask_permission(run, Lease(Run, run.pk, 1), options=OPTIONS, **fields)


@pytest.fixture
def going(run: Run) -> Run:
    Run.objects.update(status="running", lease_generation=1)
    run.refresh_from_db()
    return run


@pytest.fixture
def always(going: Run, user: User) -> Permission:
    """A question that Anna has answered with "always", and that the agent has heard."""
    asked = ask(going)
    decide_permission(asked, "always", actor=user)
    mark_delivered(asked)
    return asked


@pytest.mark.django_db
def test_always_answers_the_same_question_of_the_attempt(always: Permission, going: Run, user: User) -> None:
    again = ask(going, title="make test, please")
    assert (again.status, again.option_id, again.decided_by) == ("allowed", "always", user)
    told = list(going.events.order_by("id").values_list("event_type", flat=True))
    assert told == ["permission_requested", "permission_resolved", "permission_resolved"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other", [{"command": "make clean"}, {"cwd": "/elsewhere"}, {"kind": "edit"}, {"command": None, "paths": ["a"]}]
)
def test_always_answers_no_other_question(always: Permission, going: Run, other: dict[str, Any]) -> None:
    assert ask(going, **other).status == "pending"


@pytest.mark.django_db
def test_always_ends_with_its_attempt(always: Permission, going: Run) -> None:
    Run.objects.update(attempt=2)
    going.refresh_from_db()
    assert ask(going).status == "pending"


@pytest.mark.django_db
def test_always_of_one_run_says_nothing_in_another(always: Permission, going: Run) -> None:
    other = Run.objects.create(
        project=going.project, title="Other", prompt="x", selected_agent="script", status="running", lease_generation=1
    )
    assert ask(other).status == "pending"


@pytest.mark.django_db
def test_always_is_once_where_only_that_is_offered(always: Permission, going: Run) -> None:
    options = [OPTIONS[0], OPTIONS[2]]
    lease = Lease(Run, going.pk, 1)
    fields = {"kind": "execute", "title": "make test", "command": "make test", "cwd": "/work"}
    assert ask_permission(going, lease, options=options, **fields).option_id == "yes"


@pytest.mark.django_db
def test_once_that_was_heard_is_used_up(going: Run, user: User) -> None:
    asked = ask(going)
    decide_permission(asked, "yes", actor=user)
    mark_delivered(asked)
    assert ask(going).status == "pending"


@pytest.mark.django_db
@pytest.mark.parametrize(("option", "status"), [("yes", "allowed"), ("no", "rejected")])
def test_an_answer_that_no_agent_has_heard_is_given_to_the_next_once(
    going: Run, user: User, option: str, status: str
) -> None:
    decide_permission(ask(going), option, actor=user)
    again = ask(going)
    assert (again.status, again.decided_by) == (status, user)
    mark_delivered(again)
    assert ask(going).status == "pending"


@pytest.mark.django_db
def test_an_expired_question_is_no_answer(going: Run) -> None:
    ask(going)
    expire_permissions(going)
    assert ask(going).status == "pending"


@pytest.mark.django_db
def test_a_resolved_question_is_a_conflict_of_its_run(answer: Answer, run: Run) -> None:
    answer({"decision": "reject"})
    body = answer({"decision": "allow_once"}).json()
    names = ("runId", "currentStatus", "allowedActions", "permissionStatus")
    assert [body[name] for name in names] == [run.pk, "running", ["pause", "cancel", "messages"], "rejected"]


@pytest.mark.django_db
def test_a_question_of_a_run_that_is_over_takes_no_answer(api: APIClient, answer: Answer, question: Permission) -> None:
    api.post(f"/api/runs/{question.run_id}/cancel")
    given = answer({"decision": "allow_once"})
    assert (given.status_code, given.json()["permissionStatus"]) == (409, "expired")


@pytest.mark.django_db
def test_a_question_does_not_expire_while_its_run_is_paused(question: Permission, run: Run) -> None:
    Permission.objects.update(expires_at=timezone.now())
    Run.objects.update(status="paused")
    expire_overdue(question)
    question.refresh_from_db()
    assert question.status == "pending"


@pytest.mark.django_db(transaction=True)
def test_an_answer_given_after_the_agent_was_ended_is_heard_by_the_next(
    queue_run: QueueRun, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DETACH_AFTER, "0")
    run = queue_run("```ask\nMay I go on?\n```\n```file a.txt\nA\n```")
    with working(run):
        asked = wait_until(lambda: run.permissions.first())
        assert api.post(f"/api/runs/{run.pk}/pause").status_code == 200
    shown = api.get(f"/api/runs/{run.pk}").json()
    assert (shown["status"], shown["pendingPermissions"]) == ("paused", 1)
    api.post(f"/api/runs/{run.pk}/permissions/{asked.pk}", {"decision": "allow_once"})
    assert api.post(f"/api/runs/{run.pk}/resume").status_code == 202
    execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.permissions.filter(status="allowed").count()) == ("completed", 2), run.error


@pytest.mark.django_db(transaction=True)
def test_a_commands_duration_is_without_the_wait_for_leave(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run("```sh\ntrue\n```", safe_mode=True)
    with working(run):
        asked = wait_until(lambda: run.permissions.first())
        wait_until(lambda: run.commands.update(started_at=timezone.now() - timedelta(hours=1)))
        api.post(f"/api/runs/{run.pk}/permissions/{asked.pk}", {"decision": "allow_once"})
    assert api.get(f"/api/runs/{run.pk}/commands").json()["data"][0]["durationMs"] < 60_000


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["pending", "allowed"])
def test_the_list_is_filtered_by_status(api: APIClient, question: Permission, status: str) -> None:
    rows = api.get(f"/api/runs/{question.run_id}/permissions", {"status": status}).json()["data"]
    assert [row["id"] for row in rows] == ([question.pk] if status == "pending" else [])


@pytest.mark.django_db
def test_a_status_that_there_is_not_is_no_filter(api: APIClient, question: Permission) -> None:
    answer = api.get(f"/api/runs/{question.run_id}/permissions", {"status": "open"})
    assert (problem(answer), answer.json()["parameter"]) == ((400, "invalid-parameter"), "status")
