"""Fills a database with rows of every kind that is listed by a few statements of bulk SQL, on SQLite and PostgreSQL."""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Model
from django.utils import timezone

from accounts.models import AccessToken, User
from accounts.services import issue_token
from devices.models import Device
from projects.models import Membership, Project
from runs.events import Draft, append
from runs.models import AgentEvent, CommandExecution, Permission, Run, RunAttempt, RunReview, WorkspaceFile
from runs.services.counting import recount_runs
from snapshots.models import Snapshot

PROJECTS = 40
FEW = 2  # projects of the second person, the oldest ones
LONG_RUN_EVENTS = 2_000
ABILITIES = ["projects:*", "runs:start", "runs:control", "settings:read"]


@dataclass(frozen=True)
class Filled:
    """What the requests are about: tokens, and ids."""

    token: str
    few_token: str
    project: int
    run: int


def fill(events_each: int = LONG_RUN_EVENTS) -> Filled:
    """Two people, their projects, and one run with a log of the usual kinds."""
    many, few = (User.objects.create_user(f"{name}@bench.localdomain") for name in ("many", "few"))
    projects = Project.objects.bulk_create(
        Project(name=f"Project {n}", slug=f"project-{n}", status="ready", head_commit="0" * 40) for n in range(PROJECTS)
    )
    Membership.objects.bulk_create(Membership(project=each, user=many, role="owner") for each in projects)
    Membership.objects.bulk_create(Membership(project=each, user=few, role="viewer") for each in projects[:FEW])
    run = Run.objects.create(project=projects[0], title="Measured", prompt="Hello. " * 60, selected_agent="script")
    kinds = ("agent_message", "tool_started", "tool_finished", "command_started", "command_finished", "file_updated")
    text = "What the agent says, about as long as such messages are. " * 3
    drafts = [Draft(kinds[n % 6], text, path=f"app/models/file_{n % 50}.py") for n in range(events_each)]
    append(run, [Draft("run_created"), Draft("run_queued"), Draft("run_started"), *drafts])
    tokens = [issue_token(user, ABILITIES)[1] for user in (many, few)]
    return Filled(tokens[0], tokens[1], projects[0].pk, run.pk)


def add_runs(template: int, rows: int) -> None:
    """More runs like that one, over all projects in turn; the first projects have few: every thousandth."""
    first = Project.objects.order_by("pk").values_list("pk", flat=True)[0]
    few = f"{first} + n / 1000 %% {FEW}"
    project = f"CASE WHEN n %% 1000 = 0 THEN {few} ELSE {first + FEW} + n %% {PROJECTS - FEW} END"
    _multiply(Run, template, rows, title="'Run ' || n", project_id=project, status="'completed'", last_seq="0")
    recount_runs()


def add_drafts(template: int, rows: int) -> list[int]:
    """Runs that can be started, in the template's project."""
    project = Run.objects.values_list("project", flat=True).get(pk=template)
    drafts = (
        Run(project_id=project, title=f"Draft {n}", prompt="Hello.", selected_agent="script") for n in range(rows)
    )
    return [run.pk for run in Run.objects.bulk_create(drafts)]


def add_events(run: int, rows: int) -> None:
    """More events of a run, like its last one."""
    last = AgentEvent.objects.filter(run=run).latest("seq")
    count = last.seq or 0
    _multiply(AgentEvent, last.pk, rows, seq=f"{count} + n")
    timeline = Run.objects.get(pk=run).timeline
    timeline["eventCounts"][last.event_type] += rows
    newest = AgentEvent.objects.filter(run=run).latest("seq").pk
    Run.objects.filter(pk=run).update(last_seq=count + rows, last_event_id=newest, timeline=timeline)


def newest_page(run: int, limit: int = 200) -> str:
    """The address of the last page of a run's events."""
    return f"/api/runs/{run}/events?limit={limit}&since={AgentEvent.objects.filter(run=run).latest('pk').pk - limit}"


@dataclass(frozen=True)
class Crowd:
    """Rows of every list, and the tokens of those who see all, many or few of them.

    `run` is the run with so many of everything that belongs to one. Of the two projects the large one has nearly all
    runs, the small one as many as it had at first, and a few among the million of the others: what is compared are
    pages of lists that have grown, or that others have grown around. `collector` is a person with so many projects,
    sessions and devices.
    """

    operator: str
    many: str
    few: str
    collector: str
    run: int
    large_project: int
    small_project: int


