"""Reads the log for streams: rows of one topic after a cursor, in order."""

from dataclasses import dataclass

from django.db.models import Max, Q, QuerySet

from runs.events import USER_STREAM_TYPES
from runs.models import AgentEvent
from runs.queries import FRAME_FIELDS
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


def last_id(topic: Topic) -> int:
    """The id of the topic's newest event, 0 when there is none."""
    return topic.rows().aggregate(newest=Max("id"))["newest"] or 0
