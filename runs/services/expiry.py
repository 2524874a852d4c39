"""Lets events go that are older than `retention.event_days`, of runs long at rest and of projects themselves.

First the run is marked: from that commit on, who asks for those events is told that they are gone. The rows go at the
next upkeep, an hour later: a reader who began before the mark has found all of them.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from config.api.params import read
from projects.models import Project
from projects.services.disk import Removal
from runs.models import AgentEvent, Run
from runs.queries import last_event_before

EVENTS = "events"
BATCH_ROWS = 1000
"""Events a statement: writers wait for no more than that."""


def expire_events(project: Project, *, is_dry: bool) -> Iterator[Removal]:
    """Removes what earlier calls marked, then marks what is due now; with `is_dry` it tells what would be marked."""
    if not is_dry:
        yield from _sweep(project)
    days: int = read("retention.event_days")
    if not days:
        return
    until = timezone.now() - timedelta(days=days)
    yield from _mark(project, until, is_dry=is_dry)
    if not is_dry:
        _forget(AgentEvent.objects.filter(project=project, run=None, created_at__lt=until))


def _mark(project: Project, until: datetime, *, is_dry: bool) -> Iterator[Removal]:
    over = Run.objects.filter(project=project, status__in=Run.AT_REST, finished_at__lt=until)
    for run in over.filter(last_event_id__gt=F("expired_event_id")).order_by("pk"):
        newest = last_event_before(run, until)
        if newest <= run.expired_event_id:
            continue
        # Still at rest: what a follow-up or a retry goes on from stays.
        if is_dry or over.filter(pk=run.pk, expired_event_id__lt=newest).update(expired_event_id=newest):
            yield Removal(EVENTS, f"run {run.pk}, up to event {newest}", project.pk)


def _sweep(project: Project) -> Iterator[Removal]:
    expired = AgentEvent.objects.filter(run=OuterRef("pk"), id__lte=OuterRef("expired_event_id"))
    for run in Run.objects.filter(Exists(expired), project=project, expired_event_id__gt=0).order_by("pk"):
        rows = AgentEvent.objects.filter(run=run, id__lte=run.expired_event_id)
        yield Removal(EVENTS, f"run {run.pk}", project.pk, count=_forget(rows))


def _forget(events: QuerySet[AgentEvent]) -> int:
    """The oldest first, so that what a kill leaves is the end of the log and never its middle."""
    number = 0
    while batch := list(events.order_by("id").values_list("pk", flat=True)[:BATCH_ROWS]):
        AgentEvent.objects.filter(pk__in=batch).delete()
        number += len(batch)
    return number
