"""What a run has done: events and commands."""

from django.db.models import Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.permissions import UserRequest
from config.api.pagination import make_cursor, read_cursor, read_limit
from config.api.problems import InvalidParameter
from runs import telemetry_serializers as serializers
from runs.errors import EventsExpired
from runs.event_json import EventRow, join_events
from runs.filters import EventFilter, read_filter, read_since
from runs.models import AgentEvent, CommandExecution, Run
from runs.queries import FRAME_FIELDS, log_page, require_kept, require_known
from runs.stream.frames import Frame
from runs.views.base import RunDoor

LOOKED_AT = 10_000
"""So many events are looked at for one page at most, where no index knows the filter."""


class EventViewSet(RunDoor):
    """The event log by pages. Rows keep their public JSON; a page is put together from it, nothing is encoded again."""

    abilities = {"list": "projects:read"}
    problems = {"list": (EventsExpired,)}
    query_parameters = {"list": ("since", "eventTypes", "severity", "path", "attempt")}

    @extend_schema(responses={200: {"$ref": "#/components/schemas/EventPage"}})
    def list(self, request: UserRequest, run: str) -> HttpResponse:
        """Events, oldest first; poll with `since=meta.lastEventId`."""
        found = self.find_run(run)
        newest = found.last_event_id  # read before the rows: what is committed meanwhile must come after lastEventId
        wanted, limit = read_filter(request.query_params.dict()), read_limit(request)
        after, attempt = _start(found, request), None
        if "attempt" in request.query_params:
            attempt = self.read_attempt(found, request)
        if wanted.is_open and attempt is None:
            rows, scanned = _page(found, after, limit)
        else:
            rows, scanned = _filtered_page(found, wanted, attempt, after, limit)
        cursor = make_cursor(request, scanned) if scanned != newest else None
        meta = f'{{"nextCursor":{_quoted(cursor)},"lastEventId":{scanned or "null"}}}'
        return HttpResponse(f'{{"data":{join_events(rows)},"meta":{meta}}}', content_type="application/json")


def _page(run: Run, after: int, limit: int) -> tuple[list[EventRow], int | None]:
    """Rows that come after an id, and the id up to which that is all."""
    rows = log_page(limit + 1).rows(run.pk, after, run.last_event_id or 0)
    return rows[:limit], rows[limit - 1][0] if len(rows) > limit else run.last_event_id


def _filtered_page(
    run: Run, wanted: EventFilter, attempt: int | None, after: int, limit: int
) -> tuple[list[EventRow], int | None]:
    """The same of those that a reader wants, all or one attempt's."""
    last = run.last_event_id
    if attempt is not None or wanted.severities or wanted.path:
        last = _last_to_look_at(run, after) or last
    events = AgentEvent.objects.filter(wanted.condition(), run=run, id__gt=after, id__lte=last or 0)
    if attempt is not None:
        events = events.filter(attempt=attempt)
    rows = events.order_by("id").values_list(*FRAME_FIELDS)[: limit + 1]
    frames = [Frame._make(row) for row in rows]
    shown = [(frame.event_id, frame.body) for frame in frames[:limit] if wanted.admits(frame)]
    return shown, frames[limit - 1].event_id if len(frames) > limit else last


def _last_to_look_at(run: Run, after: int) -> int | None:
    """The id at which a page that few events fit stops to look, None where the run has not so many more.

    The numbers of a run's events have no gap, so that it is found without counting.
    """
    events = AgentEvent.objects.filter(run=run)
    first = events.filter(id__gt=after).order_by("id").values("seq")[:1]
    return events.filter(seq=Subquery(first) + LOOKED_AT).values_list("id", flat=True).first()


def _quoted(text: str | None) -> str:
    return "null" if text is None else f'"{text}"'


def _start(run: Run, request: UserRequest) -> int:
    """The page's events come after this id; 410 `events-expired` where what comes after it is not all kept.

    400 `invalid-cursor` where the id is none of the run's.
    """
    place, since = read_cursor(request), request.query_params.get("since")
    if place is not None and since is not None and "T" not in since:
        raise InvalidParameter("since and cursor do not go together.", parameter="since")
    after = None if place is None else int(place[0])
    if since is not None:
        after = max(after or 0, read_since(run, since))
    if after is None:
        return run.expired_event_id
    require_known(run, after)
    require_kept(run, after)
    return after


class CommandViewSet(RunDoor):
    """Commands that a run's agent has run."""

    abilities = {"list": "projects:read", "retrieve": "projects:read"}
    query_parameters = {"list": ("attempt",)}
    serializer_class = serializers.CommandSerializer
    oldest_first = True

    def check_visible(self) -> None:
        super().check_visible()
        if "pk" in self.kwargs:
            self._find_command(self.kwargs["run"], self.kwargs["pk"])

    def _find_command(self, run: str, pk: str) -> CommandExecution:
        command: CommandExecution = get_object_or_404(self.find_run(run).commands.all(), pk=pk)
        return command

    def list(self, request: UserRequest, run: str) -> Response:
        """The commands, oldest first; of all attempts unless `?attempt=` names one."""
        found = self.find_run(run)
        commands = found.commands.all()
        if "attempt" in request.query_params:
            attempt = self.find_attempt(found, request)
            commands = commands.filter(attempt=attempt.number if attempt else 0)
        page = self.paginate_queryset(commands)
        return self.get_paginated_response(serializers.CommandSerializer(page, many=True).data)

    @extend_schema(responses=serializers.CommandDetailSerializer)
    def retrieve(self, request: UserRequest, run: str, pk: str) -> Response:
        """One command with addresses of its outputs."""
        detail = serializers.CommandDetailSerializer(self._find_command(run, pk), context=self.get_serializer_context())
        return Response(detail.data, headers={"Cache-Control": "no-store"})
