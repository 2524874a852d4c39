"""`/metrics`: what an operator watches, for Prometheus (text format 0.0.4), read from the database at each scrape.

The figures are the deployment's, whichever web process answers; those with `process_` in their names are that process'.
"""

import shutil
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Max, Min, QuerySet, Sum
from django.http import HttpResponse
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.errors import OperatorRequired
from accounts.permissions import HasAbility, IsPublic, UserRequest
from config.api.params import read
from config.api.views import ApiViewSet
from config.health import QUEUES
from projects.leases import LEASE
from projects.models import Project
from runs.models import AgentEvent, Permission, Run, RunAttempt, RunCount, WorkerProcess
from runs.stream.hub import figures

UNFINISHED = (TaskResultStatus.READY, TaskResultStatus.RUNNING)


class DeploymentCollector(Collector):
    """Counts rows by their status; each family is one query, and none reads every run."""

    def collect(self) -> Iterable[Metric]:
        yield _runs()
        yield _by_label("quarterdeck_projects", "Projects by status.", "status", Project.objects.all(), ())
        pushes = RunAttempt.objects.filter(push_status__isnull=False)
        yield _by_label("quarterdeck_pushes", "Pushes by status.", "push_status", pushes, Run.PushStatus.values)
        yield from _queues()
        workers = WorkerProcess.objects.filter(last_seen_at__gt=timezone.now() - LEASE)
        yield _by_label("quarterdeck_workers", "Workers alive by queue.", "queue", workers, QUEUES)
        yield _pending_permissions()
        yield _events()
        yield _project_disk()
        yield GaugeMetricFamily(
            "quarterdeck_disk_free_bytes", "Free space where the data is.", shutil.disk_usage(settings.HOME).free
        )
        yield GaugeMetricFamily("quarterdeck_database_bytes", "Size of the database.", _database_bytes())


class StreamCollector(Collector):
    """The event streams of this web process."""

    def collect(self) -> Iterable[Metric]:
        found = figures()
        prefix = "quarterdeck_process_stream"
        yield GaugeMetricFamily(f"{prefix}s", "Event streams that this process holds open.", found.streams)
        yield GaugeMetricFamily(f"{prefix}_readers", "Readers of the log in this process.", found.readers)
        yield CounterMetricFamily(f"{prefix}_readers_behind", "How often one was too slow.", found.times_behind)


def _by_label(name: str, text: str, column: str, rows: QuerySet[Any], known: Iterable[str]) -> Metric:
    """One gauge a value of the column; the known values are there even when no row has them."""
    family = GaugeMetricFamily(name, text, labels=[column.removeprefix("push_")])
    counts = dict.fromkeys(known, 0) | dict(rows.order_by().values_list(column).annotate(Count("pk")))
    for value, count in counts.items():
        family.add_metric([str(value)], count)
    return family


def _runs() -> Metric:
    """As they were counted when they moved: a million rows are too many to count at each scrape."""
    family = GaugeMetricFamily("quarterdeck_runs", "Runs by status.", labels=["status"])
    counted = RunCount.objects.order_by().values_list("status").annotate(Sum("number"))
    for status, number in (dict.fromkeys(Run.Status.values, 0) | dict(counted)).items():
        family.add_metric([status], number)
    return family


def _queues() -> Iterable[Metric]:
    waiting = GaugeMetricFamily("quarterdeck_queue_tasks", "Unfinished tasks.", labels=["queue", "status"])
    oldest = GaugeMetricFamily(
        "quarterdeck_queue_oldest_seconds", "Age of the oldest task that nobody has taken yet.", labels=["queue"]
    )
    rows = DBTaskResult.objects.filter(status__in=UNFINISHED).order_by().values_list("queue_name", "status")
    counts = {
        (queue, status): (count, since)
        for queue, status, count, since in rows.annotate(Count("pk"), Min("enqueued_at"))
    }
    for queue in QUEUES:
        for status in UNFINISHED:
            waiting.add_metric([queue, str(status).lower()], counts.get((queue, status), (0, None))[0])
        since = counts.get((queue, TaskResultStatus.READY), (0, None))[1]
        oldest.add_metric([queue], (timezone.now() - since).total_seconds() if since else 0)
    return waiting, oldest


def _pending_permissions() -> Metric:
    pending = Permission.objects.filter(status=Permission.Status.PENDING).count()
    return GaugeMetricFamily("quarterdeck_pending_permissions", "Questions of agents that wait for an answer.", pending)


def _project_disk() -> Metric:
    family = GaugeMetricFamily(
        "quarterdeck_project_disk_bytes", "Disk of a project, as last measured.", labels=["project"]
    )
    for pk, used in Project.objects.filter(disk_bytes__isnull=False).order_by().values_list("pk", "disk_bytes"):
        family.add_metric([str(pk)], used or 0)
    return family


def _events() -> Metric:
    newest = AgentEvent.objects.aggregate(newest=Max("id"))["newest"] or 0
    return CounterMetricFamily("quarterdeck_events", "Events written so far, as the newest id tells it.", newest)


def _database_bytes() -> int:
    query = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    if connection.vendor == "postgresql":
        query = "SELECT pg_database_size(current_database())"
    with connection.cursor() as cursor:
        cursor.execute(query)
        (size,) = cursor.fetchone()
    return int(size)


REGISTRY = CollectorRegistry()
REGISTRY.register(DeploymentCollector())
REGISTRY.register(StreamCollector())
ProcessCollector(registry=REGISTRY)


class MetricsViewSet(ApiViewSet):
    """For operators' tokens, or for everybody where the operator has set `api.public_metrics`."""

    abilities = {"show": "settings:read"}
    problems = {"show": (OperatorRequired,)}
    pagination_class = None

    def get_permissions(self) -> list[BasePermission]:
        return [IsPublic() if read("api.public_metrics") else HasAbility()]

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def show(self, request: UserRequest) -> HttpResponse:
        """Figures for Prometheus."""
        if not (read("api.public_metrics") or _is_operator(request)):
            raise OperatorRequired("Metrics are for operators, unless api.public_metrics is set.")
        return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _is_operator(request: Request) -> bool:
    return bool(getattr(request.user, "is_operator", False))
