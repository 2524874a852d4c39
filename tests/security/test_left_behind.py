"""What a killed worker leaves behind is taken up by the next one, once."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from projects import leases
from projects.models import Project
from runs.events import LeaseLost
from runs.execution.attempts import prepare_attempt
from runs.execution.executor import execute
from runs.execution.results import record_results
from runs.models import Run, RunAttempt
from runs.services.lifecycle import cancel_run
from runs.workers.recovery import recover_the_dead, requeue_lost_run
from tests.conftest import QueueRun

LONG_AGO = timedelta(minutes=2)
Tasks = list[tuple[str, list[int]]]


def queued_tasks() -> Tasks:
    return [(task.task_path, task.args_kwargs["args"]) for task in DBTaskResult.objects.all()]


@pytest.fixture
def killed(queue_run: QueueRun) -> Run:
    """A run whose worker was killed when its agent had written a file."""
    run = queue_run("```file never.txt\nx\n```")
    lease = leases.claim(Run.objects.filter(status="queued"), run.pk, status="running", started_at=timezone.now())
    assert lease is not None
    run.refresh_from_db()
    workspace = prepare_attempt(run).workspace
    assert workspace is not None
    (workspace.work_tree_path / "half.txt").write_text("half\n")
    return run


def die(run: Run) -> None:
    """The lease of the killed worker is over."""
    Run.objects.filter(pk=run.pk).update(lease_expires_at=Now())


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("allow_local")
class TestCancelledWithItsWorkerKilled:
    def test_what_its_agent_did_is_recorded_by_the_next_worker(self, killed: Run) -> None:
        assert killed.created_by is not None
        cancel_run(killed, actor=killed.created_by)
        die(killed)
        execute(killed.pk)
        attempt = RunAttempt.objects.get()
        assert [file.path for file in attempt.files.all()] == ["half.txt"]
        assert (attempt.summary or {}).get("outcome") == "cancelled"

    def test_it_stays_cancelled_and_nobody_owns_it(self, killed: Run) -> None:
        assert killed.created_by is not None
        cancel_run(killed, actor=killed.created_by)
        die(killed)
        execute(killed.pk)
        killed.refresh_from_db()
        assert (killed.status, killed.lease_owner) == ("cancelled", "")

    def test_it_is_left_to_a_worker_that_lives(self, killed: Run) -> None:
        assert killed.created_by is not None
        cancel_run(killed, actor=killed.created_by)
        execute(killed.pk)
        assert RunAttempt.objects.get().summary is None

    def test_it_is_delivered_once_when_its_task_is_lost(self, killed: Run) -> None:
        assert killed.created_by is not None
        cancel_run(killed, actor=killed.created_by)
        die(killed)
        DBTaskResult.objects.all().delete()
        Run.objects.update(finished_at=timezone.now() - LONG_AGO)
        recover_the_dead()
        recover_the_dead()
        assert queued_tasks() == [("runs.tasks.execute_run", [killed.pk])]

    def test_it_can_be_reviewed_at_once(self, killed: Run, api: APIClient) -> None:
        assert killed.created_by is not None
        cancel_run(killed, actor=killed.created_by)
        die(killed)
        assert api.post(f"/api/runs/{killed.pk}/approve", {"commit": True}).json()["git"]["commit"]

    def test_a_worker_that_lost_the_run_records_nothing(self, killed: Run) -> None:
        stale = leases.Lease(Run, killed.pk, killed.lease_generation - 1)
        attempt = RunAttempt.objects.select_related("workspace__project", "run__project").get()
        with pytest.raises(LeaseLost):
            record_results(attempt, stale, "completed")


@pytest.mark.django_db
def test_a_run_that_was_recovered_and_claimed_meanwhile_stays_with_its_new_worker(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(status="running", lease_generation=1)
    seen = Run.objects.get(pk=run.pk)
    Run.objects.filter(pk=run.pk).update(lease_generation=3, lease_owner="new", lease_expires_at=Now() + LONG_AGO)
    requeue_lost_run(seen)
    run.refresh_from_db()
    assert (run.status, run.lease_generation) == ("running", 3)


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["pending", "cloning"])
def test_a_clone_without_a_task_is_delivered_again_once(project: Project, status: str) -> None:
    Project.objects.update(status=status, updated_at=timezone.now() - LONG_AGO)
    recover_the_dead()
    recover_the_dead()
    assert queued_tasks() == [("projects.tasks.clone_project", [project.pk])]


@pytest.mark.django_db
def test_a_clone_that_goes_on_is_not_delivered_again(project: Project) -> None:
    Project.objects.update(
        status="cloning", updated_at=timezone.now() - LONG_AGO, lease_owner="x", lease_expires_at=Now() + LONG_AGO
    )
    recover_the_dead()
    assert queued_tasks() == []


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["queued", "pushing"])
def test_a_push_without_a_task_is_delivered_again_once(run: Run, status: str) -> None:
    attempt = RunAttempt.objects.create(run=run, number=1, branch="b", base_commit="0" * 40, push_status=status)
    recover_the_dead()
    recover_the_dead()
    assert queued_tasks() == [("runs.tasks.push_run", [attempt.pk])]
