"""`bin/manage prune`: makes room, after `--dry-run` has told what would go."""

import json
import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.services import prune_expired
from config.upkeep import forget_finished_tasks, prune_project
from projects.models import Project
from projects.services import disk
from projects.services.disk import Removal

KEPT = 3


class Command(BaseCommand):
    help = (
        "Removes what the params retention.… let go: work trees of runs long at rest (what they hold that was not "
        "pushed is kept under refs/quarterdeck/rescue/ first; files that the repository ignores are not), their "
        "snapshots, outputs of commands, events, objects of the repositories that nothing names any more, rows of "
        "finished tasks, and what has expired (tokens, sessions, kept answers). Look with --dry-run first. Safe beside "
        "a running server, and to be killed. "
        "Exit status 3: something that is due could not be removed, and is told; 1: there is no such project."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="tells what would go, changes nothing")
        parser.add_argument("--project", type=int, help="only the project with this id")
        parser.add_argument("--json", action="store_true", help="JSON instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        projects = Project.objects.order_by("pk")
        if options["project"] is not None:
            projects = projects.filter(pk=options["project"])
            if not projects.exists():
                raise CommandError(f"There is no project {options['project']}.")
        is_dry: bool = options["dry_run"]
        removals = []
        for removal in _prune(list(projects), is_dry=is_dry):
            removals.append(removal)
            if not options["json"]:
                self.stdout.write(_line(removal, is_dry=is_dry))
        if not is_dry and options["project"] is None:
            forget_finished_tasks.func()
            prune_expired()
        self._sum_up(removals, is_json=options["json"], is_dry=is_dry)
        if any(removal.kept_for for removal in removals):
            sys.exit(KEPT)

    def _sum_up(self, removals: list[Removal], *, is_json: bool, is_dry: bool) -> None:
        freed = sum(removal.freed_bytes for removal in removals)
        if is_json:
            self.stdout.write(json.dumps({"dryRun": is_dry, "freedBytes": freed, "removals": [*map(_row, removals)]}))
        else:
            self.stdout.write(f"{'would free' if is_dry else 'freed'} {_size(freed)}")


def _prune(projects: list[Project], *, is_dry: bool) -> Iterator[Removal]:
    for project in projects:
        yield from prune_project(project, is_dry=is_dry)
        if not is_dry:
            disk.measure(project)


def _row(removal: Removal) -> dict[str, Any]:
    return {
        "projectId": removal.project_id,
        "what": removal.what,
        "name": removal.name,
        "freedBytes": removal.freed_bytes,
        "rescueRef": removal.rescue_ref,
        "keptFor": removal.kept_for,
        "count": removal.count,
        "ignoredFiles": removal.ignored_files,
    }


def _line(removal: Removal, *, is_dry: bool) -> str:
    many = f"{removal.count} " if removal.count > 1 else ""
    where = f"project {removal.project_id}: {many}{removal.what} of {removal.name}"
    if removal.kept_for:
        return f"kept     {where}: {removal.kept_for}"
    rescued = f", its work is kept as {removal.rescue_ref}" if removal.rescue_ref else ""
    ignored = f", {removal.ignored_files} ignored files are kept nowhere" if removal.ignored_files else ""
    return f"{'due     ' if is_dry else 'removed '} {where}, {_size(removal.freed_bytes)}{rescued}{ignored}"


def _size(number: float) -> str:
    return f"{number / 2**20:.1f} MiB"
