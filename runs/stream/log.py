"""Reads the log for streams: rows of one topic after a cursor, in order."""

from dataclasses import dataclass

from django.db.models import Max, Q, QuerySet

from config.api.problems import NotFound
from runs.models import USER_STREAM_TYPES, AgentEvent, Run
from runs.queries import FRAME_FIELDS, require_kept
from runs.stream.frames import Frame

PAGE_ROWS = 500


@dataclass(frozen=True)
class Topic:
    """What can be followed: one run, or with None the status changes of all runs and the events of projects."""

    run_id: int | None

    def rows(self) -> QuerySet[AgentEvent]:
        """The topic's events."""
        if self.run_id is None:
            return AgentEvent.objects.filter(Q(event_type__in=USER_STREAM_TYPES) | Q(run=None))
        return AgentEvent.objects.filter(run_id=self.run_id)


def read_after(topic: Topic, cursor: int, limit: int = PAGE_ROWS) -> list[Frame]:
    """The next rows after the event with that id."""
    rows = topic.rows().filter(id__gt=cursor).order_by("id").values_list(*FRAME_FIELDS)[:limit]
    return [Frame._make(row) for row in rows]


def beginning(topic: Topic, after: int | None) -> int:
    """The id after which a stream begins: the one that is asked for, else a run's first event, for all runs now.

    410 `events-expired` where what comes after the one that is asked for is no longer kept.
    """
    if topic.run_id is None:
        return last_id(topic) if after is None else after
    run = Run.objects.filter(pk=topic.run_id).first()
    if run is None:
        raise NotFound
    if after is None:
        return run.expired_event_id
    require_kept(run, after)
    return after


def last_id(topic: Topic) -> int:
    """The id of the topic's newest event, 0 when there is none."""
    return topic.rows().aggregate(newest=Max("id"))["newest"] or 0
