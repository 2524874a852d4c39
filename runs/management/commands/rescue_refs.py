"""`bin/manage rescue_refs`: what was kept of work trees that were removed, listed, and dropped when nobody needs it."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.api.problems import Problem
from config.api.times import format_time
from projects.git.rescue import RescueRef
from projects.models import Project
from runs.event_lines import printable
from runs.services.rescued import drop_rescue_ref, rescue_refs_of


class Command(BaseCommand):
    help = (
        "Lists the refs that keep what removed work trees held and no remote has (rescue_refs list), or drops one "
        "(rescue_refs drop PROJECT REF): a day later the next collection removes what it alone had kept. "
        "docs/operating.md tells how to bring one into a clone of yours first. "
        "Exit status 1: no such project or ref, or the repository is busy."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="all of them, oldest first")
        listing.add_argument("--project", type=int, help="only those of the project with this id")
        drop = actions.add_parser("drop", help="deletes one; the audit keeps the id of its commit")
        drop.add_argument("project", type=int, help="the project's id")
        drop.add_argument("ref", help="the ref's full name, refs/quarterdeck/rescue/…")
        for each in (listing, drop):
            each.add_argument("--json", action="store_true", help="JSON instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        projects = Project.objects.order_by("pk")
        if options["project"] is not None:
            projects = projects.filter(pk=options["project"])
            if not projects.exists():
                raise CommandError(f"There is no project {options['project']}.")
        if options["action"] == "drop":
            rows = [_row(projects[0], _drop(projects[0], options["ref"]))]
        else:
            rows = [_row(project, each) for project in projects for each in rescue_refs_of(project)]
        if options["json"]:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            self.stdout.write(printable("project {projectId}: {ref}  {madeAt}  {commit}  {subject}".format(**row)))


def _drop(project: Project, ref: str) -> RescueRef:
    try:
        return drop_rescue_ref(project, ref, actor=None)
    except Problem as problem:
        raise CommandError(str(problem.detail)) from problem


def _row(project: Project, found: RescueRef) -> dict[str, Any]:
    return {
        "projectId": project.pk,
        "ref": found.ref,
        "commit": found.commit,
        "madeAt": format_time(found.made_at),
        "subject": found.subject,
    }
