"""Queued runs that nobody would ever take up."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from runs.models import Run
from runs.services.pausing import MAX_LOST_WORKERS
from runs.workers.recovery import recover_the_dead


@pytest.mark.django_db
def test_a_queued_run_without_a_task_is_delivered_again_once(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(status="queued", queued_at=timezone.now() - timedelta(minutes=2))

    recover_the_dead()
    recover_the_dead()

    assert [task.args_kwargs["args"] for task in DBTaskResult.objects.all()] == [[run.pk]]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("allow_local")
def test_a_recovered_run_keeps_its_first_start(queue_run: Callable[..., Run], work_off: Callable[[], None]) -> None:
    run = queue_run("Hello.")
    long_ago = timezone.now() - timedelta(minutes=5)
    Run.objects.filter(pk=run.pk).update(started_at=long_ago)

    work_off()

    run.refresh_from_db()
    assert (run.status, run.started_at) == ("completed", long_ago)


@pytest.mark.django_db
def test_a_run_that_has_lost_too_many_workers_fails_instead_of_killing_more(run: Run) -> None:
    for _ in range(MAX_LOST_WORKERS):
        Run.objects.update(status="running")
        recover_the_dead()
        assert Run.objects.get().status == "queued"

    Run.objects.update(status="running")
    recover_the_dead()

    run.refresh_from_db()
    assert (run.status, run.error and run.error["code"]) == ("failed", "worker-lost")


@pytest.mark.django_db
def test_a_retry_gives_a_run_that_lost_its_workers_new_chances(run: Run, api: APIClient) -> None:
    Run.objects.update(status="failed", lost_workers=MAX_LOST_WORKERS)

    api.post(f"/api/runs/{run.pk}/retry")
    Run.objects.update(status="running")
    recover_the_dead()

    assert Run.objects.get().status == "queued"
