"""The life of a run: every move from every status, and what happens when several want to move it at once."""

from typing import Any

import pytest
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from config.api.problems import Problem
from runs.models import AgentEvent, Run
from runs.services.lifecycle import move
from runs.transitions import CLIENT_MOVES, MOVES, allowed_actions
from tests.conftest import all_at_once

EVERY_MOVE = [(name, status) for name in MOVES for status in Run.Status.values]
LEGAL = {
    ("start", "draft"): "queued",
    ("claim", "queued"): "running",
    ("complete", "running"): "completed",
    ("fail", "queued"): "failed",
    ("fail", "running"): "failed",
    ("fail", "paused"): "failed",
    ("recover", "running"): "queued",
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
    assert shown["allowedActions"] == allowed_actions(status)
    assert all((name in shown["allowedActions"]) == ((name, status) in LEGAL) for name in CLIENT_MOVES)


@pytest.mark.django_db(transaction=True)
def test_of_twenty_starts_at_once_one_wins(api: APIClient, run: Run) -> None:
    path = f"/api/runs/{run.pk}/start"
    answers = all_at_once(20, lambda _: api.post(path))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 19
    lost: dict[str, Any] = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (lost["code"], lost["currentStatus"], lost["allowedActions"]) == ("run-not-startable", "queued", ["cancel"])
    assert DBTaskResult.objects.filter(task_path="runs.tasks.execute_run").count() == 1
    assert AgentEvent.objects.filter(run=run, event_type="run_queued").count() == 1


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


@pytest.mark.django_db
def test_cancel_of_a_run_that_is_over_is_a_conflict(api: APIClient, run: Run) -> None:
    api.post(f"/api/runs/{run.pk}/cancel")
    answer = api.post(f"/api/runs/{run.pk}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "run-not-cancellable")


@pytest.mark.django_db
def test_a_run_does_not_start_before_its_project_is_cloned(api: APIClient, run: Run) -> None:
    run.project.__class__.objects.update(status="cloning")
    answer = api.post(f"/api/runs/{run.pk}/start")
    assert (answer.status_code, answer.json()["code"]) == (409, "project-not-ready")


@pytest.mark.django_db
def test_a_stranger_cannot_find_a_run_to_start(stranger: APIClient, run: Run) -> None:
    assert stranger.post(f"/api/runs/{run.pk}/start").status_code == 404
