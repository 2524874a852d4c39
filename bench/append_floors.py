"""The writers that `bench/append.py` compares: the event log's own, and bare drivers with the same rows."""

import itertools
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import orjson
import psycopg
from django.conf import settings
from django.db import connection
from django.utils import timezone

from config.api.times import format_time
from projects.leases import Lease
from projects.models import Project
from runs.events import Draft, append
from runs.models import Run

COLUMNS = "project_id, run_id, seq, attempt, event_type, severity, path, body, created_at"
KINDS = ("agent_message", "tool_started", "tool_finished", "command_started", "command_output", "file_updated")
TEXT = "What the agent says, about as long as such messages are. " * 3

Write = Callable[[int], None]
Line = tuple[Any, ...]


def drafts(count: int) -> list[Draft]:
    """What an agent does: bodies of 350 to 500 bytes."""
    return [
        Draft(
            kind,
            TEXT,
            path=f"app/models/file_{number % 50}.py" if kind.startswith("file") else None,
            data={"commandId": number, "phase": "agent", "exitCode": None, "paths": ["app/models.py"]},
        )
        for number, kind in zip(range(count), itertools.cycle(KINDS))
    ]


def new_run() -> Run:
    """A run that is being carried out."""
    project, _ = Project.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    fields = {"title": "Measured", "prompt": "Hello.", "selected_agent": "script", "lease_generation": 1}
    return Run.objects.create(project=project, status=Run.Status.RUNNING, **fields)


def ours() -> Write:
    """The event log's, as the recorder calls it."""
    run, kept = new_run(), drafts(1_000)
    lease = Lease(Run, run.pk, 1)
    return lambda size: append(run, kept[:size], lease=lease)


def floors(statement: str) -> dict[str, tuple[Write, bool]]:
    """The bare writers of this database by name, each with whether it encodes each row's JSON as it goes."""
    ways = {"executemany": _Sqlite} if connection.vendor == "sqlite" else {"executemany": _Executed, "COPY": _Copied}
    return {
        f"{name}{'' if is_encoded else ', encoded beforehand'}": (
            way(statement, is_encoded=is_encoded).write,
            is_encoded,
        )
        for name, way in ways.items()
        for is_encoded in (True, False)
    }


class _Floor:
    """Rows of one run by a connection of its own."""

    def __init__(self, statement: str, *, is_encoded: bool) -> None:
        self.run, self.drafts, self.is_encoded = new_run(), drafts(1_000), is_encoded
        self.seq, self.timeline = 0, orjson.dumps(self.run.timeline).decode()
        now = format_time(timezone.now())
        self.bodies = [self.body(draft, seq, now) for seq, draft in enumerate(self.drafts, start=1)]

    def body(self, draft: Draft, seq: int, now: str) -> str:
        """The event's public JSON without its opening, as the table keeps it."""
        public = {
            "runId": self.run.pk,
            "projectId": self.run.project_id,
            "seq": seq,
            "attempt": 1,
            "eventType": draft.event_type,
            "severity": draft.severity,
            "path": draft.path,
            "message": draft.message,
            "data": draft.data,
            "createdAt": now,
        }
        return orjson.dumps(public).decode()[1:]

    def lines(self, size: int, now: datetime, told: Any) -> Iterator[Line]:
        """The next rows, to be written with the time `told`."""
        project, run, shown = self.run.project_id, self.run.pk, format_time(now)
        for number, draft in enumerate(self.drafts[:size]):
            self.seq += 1
            body = self.body(draft, self.seq, shown) if self.is_encoded else self.bodies[number]
            yield project, run, self.seq, 1, draft.event_type, draft.severity, draft.path, body, told


class _Sqlite(_Floor):
    def __init__(self, statement: str, *, is_encoded: bool) -> None:
        super().__init__(statement, is_encoded=is_encoded)
        options = settings.DATABASES["default"]["OPTIONS"]
        self.database = sqlite3.connect(settings.DATABASES["default"]["NAME"], isolation_level=None)
        self.database.executescript(f"{options['init_command']} PRAGMA foreign_keys=ON; {statement};")

    def write(self, size: int) -> None:
        now = timezone.now()
        execute = self.database.execute
        execute("BEGIN IMMEDIATE")
        self.database.executemany(
            f"INSERT INTO runs_agentevent ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            self.lines(size, now, now.replace(tzinfo=None).isoformat(" ")),
        )
        (last,) = execute("SELECT last_insert_rowid()").fetchone()
        told = (self.seq, last, self.timeline, self.run.pk)
        execute("UPDATE runs_run SET last_seq = ?, last_event_id = ?, timeline = ? WHERE id = ?", told)
        execute("COMMIT")


class _Postgres(_Floor, ABC):
    def __init__(self, statement: str, *, is_encoded: bool) -> None:
        super().__init__(statement, is_encoded=is_encoded)
        parameters = connection.get_connection_params()
        names = ("dbname", "user", "password", "host", "port")
        self.database = psycopg.connect(**{name: parameters[name] for name in names if name in parameters})

    def write(self, size: int) -> None:
        now = timezone.now()
        with self.database.cursor() as cursor:
            self.insert(cursor, self.lines(size, now, now))
            cursor.execute(
                "UPDATE runs_run SET last_seq = %s, timeline = %s, last_event_id = "
                "currval(pg_get_serial_sequence('runs_agentevent', 'id')) WHERE id = %s",
                (self.seq, self.timeline, self.run.pk),
            )
        self.database.commit()

    @abstractmethod
    def insert(self, cursor: psycopg.Cursor[Any], lines: Iterator[Line]) -> None:
        """In this way's words."""


class _Executed(_Postgres):
    def insert(self, cursor: psycopg.Cursor[Any], lines: Iterator[Line]) -> None:
        marks = ", ".join(["%s"] * 9)
        cursor.executemany(f"INSERT INTO runs_agentevent ({COLUMNS}) VALUES ({marks})", lines)  # noqa: S608


class _Copied(_Postgres):
    def insert(self, cursor: psycopg.Cursor[Any], lines: Iterator[Line]) -> None:
        with cursor.copy(f"COPY runs_agentevent ({COLUMNS}) FROM STDIN") as copy:
            for line in lines:
                copy.write_row(line)
