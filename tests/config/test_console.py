"""The operator console: every model has its pages, which show no secret; its actions go through the services."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from accounts.admin import MAX_COUNTED_ROWS
from accounts.models import AccessToken, AuditEntry, User
from accounts.services import elevate, issue_token
from accounts.tokens import digest
from projects.index_models import ProjectIndex
from projects.models import Project
from projects.services.index_queue import queue_index
from runs.models import Run, WorkerProcess
from runs.tasks import execute_run
from tests.serving import PASSWORD

OURS = {"accounts", "settings_params", "devices", "projects", "runs", "snapshots", "docs_mgmt"}
MODELS = [model for model in apps.get_models() if model._meta.app_label in OURS]
MAX_QUERIES = 12
MANY = 500

Act = Callable[..., str]


@pytest.fixture
def console(db: None) -> Client:
    """An operator's browser."""
    client = Client()
    client.force_login(User.objects.create_superuser("op@example.com", "a-password-of-an-operator"))
    return client


@pytest.fixture
def act(console: Client) -> Act:
    """Does an action of a list to some rows, and gives what the operator is told."""

    def do(model: type[Any], action: str, *keys: Any) -> str:
        body = {"action": action, "_selected_action": list(keys)}
        return console.post(_list_of(model), body, follow=True).content.decode()

    return do


def _list_of(model: type[Any]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_every_model_has_a_list_in_the_console(console: Client, run: Run, model: type[Any]) -> None:
    assert admin.site.is_registered(model)
    assert console.get(_list_of(model)).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_every_list_filters_or_searches(model: type[Any]) -> None:
    registered = admin.site._registry[model]
    assert registered.list_filter or registered.search_fields


@pytest.mark.parametrize("model", [model for model in MODELS if model is not User], ids=str)
def test_facts_are_not_made_by_hand(console: Client, model: type[Any]) -> None:
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
    assert console.get(page).status_code == 403


def test_a_run_has_its_page_with_links_to_what_belongs_to_it(console: Client, run: Run) -> None:
    page = console.get(reverse("admin:runs_run_change", args=[run.pk])).content.decode()
    link = f"{reverse('admin:runs_agentevent_changelist')}?run={run.pk}"
    assert link in page
    assert console.get(link).status_code == 200


def test_a_list_of_many_runs_takes_few_queries(console: Client, project: Project) -> None:
    rows = [Run(project=project, title=f"Run {n}", prompt="p", selected_agent="script") for n in range(MANY)]
    Run.objects.bulk_create(rows)
    with CaptureQueriesContext(connection) as queries:
        assert console.get(_list_of(Run)).status_code == 200
    assert len(queries) <= MAX_QUERIES, [query["sql"][:200] for query in queries]


def test_a_long_list_is_never_counted_to_its_end(console: Client, project: Project) -> None:
    with CaptureQueriesContext(connection) as queries:
        console.get(_list_of(Run))
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert counts
    assert all(f"LIMIT {MAX_COUNTED_ROWS}" in sql for sql in counts), counts


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_no_page_shows_what_a_token_is_known_by(console: Client, user: User, model: type[Any]) -> None:
    token, text = issue_token(user, ["projects:read"])
    secret = text.partition("|")[2]
    pages = [_list_of(model)]
    if model is AccessToken:
        pages.append(reverse("admin:accounts_accesstoken_change", args=[token.pk]))
    shown = "".join(console.get(page).content.decode() for page in pages)
    assert secret not in shown
    assert digest(secret) not in shown


def test_a_run_is_started_from_the_console(act: Act, run: Run) -> None:
    assert "start: done" in act(Run, "start", run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.QUEUED


def test_a_failed_run_is_tried_again_from_the_console(act: Act, run: Run) -> None:
    Run.objects.update(status="failed")
    act(Run, "retry", run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempt) == (Run.Status.QUEUED, 2)


def test_a_run_is_paused_and_resumed_from_the_console(act: Act, run: Run) -> None:
    Run.objects.update(status="running")
    act(Run, "pause", run.pk)
    assert Run.objects.get().status == Run.Status.PAUSED
    act(Run, "resume", run.pk)
    assert Run.objects.get().status != Run.Status.PAUSED


def test_a_run_is_cancelled_from_the_console(act: Act, run: Run) -> None:
    act(Run, "cancel", run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.CANCELLED


def test_what_cannot_be_done_is_told_of_and_the_rest_is_done(act: Act, project: Project, run: Run) -> None:
    over = Run.objects.create(project=project, title="Over", prompt="p", selected_agent="script", status="completed")
    told = act(Run, "cancel", over.pk, run.pk)
    run.refresh_from_db()
    assert f"Run #{over.pk} is completed." in told
    assert run.status == Run.Status.CANCELLED


def test_a_token_is_revoked_from_the_console_with_those_elevated_from_it(act: Act, user: User) -> None:
    token, _ = issue_token(user, ["projects:read"])
    elevate(token, PASSWORD, ["git:push"])
    act(AccessToken, "revoke", token.pk)
    assert not AccessToken.objects.filter(user=user).exists()
    assert AuditEntry.objects.filter(action="token_revoked", actor__email="op@example.com").exists()


def test_a_project_is_archived_from_the_console(act: Act, project: Project) -> None:
    act(Project, "archive", project.pk)
    project.refresh_from_db()
    assert project.status == Project.Status.ARCHIVED


def test_an_index_is_cancelled_from_the_console(act: Act, project: Project) -> None:
    queue_index(project.pk, ProjectIndex.Work.REBUILD)
    assert "is not indexed any more" in act(Project, "cancel_index", project.pk)
    assert "op@example.com" in str(ProjectIndex.objects.get().error)
    assert "There is nothing to cancel" in act(Project, "cancel_index", project.pk)


def test_a_failed_task_is_delivered_again_from_the_console(act: Act, run: Run) -> None:
    result = execute_run.enqueue(run.pk)
    DBTaskResult.objects.filter(pk=result.id).update(status=TaskResultStatus.FAILED)
    assert "is delivered again" in act(DBTaskResult, "redeliver", result.id)
    assert DBTaskResult.objects.get(pk=result.id).status == TaskResultStatus.READY
    assert "only failed tasks" in act(DBTaskResult, "redeliver", result.id)


def test_what_dead_workers_left_is_recovered_from_the_console(act: Act) -> None:
    dead = WorkerProcess.objects.create(
        name="elsewhere:1:1", queue="runs", last_seen_at=timezone.now().replace(year=2020)
    )
    assert "Dead workers: 1;" in act(WorkerProcess, "recover", dead.pk)


def test_somebody_who_is_no_operator_does_not_get_in(user: User) -> None:
    client = Client()
    client.force_login(user)

    assert client.get("/admin/").status_code == 302
