"""`/healthz`: the process answers. `/readyz`: everything that a run needs is there."""

import shutil

from django.conf import settings
from django.core.cache import caches
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from rest_framework import status

from config.api.methods import require_safe
from config.api.problems import Problem, problem_response
from projects.leases import LEASE
from runs.models import WorkerProcess

MIN_FREE_BYTES = 200 * 1024 * 1024
QUEUES = ("runs", "default", "index")


class NotReady(Problem):
    title = "Server is not ready"
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "not-ready"


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Alive."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Database, queue workers, disk and, where there is one, Redis; 503 `not-ready` says which is missing."""
    checks = {"database": database_reason(), "disk": disk_reason()}
    if checks["database"] is None:
        checks |= {f"worker:{queue}": worker_reason(queue) for queue in QUEUES}
    if has_counters_server():
        checks["counters"] = counters_reason()
    failures = {name: reason for name, reason in checks.items() if reason is not None}
    if failures:
        told = {name: reason or "ok" for name, reason in checks.items()}
        problem = NotReady("; ".join(failures.values()), checks=told)
        return problem_response(problem, request.path)
    return JsonResponse({"status": "ready", "checks": dict.fromkeys(checks, "ok")})


def database_reason() -> str | None:
    """Why the database cannot be used; None when it can."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "The database cannot be reached."
    return None


def has_counters_server() -> bool:
    """Whether limits are counted in Redis: with REDIS_URL."""
    return hasattr(caches["default"], "is_reachable")


def counters_reason() -> str | None:
    """Why the limits cannot be counted over several processes; None when they can, or need not be."""
    is_reachable = getattr(caches["default"], "is_reachable", None)
    return None if is_reachable is None or is_reachable() else "REDIS_URL cannot be reached."


def disk_reason() -> str | None:
    """Why there is too little room; None when there is enough."""
    free = shutil.disk_usage(settings.HOME).free
    return None if free >= MIN_FREE_BYTES else f"Only {free // 2**20} MiB are free where the data is: make room."


def worker_reason(queue: str) -> str | None:
    """Why nobody works on a queue; None when somebody does."""
    alive = WorkerProcess.objects.filter(queue=queue, last_seen_at__gt=timezone.now() - LEASE)
    return None if alive.exists() else f"No worker of the queue {queue!r} is alive: see bin/serve."
