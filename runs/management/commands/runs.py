"""`bin/manage runs`: runs listed, shown and steered on the server itself, by the services of the API."""

import json
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from config.api.problems import Problem
from config.api.times import format_time
from runs.event_lines import printable
from runs.models import Run
from runs.services.steering import STEERING
from runs.transitions import MOVES

MAX_LISTED = 1000


class Command(BaseCommand):
    help = (
        "Lists runs (runs list), shows one (runs show RUN) or steers one (runs cancel RUN). "
        "Exit status 1: there is no such run, or its status does not allow it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="the newest runs")
        listing.add_argument("--status", choices=Run.Status.values, help="only those in this status")
        listing.add_argument("--project", type=int, help="only those of the project with this id")
        listing.add_argument("--limit", type=int, default=50, help=f"how many, at most {MAX_LISTED} (default: 50)")
        shown = [listing, self._with_run(actions.add_parser("show", help="all that is on the run's row"))]
        for verb in STEERING:
            sources = ", ".join(sorted(MOVES[verb].sources))
            steering = self._with_run(actions.add_parser(verb, help=f"as the API does it, from {sources}"))
            steering.add_argument("--as", dest="actor", help="who does it, by address (default: the only operator)")
            shown.append(steering)
        for each in shown:
            each.add_argument("--json", action="store_true", help="JSON instead of lines")

    def _with_run(self, parser: CommandParser) -> CommandParser:
        parser.add_argument("run", type=int, help="the run's id")
        return parser

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "list":
            self._list(**options)
            return
        run = Run.objects.select_related("project").filter(pk=options["run"]).first()
        if run is None:
            raise CommandError(f"There is no run {options['run']}.")
        if verb := STEERING.get(options["action"]):
            _steer(verb, run, _actor(options["actor"]))
        self._show(run, is_json=options["json"])

    def _list(self, *, status: str | None, project: int | None, limit: int, **options: Any) -> None:
        if not 1 <= limit <= MAX_LISTED:
            raise CommandError(f"--limit takes 1 to {MAX_LISTED}.")
        runs = Run.objects.select_related("project").order_by("-id")
        runs = runs.filter(status=status) if status else runs
        runs = runs.filter(project_id=project) if project is not None else runs
        rows = [_row(run) for run in runs[:limit]]
        if options["json"]:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            text = f"{row['id']:>6}  {row['status']:<9}  {row['createdAt']}  {row['project']}: {row['title']}"
            self.stdout.write(printable(text))

    def _show(self, run: Run, *, is_json: bool) -> None:
        run.refresh_from_db()
        row = _row(run)
        if is_json:
            self.stdout.write(json.dumps(row))
            return
        for name, value in row.items():
            self.stdout.write(f"{name:<14} {printable('' if value is None else str(value))}")


def _row(run: Run) -> dict[str, Any]:
    """What the command tells of a run, in the API's spelling."""
    times = {"createdAt": run.created_at, "startedAt": run.started_at, "finishedAt": run.finished_at}
    return {
        "id": run.pk,
        "project": run.project.name,
        "title": run.title,
        "status": run.status,
        "attempt": run.attempt,
        "selectedAgent": run.selected_agent,
        "worker": run.lease_owner or None,
        "error": run.error and run.error["message"],
        **{name: moment and format_time(moment) for name, moment in times.items()},
    }


def _actor(address: str | None) -> User:
    operators = User.objects.filter(is_staff=True, is_active=True)
    found = list((operators.filter(email__iexact=address) if address else operators)[:2])
    if len(found) != 1:
        raise CommandError(f"There is no operator {address!r}." if address else "Say who you are: --as ADDRESS.")
    return found[0]


def _steer(verb: Callable[..., object], run: Run, actor: User) -> None:
    try:
        verb(run, actor=actor)
    except Problem as problem:
        raise CommandError(str(problem.detail)) from problem
