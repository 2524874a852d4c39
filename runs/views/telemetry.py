"""What a run has done: events and commands."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

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
from runs.queries import FRAME_FIELDS, log_page
from runs.stream.frames import Frame
from runs.views.base import RunDoor


class EventViewSet(RunDoor):
    """The event log by pages. Rows keep their public JSON; a page is put together from it, nothing is encoded again."""

    abilities = {"list": "projects:read"}
    query_parameters = {"list": ("since", "eventTypes", "severity", "path", "attempt")}

    @extend_schema(responses={200: {"$ref": "#/components/schemas/EventPage"}})
    def list(self, request: UserRequest, run: str) -> HttpResponse:
        """Events, oldest first; poll with `since=meta.lastEventId`."""
        found = self.find_run(run)
        newest = found.last_event_id  # read before the rows: what is committed meanwhile must come after lastEventId
        wanted, limit = read_filter(request.query_params.dict()), read_limit(request)
        rows = [Frame._make(row) for row in self._rows(found, request, wanted, limit + 1)]
        more, rows = len(rows) > limit, rows[:limit]
        frames = [frame for frame in rows if wanted.admits(frame)]
        cursor = make_cursor(request, rows[-1].event_id) if more else None
        scanned = rows[-1].event_id if more else newest
        meta = f'{{"nextCursor":{_quoted(cursor)},"lastEventId":{scanned or "null"}}}'
        data = ",".join(frame.public_json for frame in frames)
        return HttpResponse(f'{{"data":[{data}],"meta":{meta}}}', content_type="application/json")

    def _rows(self, run: Run, request: UserRequest, wanted: EventFilter, count: int) -> Iterable[tuple[Any, ...]]:
        after, since, newest = *_start(request), run.last_event_id or 0
        if wanted.is_open and since is None and "attempt" not in request.query_params:
            return log_page(count).rows(run.pk, after, newest)
        events = AgentEvent.objects.filter(wanted.condition(), run=run, id__gt=after, id__lte=newest)
        if since is not None:
            events = events.filter(created_at__gte=since)
        if "attempt" in request.query_params:
            events = events.filter(attempt=self.read_attempt(run, request))
        return events.order_by("id").values_list(*FRAME_FIELDS)[:count]


def _quoted(text: str | None) -> str:
    return "null" if text is None else f'"{text}"'


def _start(request: UserRequest) -> tuple[int, datetime | None]:
    """Events after this id and, where `since` is a time, not before it."""
    after, since = read_cursor(request), request.query_params.get("since")
    if after is not None and since is not None and "T" not in since:
        raise InvalidParameter("since and cursor do not go together.", parameter="since")
    place = after[0] if after else 0
    if since is None:
        return place, None
    if since.isascii() and since.isdigit() and len(since) < 19:
        return int(since), None
    return place, _moment(since)


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
