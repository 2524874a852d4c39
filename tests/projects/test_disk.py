"""The disk that a project uses: measured in the background, shown, and held against its quota."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from config.upkeep import Upkeep
from projects.models import Project
from projects.services import disk
from runs.models import Run
from tests.config.answers import problem

MEBIBYTE = 1024**2


@pytest.fixture
def full(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that uses more than its quota of a gibibyte."""
    monkeypatch.setenv("QUARTERDECK_PARAM_RETENTION_DISK_QUOTA_GB", "1")
    Project.objects.update(disk_bytes=1025 * MEBIBYTE, disk_measured_at=timezone.now())
    project.refresh_from_db()
    return project


def test_what_a_project_uses_is_shown_beside_its_quota(api: APIClient, full: Project) -> None:
    shown = api.get(f"/api/projects/{full.pk}").json()["disk"]
    assert (shown["usedBytes"], shown["quotaBytes"]) == (1025 * MEBIBYTE, 1024 * MEBIBYTE)
    assert shown["measuredAt"].endswith("Z")


def test_above_the_quota_no_run_starts_and_the_cure_is_named(api: APIClient, full: Project, run: Run) -> None:
    answer = api.post(f"/api/runs/{run.pk}/start")
    assert problem(answer) == (409, "disk-quota-exceeded")
    body = answer.json()
    assert (body["usedBytes"], body["quotaBytes"], body["projectId"]) == (1025 * MEBIBYTE, 1024 * MEBIBYTE, full.pk)
    assert "bin/manage prune" in body["detail"]
    run.refresh_from_db()
    assert run.status == "draft"


def test_above_the_quota_no_run_is_tried_again(api: APIClient, full: Project, run: Run) -> None:
    Run.objects.update(status="failed")
    assert problem(api.post(f"/api/runs/{run.pk}/retry")) == (409, "disk-quota-exceeded")


def test_above_the_quota_no_completed_run_goes_on(api: APIClient, full: Project, run: Run) -> None:
    Run.objects.update(status="completed")
    assert problem(api.post(f"/api/runs/{run.pk}/messages", {"text": "More."})) == (409, "disk-quota-exceeded")


def test_above_the_quota_nothing_is_cloned(api: APIClient, full: Project) -> None:
    Project.objects.update(status="archived")
    assert problem(api.post(f"/api/projects/{full.pk}/clone")) == (409, "disk-quota-exceeded")


def test_a_quota_of_0_is_none(api: APIClient, full: Project, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_RETENTION_DISK_QUOTA_GB", "0")
    assert api.post(f"/api/runs/{run.pk}/start").status_code == 202
    assert api.get(f"/api/projects/{full.pk}").json()["disk"]["quotaBytes"] is None


@pytest.mark.django_db(transaction=True)
def test_a_clone_is_measured_by_the_next_upkeep(api: APIClient, cloned: Project, work_off: Callable[[], None]) -> None:
    assert api.get(f"/api/projects/{cloned.pk}").json()["disk"]["usedBytes"] is None
    Upkeep()()
    work_off()
    used = api.get(f"/api/projects/{cloned.pk}").json()["disk"]["usedBytes"]
    assert 10_000 < used < 10 * MEBIBYTE


@pytest.mark.django_db
def test_upkeep_that_one_worker_has_taken_no_other_takes(project: Project) -> None:
    assert disk.take_due_upkeep() == [project.pk]
    assert disk.take_due_upkeep() == []


@pytest.mark.django_db
def test_after_a_change_it_is_due_soon_again(project: Project) -> None:
    disk.take_due_upkeep()
    disk.expect_upkeep(project.pk)
    project.refresh_from_db()
    assert project.upkeep_due_at - timezone.now() <= disk.SOON


@pytest.mark.django_db(transaction=True)
def test_rows_of_finished_tasks_are_forgotten(project: Project, work_off: Callable[[], None]) -> None:
    Upkeep()()
    work_off()
    assert DBTaskResult.objects.finished().count() == 3
    DBTaskResult.objects.update(finished_at="2020-01-01T00:00:00Z")
    Upkeep()()
    work_off()
    left = {row.task_path.rpartition(".")[2] for row in DBTaskResult.objects.all()}
    assert left == {"forget_finished_tasks", "forget_unused_attachments"}
