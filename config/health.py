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
QUEUES = ("runs", "default")


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
    checks = {"database": _database(), "disk": _disk()}
    if checks["database"] is None:
        checks |= {f"worker:{queue}": _worker(queue) for queue in QUEUES}
    if is_reachable := getattr(caches["default"], "is_reachable", None):  # only with REDIS_URL
        checks["counters"] = None if is_reachable() else "REDIS_URL cannot be reached."
    failures = {name: reason for name, reason in checks.items() if reason is not None}
    if failures:
        told = {name: reason or "ok" for name, reason in checks.items()}
        problem = NotReady("; ".join(failures.values()), checks=told)
        return problem_response(problem, request.path)
    return JsonResponse({"status": "ready", "checks": dict.fromkeys(checks, "ok")})


def _database() -> str | None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "The database cannot be reached."
    return None


def _disk() -> str | None:
    free = shutil.disk_usage(settings.HOME).free
    return None if free >= MIN_FREE_BYTES else f"Only {free // 2**20} MiB are free where the data is: make room."


def _worker(queue: str) -> str | None:
    alive = WorkerProcess.objects.filter(queue=queue, last_seen_at__gt=timezone.now() - LEASE)
    return None if alive.exists() else f"No worker of the queue {queue!r} is alive: see bin/serve."
