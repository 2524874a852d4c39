"""Reads the log for streams: rows of one topic after a cursor, in order, by SQL that is made once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Max, Q, QuerySet

from accounts.models import User
from config.api.problems import InvalidCursor, NotFound
from projects.models import Membership
from runs.filters import EventFilter
from runs.models import USER_STREAM_TYPES, AgentEvent, Run
from runs.queries import FRAME_FIELDS, require_kept, require_known
from runs.stream.frames import Audience, Batch, Frame

PAGE_ROWS = 500
PAGE_BYTES = 512 * 1024
"""A page ends with the row that exceeds it: events may have 256 KiB each."""

LOOKED_AT = 10_000
"""So many rows of a run are looked at for one page of a filtered stream at most."""

_TABLE = AgentEvent._meta.db_table
_SEQUENCE = f"{_TABLE}_id_seq"
_TYPES = ", ".join(f"'{each}'" for each in sorted(USER_STREAM_TYPES))
_COLUMNS = ", ".join(FRAME_FIELDS)
_OF_RUN = "run_id = %s"
_OF_USER_STREAM = f"(event_type IN ({_TYPES}) OR run_id IS NULL)"  # word for word as the index has it
_PAGE = f"SELECT {_COLUMNS} FROM {_TABLE} WHERE %s AND id > %%s ORDER BY id LIMIT %%s"  # noqa: S608 - constants
_BOUNDED = (
    # PostgreSQL sends a whole answer: it must not send more than a page. The lengths are known without the texts.
    "SELECT {columns}, size FROM (SELECT *, SUM(OCTET_LENGTH(body)) OVER (ORDER BY id) AS size"
    " FROM ({query}) AS page) AS counted WHERE size - OCTET_LENGTH(body) < {most} ORDER BY id"
)


@dataclass(frozen=True)
class Topic:
    """What can be followed: one run, or with None the status changes of all runs and the events of projects."""

    run_id: int | None

    def rows(self) -> QuerySet[AgentEvent]:
        """The topic's events."""
        if self.run_id is None:
            return AgentEvent.objects.filter(Q(event_type__in=USER_STREAM_TYPES) | Q(run=None))
        return AgentEvent.objects.filter(run_id=self.run_id)

    @cached_property
    def page(self) -> tuple[str, tuple[int, ...]]:
        """SQL of a page, and its first parameters; a cursor and a number of rows follow."""
        if self.run_id is None:
            return _PAGE % _OF_USER_STREAM, ()
        return _PAGE % _OF_RUN, (self.run_id,)


class _Rows(NamedTuple):
    """Rows of the table; with `is_cut` there may be more."""

    frames: list[Frame]
    is_cut: bool


class Page(NamedTuple):
    """A page of a filtered replay: rows that fit, perhaps none, and the id up to which all were looked at."""

    frames: list[Frame]
    reached: int


class News(NamedTuple):
    """What a topic has after its cursor; with `is_more` not all of it."""

    topic: Topic
    batch: Batch
    is_more: bool


def read_after(topic: Topic, cursor: int, limit: int = PAGE_ROWS) -> list[Frame]:
    """The next rows after the event with that id; fewer than the limit where they are long, none only at the end."""
    return _after(topic, cursor, limit).frames


def read_batch(topic: Topic, cursor: int) -> News | None:
    """The same, framed; those of the user stream with their audience. None at the end."""
    rows = _after(topic, cursor, PAGE_ROWS)
    if not rows.frames:
        return None
    audience = audience_of({frame.project_id for frame in rows.frames}) if topic.run_id is None else None
    return News(topic, Batch(rows.frames, audience), rows.is_cut)


def _after(topic: Topic, cursor: int, limit: int) -> _Rows:
    sql, first = topic.page
    return _fetch(sql, (*first, cursor, limit), limit)


