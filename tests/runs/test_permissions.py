"""What an agent asks, and the answers."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from projects.leases import Lease
from runs.models import Permission, Run
from runs.services.permissions import ask_permission
from tests.conftest import QueueRun, all_at_once, wait_until, working

OPTIONS = [
    {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
    {"optionId": "always", "name": "Always", "kind": "allow_always"},
    {"optionId": "no", "name": "No", "kind": "reject_once"},
]
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
    from django.utils import timezone

    run = queue_run("```ask\nMay I?\n```")
    with working(run):
        wait_until(lambda: run.permissions.update(expires_at=timezone.now()))
    run.refresh_from_db()
    assert (run.status, run.permissions.get().status) == ("failed", "expired")
