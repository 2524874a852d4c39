"""Appends to the event log. The table is the log and the only source; whoever reads, reads it or what it was woken for.

Order: the writer takes the run's row lock first (on SQLite: the write lock), so that `seq` and ids follow commit order
within a run. Events of the user stream take one advisory lock as well, so that there ids follow commit order over all
runs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from config.api.times import format_time
from config.statements import Statement
from projects.leases import Lease
from projects.models import Project
from runs import known_secrets
from runs.commits import wake_after_commit
from runs.event_table import Line, Place, write_lines
from runs.models import USER_STREAM_TYPES, AgentEvent, Run
from runs.redaction import Redactor
from runs.storable import encoded, storable
from runs.timeline import extended

CHANNEL = "quarterdeck_events"
USER_STREAM_LOCK = 0x51444543
MAX_MESSAGE_CHARACTERS = 16_000
MAX_BODY_CHARACTERS = 256 * 1024
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
    with transaction.atomic(savepoint=False):
        held = _HELD.first(run.pk)
        if held is not None and (lease is None or (held[0] == lease.generation and held[1] in _WRITABLE)):
            *_, last_seq, attempt, timeline, login, servers = held
            _write(run, drafts, last_seq, attempt, timeline, known_secrets.redactor(run.pk, (login, servers)))
            wake_after_commit()
            return
    # After the transaction, which may be part of a larger one: it has written nothing.
    raise LeaseLost(run.pk)


def _held(run_id: int) -> QuerySet[Run, Any]:
    """Takes the run's row, with what is needed of it.

    Not FOR UPDATE: rows that only refer to the run are written meanwhile. On SQLite the transaction is the lock.
    """
    rows = Run.objects.filter(pk=run_id).select_for_update(no_key=True)
    fields = ("lease_generation", "status", "last_seq", "attempt", "timeline")
    return rows.values_list(*fields, *known_secrets.sealed_in("project"))


_HELD = Statement(_held, parameters=1)


def _write(
    run: Run, drafts: Sequence[Draft], last_seq: int, attempt: int, timeline: dict[str, Any], redactor: Redactor
) -> None:
    """Rows, and what the run itself tells of them."""
    if not USER_STREAM_TYPES.isdisjoint(draft.event_type for draft in drafts):
        _lock_user_stream()
    place = Place(run.project_id, run.pk, attempt, last_seq + 1, timezone.now())
    head, tail = f'"runId":{place.run_id},"projectId":{place.project_id},"seq":', f',"attempt":{attempt},'
    seqs = range(place.first_seq, place.first_seq + len(drafts))
    lines = _lines(drafts, (f"{head}{seq}{tail}" for seq in seqs), redactor, place.created_at)
    told = extended(timeline, _told(drafts, redactor), place.created_at)
    write_lines(lines, place, told, channel=CHANNEL)


def _told(drafts: Sequence[Draft], redactor: Redactor) -> list[tuple[str, Any]]:
    """Types and data for the timeline, which shows data of plans only."""
    return [
        (draft.event_type, redactor.value(storable(draft.data, 1)) if draft.event_type == "plan_updated" else {})
        for draft in drafts
    ]


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
        _lock_user_stream()
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])  # delivered at commit
        redactor, now = known_secrets.redactor_of_project(project.pk), timezone.now()
        place = f'"runId":null,"projectId":{project.pk},"seq":null,"attempt":null,'
        ((event_type, severity, path, body),) = _lines([draft], [place], redactor, now)
        AgentEvent.objects.create(
            project=project, event_type=event_type, severity=severity, path=path, body=body, created_at=now
        )
        wake_after_commit()


def _lock_user_stream() -> None:
    """Whoever writes for the user stream waits for the others here, so that its ids follow the order of commits."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [USER_STREAM_LOCK])


def _lines(drafts: Sequence[Draft], places: Iterable[str], redactor: Redactor, now: datetime) -> list[Line]:
    """The drafts as they are stored. `places`: how their bodies begin.

    Secrets, and what is too long, are looked for in all of them at once: it is seldom that there are any.
    """
    publics: list[dict[str, Any]] = [
        {
            "eventType": draft.event_type,
            "severity": draft.severity,
            "path": draft.path if draft.path is None else storable(draft.path),
            "message": _shown(draft.message, redactor),
            "data": draft.data,
        }
        for draft in drafts
    ]
    texts = [encoded(public) for public in publics]
    if redactor.is_in_bytes(b"\n".join(texts)):
        publics = [redactor.value(storable(public)) for public in publics]
        texts = [orjson.dumps(public) for public in publics]
    if max(map(len, texts)) > MAX_BODY_CHARACTERS:
        texts = [_bounded(text, public) for text, public in zip(texts, publics, strict=True)]
    end = f',"createdAt":"{format_time(now)}"}}'
    return [
        (draft.event_type, draft.severity, public["path"], f"{place}{text[1:-1].decode()}{end}")
        for draft, public, place, text in zip(drafts, publics, places, texts, strict=True)
    ]


def _bounded(text: bytes, public: dict[str, Any]) -> bytes:
    """An event's JSON. In place of data that is too long to be kept and sent: how its JSON begins."""
    if len(text) <= MAX_BODY_CHARACTERS or len(text.decode()) <= MAX_BODY_CHARACTERS:
        return text
    beginning = encoded(public["data"]).decode()[:MAX_MESSAGE_CHARACTERS]
    return encoded({**public, "data": {"truncated": True, "beginning": beginning}})


def _shown(message: str, redactor: Redactor) -> str:
    """The beginning of a message. A cut must not leave half a secret."""
    if len(message) <= MAX_MESSAGE_CHARACTERS:
        return message
    return redactor.text(storable(message))[:MAX_MESSAGE_CHARACTERS]