def read_wanted(run_id: int, cursor: int, wanted: EventFilter) -> Page | None:
    """What a filter lets through of the run's next rows, of which it looks at so many at most. None at the end.

    The end is read before the rows: what is committed meanwhile comes after it, and is not skipped.
    """
    events = AgentEvent.objects.filter(run_id=run_id)
    newest = events.aggregate(newest=Max("id"))["newest"] or 0
    if newest <= cursor:
        return None
    first = events.filter(id__gt=cursor).order_by("id").values_list("seq", flat=True).first() or 0
    last = events.filter(seq=first + LOOKED_AT - 1).values_list("id", flat=True).first()  # numbers have no gap
    reached = min(newest, last or newest)
    rows = events.filter(wanted.condition(), id__gt=cursor, id__lte=reached).order_by("id")
    sql, parameters = rows.values_list(*FRAME_FIELDS)[:PAGE_ROWS].query.sql_with_params()
    frames, is_cut = _fetch(sql, parameters, PAGE_ROWS)
    return Page([frame for frame in frames if wanted.admits(frame)], frames[-1].event_id if is_cut else reached)


def read_news(cursors: Mapping[Topic, int]) -> list[News]:
    """The next rows of each topic that has some. One statement tells which of the runs have."""
    read = (read_batch(topic, cursors[topic]) for topic in _with_news(cursors))
    return [news for news in read if news is not None]


def _with_news(cursors: Mapping[Topic, int]) -> list[Topic]:
    """Topics that may have news: runs that have, and the user stream, which has an index of its own for the look."""
    runs = {topic.run_id: topic for topic in cursors if topic.run_id is not None}
    if len(runs) < 2:  # a look would cost as much as the read
        return list(cursors)
    newest = Run.objects.filter(pk__in=list(runs), last_event_id__isnull=False).values_list("pk", "last_event_id")
    changed = [runs[pk] for pk, last_event_id in newest if (last_event_id or 0) > cursors[runs[pk]]]
    return [*changed, *(topic for topic in cursors if topic.run_id is None)]


def audience_of(projects: Collection[int]) -> Audience:
    """Who may see the events of these projects now. Read after the events, it shows none to somebody who has left."""
    operators = User.objects.filter(is_staff=True, is_active=True).values_list("pk", flat=True)
    members: dict[int, set[int]] = {}
    pairs = Membership.objects.filter(project_id__in=projects, user__is_active=True)
    for project_id, user_id in pairs.values_list("project_id", "user_id"):
        members.setdefault(project_id, set()).add(user_id)
    return Audience(frozenset(operators), {project: frozenset(users) for project, users in members.items()})


def beginning(topic: Topic, after: int | None) -> int:
    """The id after which a stream begins: the one that is asked for, else a run's first event, for all runs now.

    410 `events-expired` where what comes after the one that is asked for is no longer kept, 400 `invalid-cursor` where
    it is greater than any of the stream.
    """
    if topic.run_id is None:
        if after is not None and after > greatest_id():
            raise InvalidCursor("This is not an id of this stream: begin anew without one.")
        return last_id(topic) if after is None else after
    run = Run.objects.filter(pk=topic.run_id).first()
    if run is None:
        raise NotFound
    if after is None:
        return run.expired_event_id
    require_known(run, after)
    require_kept(run, after)
    return after


def greatest_id() -> int:
    """No event ever had a greater id, those included that are no longer kept: the database counts them so."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SELECT last_value FROM {_SEQUENCE}")  # noqa: S608 - a constant
        else:
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [_TABLE])
        found = cursor.fetchone()
    return found[0] if found else 0


def last_id(topic: Topic) -> int:
    """The id of the topic's newest event, 0 when there is none."""
    where, parameters = (_OF_USER_STREAM, []) if topic.run_id is None else (_OF_RUN, [topic.run_id])
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT MAX(id) FROM {_TABLE} WHERE {where}", parameters)  # noqa: S608 - constants
        (newest,) = cursor.fetchone()
    return newest or 0


def _fetch(sql: str, parameters: Sequence[Any], limit: int) -> _Rows:
    """The rows of a page, up to the one that exceeds PAGE_BYTES."""
    is_counted = connection.vendor == "postgresql"
    if is_counted:
        sql = _BOUNDED.format(columns=_COLUMNS, query=sql, most=PAGE_BYTES)
    frames, size = [], 0
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        for row in cursor:  # SQLite reads on only as far as this does
            frames.append(Frame._make(row[:6]))
            size = row[6] if is_counted else size + len(row[5])
            if size >= PAGE_BYTES:
                break
    return _Rows(frames, size >= PAGE_BYTES or len(frames) == limit)
