"""How many runs of a project are in which status: kept row by row, as a million runs are too many to count at a look.

Whoever makes, moves or deletes a run calls `count` in the same transaction, after the run's event: with PostgreSQL
every move holds the user stream's lock by then, so that these rows cannot be waited for in a circle.
"""

from collections.abc import Mapping

from django.db import connection, transaction
from django.db.models import Count, F

from projects.models import Project
from runs.events import USER_STREAM_LOCK
from runs.models import Run, RunCount


def count(project_id: int, changes: Mapping[str, int]) -> None:
    """So many more runs, or fewer, in each status."""
    for status, number in sorted(changes.items()):
        rows = RunCount.objects.filter(project=project_id, status=status)
        if not rows.update(number=F("number") + number):
            RunCount.objects.get_or_create(project_id=project_id, status=status)
            rows.update(number=F("number") + number)


def recount_runs() -> int:
    """Counts anew, a project a transaction; how many projects had wrong numbers. For repairs: it reads every run."""
    return sum(_recount(pk) for pk in Project.objects.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _recount(project_id: int) -> bool:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [USER_STREAM_LOCK])
    # Locked before the runs are counted: who changes one meanwhile waits here, and changes the new number.
    kept = RunCount.objects.select_for_update().filter(project=project_id).order_by("status")
    stored = dict(kept.values_list("status", "number"))
    wrong = {status: number for status, number in _numbers(project_id).items() if stored.get(status, 0) != number}
    for status, number in wrong.items():
        RunCount.objects.update_or_create(project_id=project_id, status=status, defaults={"number": number})
    return bool(wrong)


def _numbers(project_id: int) -> dict[str, int]:
    counted = Run.objects.filter(project=project_id).order_by().values_list("status").annotate(Count("pk"))
    return dict.fromkeys(Run.Status.values, 0) | dict(counted)


def miscounted_projects() -> set[int]:
    """Projects whose numbers are not those of their runs; looked at twice, as runs move meanwhile."""
    return _miscounted() and _miscounted() & _miscounted()


def _miscounted() -> set[int]:
    there = Run.objects.order_by().values_list("project", "status").annotate(Count("pk"))
    counted = set(there)
    kept = set(RunCount.objects.exclude(number=0).values_list("project", "status", "number"))
    return {project for project, *_ in counted ^ kept}
