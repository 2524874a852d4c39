"""What a run has done: events and commands."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.permissions import UserRequest
from config.api.pagination import make_cursor, read_cursor, read_limit
from config.api.problems import InvalidParameter
from runs import serializers
from runs.filters import EventFilter, read_filter
from runs.models import AgentEvent, CommandExecution, Run
from runs.stream.frames import Frame
from runs.views.base import RunDoor

FRAME_FIELDS = ("id", "project_id", "event_type", "severity", "path", "body")


class EventViewSet(RunDoor):
    """The event log by pages. Rows keep their public JSON; a page is put together from it, nothing is encoded again."""

    abilities = {"list": "projects:read"}
    query_parameters = {"list": ("since", "eventTypes", "severity", "path", "attempt")}

    @extend_schema(responses={200: {"$ref": "#/components/schemas/EventPage"}})
    def list(self, request: UserRequest, run: str) -> HttpResponse:
        """Events, oldest first; poll with `since=meta.lastEventId`."""
        found = self.find_run(run)
        # Read before the rows: what is committed meanwhile must come after lastEventId.
        newest = AgentEvent.objects.filter(run=found).order_by("-id").values_list("id", flat=True).first()
        events = self._asked(found, request).filter(id__lte=newest or 0)
        wanted, limit = read_filter(request.query_params.dict()), read_limit(request)
        rows = [Frame(*row) for row in _rows(events, wanted)[: limit + 1]]
        more, rows = len(rows) > limit, rows[:limit]
        frames = [frame for frame in rows if wanted.admits(frame)]
        cursor = make_cursor(request, rows[-1].event_id) if more else None
        scanned = rows[-1].event_id if more else newest
        meta = f'{{"nextCursor":{_quoted(cursor)},"lastEventId":{scanned or "null"}}}'
        data = ",".join(frame.public_json for frame in frames)
        return HttpResponse(f'{{"data":[{data}],"meta":{meta}}}', content_type="application/json")

    def _asked(self, run: Run, request: UserRequest) -> QuerySet[AgentEvent]:
        events = _since(run, request)
        if "attempt" not in request.query_params:
            return events
        return events.filter(attempt=self.read_attempt(run, request))


def _rows(events: QuerySet[AgentEvent], wanted: EventFilter) -> Any:
    return events.filter(wanted.condition()).order_by("id").values_list(*FRAME_FIELDS)


def _quoted(text: str | None) -> str:
    return "null" if text is None else f'"{text}"'


def _since(run: Run, request: UserRequest) -> QuerySet[AgentEvent]:
    events = AgentEvent.objects.filter(run=run)
    after, since = read_cursor(request), request.query_params.get("since")
    if after is not None:
        if since is not None and "T" not in since:
            raise InvalidParameter("since and cursor do not go together.", parameter="since")
        events = events.filter(id__gt=after[0])
    if since is None:
        return events
    if since.isascii() and since.isdigit() and len(since) < 19:
        return events.filter(id__gt=int(since))
    return events.filter(created_at__gte=_moment(since))


def _moment(text: str) -> Any:
    try:
        moment = parse_datetime(text) if "T" in text else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidParameter("since is an event id or a time with its zone.", parameter="since")
    return moment


class CommandViewSet(RunDoor):
    """Commands that a run's agent has run."""

    abilities = {"list": "projects:read", "retrieve": "projects:read"}
    query_parameters = {"list": ("attempt",)}
    serializer_class = serializers.CommandSerializer
    oldest_first = True

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
        command: CommandExecution = get_object_or_404(self.find_run(run).commands.all(), pk=pk)
        detail = serializers.CommandDetailSerializer(command, context=self.get_serializer_context())
        return Response(detail.data, headers={"Cache-Control": "no-store"})
