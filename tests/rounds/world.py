"""What a round plays in, made and read in processes of their own: people, projects, runs; at the end the table."""

import json
import os
from typing import Any

from accounts.models import User
from accounts.services import issue_token
from projects.models import Membership, Project
from runs.events import Draft, append
from runs.models import USER_STREAM_TYPES, AgentEvent, Run, WorkerProcess
from tests.rounds.plan import PEOPLE, PROJECT_OF_RUN

ABILITIES = ["projects:read", "runs:start", "runs:control"]


def make(arguments: dict[str, Any], answer: int) -> None:
    """New people, projects and queued runs. What an earlier round left there is out of the way of recovery."""
    AgentEvent.objects.all()._raw_delete("default")
    Run.objects.update(status=Run.Status.COMPLETED, lease_owner="", lease_expires_at=None)
    WorkerProcess.objects.all().delete()
    name = f"round{arguments['seed']}-{os.getpid()}"
    people = [User.objects.create(email=f"{name}-{each}@example.com", name="Anna") for each in range(PEOPLE)]
    projects = [_project(f"{name}-{each}") for each in range(2)]
    hidden = _project(f"{name}-hidden")
    for number, project in enumerate(projects):
        for person in people[: PEOPLE - number]:
            Membership.objects.create(project=project, user=person, role="owner")
    runs = [_run(projects[each]) for each in PROJECT_OF_RUN]
    world = {
        "tokens": [issue_token(each, ABILITIES)[1] for each in people],
        "projects": [each.pk for each in projects],
        "runs": [*(each.pk for each in runs), _run(hidden).pk],
        "begun_at": AgentEvent.objects.latest("id").pk,
    }
    _tell(answer, world)


def _project(slug: str) -> Project:
    return Project.objects.create(
        name=slug, slug=slug, repository_url="https://git.example.com/a.git", status="ready", head_commit="0" * 40
    )


def _run(project: Project) -> Run:
    run = Run.objects.create(project=project, title="R", prompt="P", selected_agent="script", status="queued")
    append(run, [Draft("run_created", "R")])
    return run


def read(arguments: dict[str, Any], answer: int) -> None:
    """All rows of these projects in the order of ids, what the runs say of themselves, and which types all see."""
    rows = AgentEvent.objects.filter(project__in=arguments["projects"]).order_by("id")
    runs = Run.objects.filter(project__in=arguments["projects"]).values_list("pk", "last_seq", "last_event_id")
    fields = ("id", "run_id", "project_id", "seq", "event_type", "severity", "path", "body")
    _tell(
        answer,
        {
            "rows": [
                {
                    **dict(zip(("id", "run", "project", "seq", "eventType", "severity", "path"), row, strict=False)),
                    "json": f'{{"id":{row[0]},{row[-1]}',
                }
                for row in rows.values_list(*fields)
            ],
            "runs": {str(pk): [last_seq, last_event_id] for pk, last_seq, last_event_id in runs},
            "user_stream_types": sorted(USER_STREAM_TYPES),
        },
    )


def _tell(answer: int, told: dict[str, Any]) -> None:
    with os.fdopen(answer, "w") as pipe:
        json.dump(told, pipe)
