"""Which group of limits a request about runs counts in, where that is a matter of what it asks for."""

from typing import Any

import orjson
from django.core.exceptions import SuspiciousOperation
from rest_framework.request import Request

from runs.models import Run


def group_of_creation(request: Request, view: Any) -> str:
    """Creating with `start: true` is a start. Looked up in the bytes: the body is judged later, after abilities."""
    try:
        body = orjson.loads(request.body)
    except (ValueError, SuspiciousOperation):  # not JSON, or too large: nothing will start
        return "default"
    return "runs:start" if isinstance(body, dict) and body.get("start") is True else "default"


def group_of_message(request: Request, view: Any) -> str:
    """A message to a completed run starts it again."""
    starts = (
        view.visible_runs().filter(pk=view.kwargs.get("run") or view.kwargs["pk"], status=Run.Status.COMPLETED).exists()
    )
    return "runs:start" if starts else "default"
