"""Collects, for a page of runs at once, what their serializers show beside the rows themselves."""

from collections.abc import Sequence
from typing import Any

import orjson
from django.db.models import Count, F, Max, Sum

from config.api.times import format_time
from runs.models import AgentEvent, Permission, Run, RunAttempt, RunReview

USAGE_FIELDS = ("input_tokens", "output_tokens", "cached_tokens", "cost_usd")
PHASES = (
    *("run_queued", "run_started", "run_paused", "run_resumed", "run_recovered", "run_retried"),
    *("run_completed", "run_failed", "run_cancelled"),
)


def describe(runs: Sequence[Run], *, with_timeline: bool = False) -> dict[str, Any]:
    """Serializer context: one query for each kind of fact, whatever the number of runs."""
    ids = [run.pk for run in runs]
    current = {"run__in": ids, "run__attempt": F("attempt")}
    totals = RunAttempt.objects.filter(run__in=ids).values("run_id").order_by()
    usage = totals.annotate(**{name: Sum(name) for name in USAGE_FIELDS})
    events = AgentEvent.objects.filter(run__in=ids).values_list("run_id").order_by()
    pending = Permission.objects.filter(run__in=ids, status=Permission.Status.PENDING).values_list("run_id").order_by()
    reviews = RunReview.objects.filter(**current).select_related("reviewer").order_by("id")
    return {
        "attempts": {
            attempt.run_id: attempt for attempt in RunAttempt.objects.filter(run__in=ids, number=F("run__attempt"))
        },
        "reviews": {review.run_id: review for review in reviews},
        "usage": {row["run_id"]: row for row in usage},
        "newest": dict(events.annotate(Max("id"))),
        "pending": dict(pending.annotate(Count("id"))),
        "queue": _queue_positions(runs),
        "timelines": {run.pk: timeline(run) for run in runs} if with_timeline else {},
    }


def _queue_positions(runs: Sequence[Run]) -> dict[int, int]:
    waiting = [run.pk for run in runs if run.status == Run.Status.QUEUED]
    if not waiting:
        return {}
    queued = Run.objects.filter(status=Run.Status.QUEUED).order_by("queued_at", "id").values_list("pk", flat=True)
    return {pk: position for position, pk in enumerate(queued, start=1) if pk in set(waiting)}


def timeline(run: Run) -> dict[str, Any]:
    """Counts by event type, the phases with their times, the latest plan; in the API's own spelling."""
    events = AgentEvent.objects.filter(run=run)
    counts = events.values_list("event_type").order_by().annotate(Count("id"))
    phases = events.filter(event_type__in=PHASES).order_by("id").values_list("event_type", "created_at")
    plan = events.filter(event_type="plan_updated").order_by("-id").values_list("body", flat=True).first()
    return {
        "eventCounts": dict(counts),
        "phases": [{"phase": kind, "at": format_time(at)} for kind, at in phases],
        "plan": None if plan is None else _plan_entries(plan),
    }


def _plan_entries(body: str) -> Any:
    return orjson.loads("{" + body)["data"]["entries"]
