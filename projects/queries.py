"""Reads about projects that span rows."""

from collections.abc import Iterable

from django.db.models import Count

from projects.models import Project


def run_counts(projects: Iterable[Project]) -> dict[int, dict[str, int]]:
    """For each project, how many runs are in which status (one query)."""
    ids = [project.pk for project in projects]
    with_runs = Project.objects.filter(pk__in=ids, runs__isnull=False)
    rows = with_runs.values_list("pk", "runs__status").annotate(Count("runs"))
    counts: dict[int, dict[str, int]] = {pk: {} for pk in ids}
    for pk, status, count in rows.order_by():
        counts[pk][status] = count
    return counts
