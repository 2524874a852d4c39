"""Fills a database with people, projects, runs and events by a few statements of bulk SQL, on SQLite and PostgreSQL."""

from dataclasses import dataclass

from django.db import connection
from django.db.models import Model

from accounts.models import User
from accounts.services import issue_token
from projects.models import Membership, Project
from runs.events import Draft, append
from runs.models import AgentEvent, Run
from runs.services.counting import recount_runs

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
        cursor.execute("ANALYZE")
