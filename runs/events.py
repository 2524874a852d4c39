"""Appends to the event log. The table is the log and the only source; whoever reads, reads it or what it was woken for.

Order: the writer takes the run's row lock first (on SQLite: the write lock), so that `seq` and ids follow commit order
within a run. Events of the user stream take one advisory lock as well, so that there ids follow commit order over all
runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db import connection, transaction
from django.utils import timezone

from config.api.times import format_time
from projects.leases import Lease
from projects.models import Project
from runs import known_secrets
from runs.commits import wake_after_commit
from runs.models import USER_STREAM_TYPES, AgentEvent, Run
from runs.redaction import Redactor
from runs.timeline import extended

CHANNEL = "quarterdeck_events"
USER_STREAM_LOCK = 0x51444543
MAX_MESSAGE_CHARACTERS = 16_000
MAX_BODY_CHARACTERS = 256 * 1024
MAX_DEPTH = 64
_WRITABLE = (Run.Status.RUNNING, Run.Status.PAUSED, Run.Status.CANCELLED)


class LeaseLost(Exception):
    """The run belongs to somebody else by now, or has been moved on: the writer must stop."""


@dataclass(frozen=True)
class Draft:
    """An event that is not written yet."""

    event_type: str
    message: str = ""
    severity: str = "info"
    path: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def append(run: Run, drafts: Sequence[Draft], *, lease: Lease | None = None) -> None:
    """Writes the drafts in order, in one transaction. With a lease: all of them only while it holds, else LeaseLost.

    The executor of a paused or cancelled run may still tell what its agent did until then. Known secrets are redacted.
    """
    if not drafts:
        return
    with transaction.atomic():
        rows = Run.objects.filter(pk=run.pk)
        if lease is not None:
            rows = rows.filter(lease_generation=lease.generation, status__in=_WRITABLE)
        # Not FOR UPDATE: rows that only refer to the run are written meanwhile. On SQLite the transaction is the lock.
        locked = rows.select_for_update(no_key=True)
        held = locked.values_list("last_seq", "attempt", "timeline", *known_secrets.sealed_in("project"))
        for last_seq, attempt, timeline, *sealed in held:
            redactor = known_secrets.redactor(run.pk, (sealed[0], sealed[1]))
            _write(run, drafts, last_seq, attempt, timeline, redactor)
            wake_after_commit()
            return
        raise LeaseLost(run.pk)


def _write(
    run: Run, drafts: Sequence[Draft], last_seq: int, attempt: int, timeline: dict[str, Any], redactor: Redactor
) -> None:
    """Rows, and what the run itself tells of them."""
    if connection.vendor == "postgresql":
        _prepare_postgresql(drafts)
    now = timezone.now()
    written = AgentEvent.objects.bulk_create(
        [
            _row(draft, redactor, project_id=run.project_id, run_id=run.pk, seq=seq, attempt=attempt, now=now)
            for seq, draft in enumerate(drafts, start=last_seq + 1)
        ]
    )
    Run.objects.filter(pk=run.pk).update(
        last_seq=last_seq + len(drafts),
        last_event_id=written[-1].pk,
        timeline=extended(timeline, [_told(draft, redactor) for draft in drafts], now),
    )


def _told(draft: Draft, redactor: Redactor) -> tuple[str, Any]:
    """Type and data for the timeline, which shows data of plans only."""
    is_shown = draft.event_type == "plan_updated"
    return draft.event_type, redactor.value(storable(draft.data, 1)) if is_shown else {}


def append_project_updated(project: Project) -> None:
    """Tells the user stream that a project has changed; call it last in the transaction of the change.

    The setting `PROJECT_EVENTS` names it, as projects are below runs.
    """
    data = {
        "status": project.status,
        "progress": project.progress,
        "headCommit": project.head_commit,
        "error": project.error,
        "index": {name: project.index[name] for name in ("status", "progress", "commit")},
    }
    append_for_project(project, Draft("project_updated", f"{project.name} is {project.status}.", data=data))


def append_for_project(project: Project, draft: Draft) -> None:
    """Writes an event of the project itself: it has no run, `seq` and `attempt`, and only the user stream shows it."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            _prepare_postgresql([draft], for_user_stream=True)
        redactor = known_secrets.redactor_of_project(project.pk)
        _row(draft, redactor, project_id=project.pk, run_id=None, seq=None, attempt=None, now=timezone.now()).save()
        wake_after_commit()


def _prepare_postgresql(drafts: Sequence[Draft], *, for_user_stream: bool = False) -> None:
    with connection.cursor() as cursor:
        if for_user_stream or any(draft.event_type in USER_STREAM_TYPES for draft in drafts):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [USER_STREAM_LOCK])
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])  # delivered at commit


def _row(
    draft: Draft,
    redactor: Redactor,
    *,
    project_id: int,
    run_id: int | None,
    seq: int | None,
    attempt: int | None,
    now: datetime,
) -> AgentEvent:
    public = {
        "runId": run_id,
        "projectId": project_id,
        "seq": seq,
        "attempt": attempt,
        "eventType": draft.event_type,
        "severity": draft.severity,
        "path": draft.path,
        "message": _shown(draft.message, redactor),
        "data": draft.data,
        "createdAt": format_time(now),
    }
    public = storable(public)
    encoded, path = orjson.dumps(public).decode(), public["path"]
    if redactor.is_in(encoded):
        public = redactor.value(public)
        encoded, path = orjson.dumps(public).decode(), public["path"]
    if len(encoded) > MAX_BODY_CHARACTERS:
        encoded = orjson.dumps({**public, "data": _beginning(public["data"])}).decode()
    return AgentEvent(
        project_id=project_id,
        run_id=run_id,
        seq=seq,
        attempt=attempt,
        event_type=draft.event_type,
        severity=draft.severity,
        path=path,
        body=encoded[1:],
        created_at=now,
    )


def _beginning(data: Any) -> dict[str, Any]:
    """In place of data that would make an event too long to be kept and sent: how its JSON begins."""
    return {"truncated": True, "beginning": orjson.dumps(data).decode()[:MAX_MESSAGE_CHARACTERS]}


def _shown(message: str, redactor: Redactor) -> str:
    """The beginning of a message. A cut must not leave half a secret."""
    if len(message) <= MAX_MESSAGE_CHARACTERS:
        return message
    return redactor.text(storable(message))[:MAX_MESSAGE_CHARACTERS]


def storable(value: Any, depth: int = 0) -> Any:
    """The value as JSON, UTF-8 and PostgreSQL can hold it.

    Lone surrogates and NUL are replaced, numbers beyond 2^53 are text, what is nested too deep is left out.
    """
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, Mapping | list | tuple) and depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {storable(str(key)): storable(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [storable(each, depth + 1) for each in value]
    is_plain = value is None or (isinstance(value, bool | float | int) and abs(value) < 2**53)
    return value if is_plain else str(value)