def fill_crowd() -> tuple[Crowd, dict[type[Model], int]]:
    """What the lists are about, with one row of each kind; those rows' ids, to be multiplied by `add_crowd`."""
    filled = fill(1)
    operator = User.objects.create_superuser("operator@bench.localdomain")
    collector = User.objects.create_user("collector@bench.localdomain")
    tokens = [issue_token(user, ABILITIES) for user in (operator, collector)]
    run = Run.objects.get(pk=filled.run)
    now = timezone.now()
    attempt = RunAttempt.objects.create(run=run, number=1, branch="b", base_commit="0" * 40)
    ref = f"{Snapshot.REF_PREFIX}0"
    of_attempt: dict[str, Any] = {"run": run, "attempt": 1}
    own = Project.objects.create(name="Project 0", slug="own", status="ready", last_pulled_at=now)
    rows: list[Model] = [
        run,
        Snapshot.objects.create(project=run.project, kind="manual", ref=ref, commit="0" * 40, **of_attempt),
        CommandExecution.objects.create(tool_call_id="t", command="ls", started_at=now, **of_attempt),
        Permission.objects.create(kind="k", title="t", expires_at=now, status="allowed", **of_attempt),
        RunReview.objects.create(decision="approved", tree="1" * 40, reviewer=operator, **of_attempt),
        WorkspaceFile.objects.create(attempt=attempt, path="a", change_type="added"),
        AgentEvent.objects.filter(run=run).latest("id"),
        own,
        Membership.objects.create(project=own, user=collector, role="owner"),
        issue_token(collector, ABILITIES)[0],
        Device.objects.create(access_token=tokens[1][0], user=collector, token="0" * 64, environment="sandbox"),
        operator,
    ]
    first = run.project_id
    crowd = Crowd(
        tokens[0][1],
        filled.token,
        filled.few_token,
        tokens[1][1],
        run.pk,
        large_project=first + FEW,
        small_project=first,
    )
    return crowd, {type(row): row.pk for row in rows}


def add_crowd(crowd: Crowd, templates: dict[type[Model], int], already: int, rows: int) -> None:
    """So many more of each kind; values that are rare stand in the oldest rows, where the newest come first."""
    counted, is_rare = f"({already} + n)", f"({already} + n) IN (7, 9)"
    small_every = 10_000 if already else 10
    project = (
        f"CASE WHEN n %% {small_every} = 0 THEN {crowd.small_project} + n / {small_every} %% {FEW} "
        f"WHEN n %% 50 = 1 THEN {crowd.large_project} + n %% {PROJECTS - FEW} ELSE {crowd.large_project} END"
    )
    runs = {
        "title": f"CASE WHEN {is_rare} THEN 'Zebra' ELSE 'Run ' || n END",
        "project_id": project,
        "status": f"CASE WHEN {is_rare} THEN 'failed' ELSE 'completed' END",
        "last_seq": "0",
    }
    _multiply(Run, templates[Run], rows, **runs)
    recount_runs()
    _multiply(Snapshot, templates[Snapshot], rows, ref=f"'{Snapshot.REF_PREFIX}' || {counted}")
    for model in (CommandExecution, Permission, RunReview, WorkspaceFile):
        _multiply(model, templates[model], rows)
    add_events(crowd.run, rows)
    projects = {
        "name": f"CASE WHEN {is_rare} THEN 'Zebra' ELSE 'Project ' || {counted} END",
        "status": f"CASE WHEN {is_rare} THEN 'error' ELSE 'ready' END",
        "last_pulled_at": "CASE WHEN n %% 2 = 0 THEN last_pulled_at END",
    }
    newest = Project.objects.latest("pk").pk
    _multiply(Project, templates[Project], rows, **projects)
    _multiply(Membership, templates[Membership], rows, project_id=f"{newest} + n")
    newest = User.objects.latest("pk").pk
    _multiply(User, templates[User], rows, email=f"'person' || {counted} || '@bench.localdomain'", is_staff="FALSE")
    template = Membership.objects.filter(project=crowd.small_project)[0].pk
    _multiply(Membership, template, rows, user_id=f"{newest} + n")
    _multiply(AccessToken, templates[AccessToken], rows)
    _multiply(Device, templates[Device], rows, token=f"'device' || {counted}")


def _multiply(model: type[Model], template: int, rows: int, **changed: str) -> None:
    """Writes a row so many times in one statement; `changed` names columns with SQL in which `n` counts from 1."""
    columns = [str(field.column) for field in model._meta.concrete_fields if not field.primary_key]
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join(changed.get(column, f'"{column}"') for column in columns)
    # Names of columns and numbers of our own are all that is put into the statements.
    numbers = (
        f"SELECT generate_series(1, {rows}) AS n"
        if connection.vendor == "postgresql"
        else f"WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {rows}) "  # noqa: S608
        "SELECT n FROM counted"
    )
    table = model._meta.db_table
    source = f'FROM "{table}", ({numbers}) AS numbers WHERE id = %s'
    statement = f'INSERT INTO "{table}" ({names}) SELECT {values} {source}'
    with connection.cursor() as cursor:
        cursor.execute(statement, [template])
        if connection.vendor == "postgresql":  # as autovacuum does it there; with SQLite nobody does
            cursor.execute(f'ANALYZE "{table}"')
