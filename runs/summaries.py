"""Collects, for a page of runs at once, what their serializers show beside the rows themselves."""

from collections.abc import Sequence
from typing import Any

import orjson
from django.db.models import (
    BigIntegerField,
    Count,
    DateTimeField,
    F,
    Max,
    OuterRef,
    Q,
    Subquery,
    TextField,
    Value,
)
from django.db.models.functions import Cast

from config.api.times import format_time
from runs.models import AgentEvent, Permission, Run, RunAttempt, RunReview

USAGE_FIELDS = ("input_tokens", "output_tokens", "cached_tokens", "cost_usd")
PHASES = (
    *("run_queued", "run_started", "run_paused", "run_resumed", "run_recovered", "run_retried"),
    *("run_completed", "run_failed", "run_cancelled"),
)

# Empty columns of a union; PostgreSQL wants to know their types.
_NUMBER, _TIME, _TEXT = (Cast(Value(None), kind()) for kind in (BigIntegerField, DateTimeField, TextField))


def describe(runs: Sequence[Run], *, with_timeline: bool = False) -> dict[str, Any]:
    """Serializer context: a fixed number of queries whatever the number of runs, three for one run and its timeline."""
    ids = [run.pk for run in runs]
    asked = Permission.objects.filter(run=OuterRef("run"), status=Permission.Status.PENDING).order_by()
    pending = asked.values("run").annotate(number=Count("id")).values("number")
    # Whoever asks for permission or is reviewed has an attempt.
    attempts = list(RunAttempt.objects.filter(run__in=ids).annotate(pending=Subquery(pending)))
    current = {run.pk: run.attempt for run in runs}
    shown = {
        "attempts": {each.run_id: each for each in attempts if each.number == current[each.run_id]},
        "reviews": _reviews(ids) if attempts else {},
        "usage": _usage(attempts),
        "pending": {each.run_id: each.pending or 0 for each in attempts},
    }
    if with_timeline:
        return shown | _timelines(runs)
    return shown | {"newest": _newest(ids), "queue": _queue_positions(runs), "timelines": {}}


def _reviews(ids: Sequence[int]) -> dict[int, RunReview]:
    rows = RunReview.objects.filter(run__in=ids, run__attempt=F("attempt")).select_related("reviewer").order_by("id")
    return {review.run_id: review for review in rows}


def _usage(attempts: Sequence[RunAttempt]) -> dict[int, dict[str, Any]]:
    totals: dict[int, dict[str, Any]] = {}
    for attempt in attempts:
        total = totals.setdefault(attempt.run_id, dict.fromkeys(USAGE_FIELDS, 0))
        for name in USAGE_FIELDS:
            total[name] += getattr(attempt, name)
    return totals


def _newest(ids: Sequence[int]) -> dict[int, int | None]:
    newest = AgentEvent.objects.filter(run=OuterRef("pk")).order_by("-id").values("id")[:1]
    return dict(Run.objects.filter(pk__in=ids).values_list("pk", Subquery(newest)))


def _queue_positions(runs: Sequence[Run]) -> dict[int, int]:
    waiting = {run.pk for run in runs if run.status == Run.Status.QUEUED}
    if not waiting:
        return {}
    queued = Run.objects.filter(status=Run.Status.QUEUED).order_by("queued_at", "id").values_list("pk", flat=True)
    return {pk: position for position, pk in enumerate(queued, start=1) if pk in waiting}


def _timelines(runs: Sequence[Run]) -> dict[str, Any]:
    """For each run its timeline, newest event and place in the queue: one query a run."""
    shown: dict[str, dict[int, Any]] = {"timelines": {}, "newest": {}, "queue": {}}
    for run in runs:
        rows = list(_timeline_rows(run))
        counts = [(kind, number, newest) for part, kind, number, newest, _, _ in rows if part == "count"]
        phases = sorted((number, kind, at) for part, kind, number, _, at, _ in rows if part == "phase")
        plan = next((text for part, *_, text in rows if part == "plan"), None)
        shown["timelines"][run.pk] = {
            "eventCounts": {kind: number for kind, number, _ in counts},
            "phases": [{"phase": kind, "at": format_time(at)} for _, kind, at in phases],
            "plan": None if plan is None else _plan_entries(plan),
        }
        shown["newest"][run.pk] = max((newest for _, _, newest in counts), default=None)
        shown["queue"][run.pk] = next((number for part, _, number, *_ in rows if part == "queue"), None)
    return shown


def _timeline_rows(run: Run) -> Any:
    """Rows of part, kind, number, newest, at, text; see the parts. Everything but the plan is read from an index."""
    events = AgentEvent.objects.filter(run=run).order_by()
    last_plan = events.filter(event_type="plan_updated").values("event_type").annotate(last=Max("id")).values("last")
    kind, by_id = F("event_type"), {"number": F("id"), "newest": _NUMBER}
    phases = events.filter(event_type__in=PHASES).values(part=_part("phase"), kind=kind, **by_id, at=F("created_at"))
    counts = events.values(part=_part("count"), kind=kind).annotate(number=Count("id"), newest=Max("id"), at=_TIME)
    plan = events.filter(id=Subquery(last_plan)).values(part=_part("plan"), kind=kind, **by_id, at=_TIME)
    parts: list[Any] = [counts.annotate(text=_TEXT), plan.annotate(text=F("body"))]
    if run.status == Run.Status.QUEUED and run.queued_at:
        sooner = Q(queued_at__lt=run.queued_at) | Q(queued_at=run.queued_at, id__lte=run.pk)
        waiting = Run.objects.filter(sooner, status=Run.Status.QUEUED).order_by()
        queue = waiting.values(part=_part("queue"), kind=F("status")).annotate(number=Count("id"), newest=_NUMBER)
        parts.append(queue.annotate(at=_TIME, text=_TEXT))
    columns = ("part", "kind", "number", "newest", "at", "text")
    first = phases.annotate(text=_TEXT).values_list(*columns)
    return first.union(*(part.values_list(*columns) for part in parts), all=True)


def _part(name: str) -> Any:
    return Value(name, output_field=TextField())


def _plan_entries(body: str) -> Any:
    return orjson.loads("{" + body)["data"]["entries"]
