"""How many queries a GET makes: as many for thirty rows as for three, and five at most for one resource."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services import issue_token
from config.urls import urlpatterns
from devices.models import Device
from projects.models import Membership, Project
from runs.events import Draft, append
from runs.models import CommandExecution, Permission, Run, RunAttempt, RunMessage, RunReview, WorkspaceFile
from snapshots.models import Snapshot

pytestmark = pytest.mark.django_db
LISTS = [
    "api/auth/tokens",
    "api/devices",
    "api/projects",
    "api/projects/<id:project>/mcp-servers",
    "api/projects/<id:project>/members",
    "api/projects/<id:project>/runs",
    "api/projects/<id:project>/snapshots",
    "api/runs",
    "api/runs/<id:run>/attempts",
    "api/runs/<id:run>/catch-up",
    "api/runs/<id:run>/commands",
    "api/runs/<id:run>/events",
    "api/runs/<id:run>/files",
    "api/runs/<id:run>/messages",
    "api/runs/<id:run>/permissions",
    "api/runs/<id:run>/reviews",
    "api/runs/<id:run>/snapshots",
    "api/settings/providers",
    "api/settings/server-params",
]
DETAILS = [
    "api/auth/me",
    "api/meta",
    "api/projects/<id:pk>",
    "api/projects/<id:project>/mcp-servers/<id:pk>",
    "api/runs/<id:pk>",
    "api/runs/<id:run>/commands/<id:pk>",
    "api/runs/<id:run>/diff",
    "api/runs/<id:run>/summary",
    "api/snapshots/<id:pk>",
]
# They read Git, files, or no table at all.
OTHERS = {
    *("healthz", "readyz", "metrics", "errors", "errors/<slug:code>", "api/schema", "api/docs"),
    *("api/projects/<id:pk>/map", "api/projects/<id:pk>/schema", "api/projects/<id:pk>/diagrams"),
    *("api/projects/<id:pk>/search", "api/projects/<id:pk>/docs", "api/projects/<id:pk>/docs/<slug:slug>"),
    *("api/projects/<id:pk>/changelog", "api/runs/<id:run>/files/<id:pk>", "api/blobs/<str:signature>"),
    *("api/projects/<id:project>/credential", "api/runs/<id:pk>/push-preview"),
    "api/attachments/<id:pk>",
}


def make_rows(user: User, project: Project, run: Run, count: int) -> None:
    """So many of everything that is listed, in and beside this project and run."""
    now = timezone.now()
    for _ in range(count):
        other = User.objects.create_user(f"{User.objects.count()}@example.com", name="Other")
        Membership.objects.create(project=project, user=other, role="viewer")
        project.mcp_servers.create(name=f"m{other.pk}", kind="stdio", command="m")
        beside = Project.objects.create(name="Beside", slug="beside", status="ready")
        Membership.objects.create(project=beside, user=user, role="owner")
        token, _ = issue_token(user, ["projects:read"])
        Device.objects.create(access_token=token, user=user, token=f"{token.pk:064d}", environment="sandbox")
        made = Run.objects.create(project=project, title="Listed", prompt="x", status="completed")
        for each in (made, run):
            number = each.attempts.count() + 1
            attempt = RunAttempt.objects.create(
                run=each, number=number, branch="b", base_commit="0" * 40, tree="1" * 40
            )
            Run.objects.filter(pk=each.pk).update(attempt=number)
            RunReview.objects.create(run=each, attempt=number, decision="approved", tree="1" * 40, reviewer=other)
            Permission.objects.create(run=each, attempt=number, kind="k", title="t", expires_at=now, decided_by=other)
            RunMessage.objects.create(run=each, attempt=number, text="t", created_by=other)
            append(each, [Draft("run_started"), Draft("plan_updated", data={"entries": []})])
        WorkspaceFile.objects.create(attempt=attempt, path="a", change_type="added")
        CommandExecution.objects.create(run=run, attempt=1, tool_call_id="t", command="ls", started_at=now)
        ref = f"{Snapshot.REF_PREFIX}{token.pk}"
        Snapshot.objects.create(project=project, run=run, kind="manual", ref=ref, commit="0" * 40, created_by=other)
    WorkspaceFile.objects.update(attempt=attempt)
    run.attempts.update(
        summary={"outcome": "completed", "overview": "", "stats": {"files": 0, "additions": 0, "deletions": 0}},
        tree=None,
    )


def queries(api: APIClient, route: str, project: Project, run: Run) -> list[str]:
    """The statements of one GET; the token's use and the params have been looked at by a request before it."""
    address = route.replace("<id:project>", str(project.pk)).replace("<id:run>", str(run.pk))
    ids: dict[str, Any] = {
        "mcp-servers": project.mcp_servers,
        "commands": run.commands,
        "snapshots": Snapshot.objects,
        "projects": Project.objects,
        "runs": Run.objects,
    }
    if address.endswith("<id:pk>"):
        kind = address.split("/")[-2]
        pk = {"projects": project.pk, "runs": run.pk}.get(kind) or ids[kind].order_by("pk")[0].pk
        address = address.replace("<id:pk>", str(pk))
    api.get(f"/{address}")
    with CaptureQueriesContext(connection) as captured:
        answer = api.get(f"/{address}")
    assert answer.status_code == 200, answer.content
    return [query["sql"] for query in captured.captured_queries if not _is_bookkeeping(query["sql"])]


def _is_bookkeeping(statement: str) -> bool:
    """Params are read again at most once a second; where that falls is chance."""
    return statement.startswith(("SAVEPOINT", "RELEASE")) or "settings_params_serverparam" in statement


@pytest.mark.parametrize("route", [*LISTS, *DETAILS])
@pytest.mark.once
def test_a_route_asks_the_database_as_often_for_many_rows_as_for_few(
    api: APIClient, user: User, project: Project, run: Run, route: str
) -> None:
    make_rows(user, project, run, 3)
    few = queries(api, route, project, run)
    make_rows(user, project, run, 27)
    many = queries(api, route, project, run)
    assert len(few) == len(many), many


@pytest.mark.parametrize("route", DETAILS)
@pytest.mark.parametrize("status", ["draft", "queued", "completed"])
def test_one_resource_takes_five_queries_at_most(
    api: APIClient, user: User, project: Project, run: Run, route: str, status: str
) -> None:
    make_rows(user, project, run, 3)
    Run.objects.filter(pk=run.pk).update(status=status, queued_at=timezone.now())
    found = queries(api, route, project, run)
    assert len(found) <= 5, found


def test_every_route_that_reads_is_counted() -> None:
    reading = {
        str(pattern.pattern)
        for pattern in urlpatterns
        if isinstance(pattern, URLPattern) and "get" in _methods(pattern.callback)
    }
    assert reading == {*LISTS, *DETAILS, *OTHERS}


def _methods(view: Any) -> dict[str, str]:
    methods: dict[str, str] = getattr(view, "actions", None) or {"get": "show"}
    return methods
