"""The numbers of a project's runs by status: kept with every change, also with many at once, and repaired."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.db.models import Count
from rest_framework.test import APIClient

from accounts.models import User
from config.api.problems import Problem
from projects.models import Project
from runs.models import Run, RunCount
from runs.services.counting import miscounted_projects, recount_runs
from runs.services.lifecycle import cancel_run, create_run, delete_draft, fail_run, retry_run, start_run
from tests.config.test_doctor import findings
from tests.conftest import all_at_once


def numbers(project: Project) -> dict[str, int]:
    """What is kept, and what there is; they must be the same."""
    kept = dict(RunCount.objects.filter(project=project).exclude(number=0).values_list("status", "number"))
    assert kept == dict(project.runs.order_by().values_list("status").annotate(Count("pk")))
    return kept


@pytest.fixture
def drafts(project: Project, user: User) -> Iterator[Run]:
    """New drafts, made as the API makes them."""
    return (create_run(project, actor=user, title="x", prompt="x") for _ in iter(int, 1))


@pytest.mark.django_db
def test_every_change_of_a_run_is_counted(project: Project, user: User, drafts: Iterator[Run]) -> None:
    kept, deleted, cancelled, failed = (next(drafts) for _ in range(4))
    assert numbers(project) == {"draft": 4}
    delete_draft(deleted)
    cancel_run(cancelled, actor=user)
    start_run(failed, actor=user)
    assert numbers(project) == {"draft": 1, "cancelled": 1, "queued": 1}
    fail_run(failed, "agent-failed", "It failed.")
    start_run(kept, actor=user)
    assert numbers(project) == {"cancelled": 1, "failed": 1, "queued": 1}
    retry_run(failed, actor=user)
    assert numbers(project) == {"cancelled": 1, "queued": 2}


@pytest.mark.django_db
def test_a_run_that_is_queued_with_its_creation_is_counted_there(project: Project, user: User) -> None:
    create_run(project, actor=user, title="x", prompt="x", start=True)
    assert numbers(project) == {"queued": 1}


@pytest.mark.django_db
def test_a_refused_move_changes_no_number(api: APIClient, project: Project, drafts: Iterator[Run]) -> None:
    assert api.post(f"/api/runs/{next(drafts).pk}/retry").status_code == 409
    assert numbers(project) == {"draft": 1}


@pytest.mark.django_db(transaction=True)
def test_moves_at_the_same_time_are_all_counted(project: Project, user: User, drafts: Iterator[Run]) -> None:
    runs = [next(drafts) for _ in range(8)]

    def steer(number: int) -> None:
        run = Run.objects.get(pk=runs[number % 8].pk)
        with suppress(Problem):
            (start_run if number < 8 else cancel_run)(run, actor=user)

    all_at_once(16, steer)
    assert sum(numbers(project).values()) == 8


@pytest.mark.django_db
def test_wrong_numbers_are_told_by_doctor_and_repaired(project: Project, drafts: Iterator[Run]) -> None:
    next(drafts)
    RunCount.objects.update(number=7)
    assert findings()["run counts"]["state"] == "warning"
    assert (recount_runs(), recount_runs(), miscounted_projects()) == (1, 0, set())
    assert numbers(project) == {"draft": 1}
