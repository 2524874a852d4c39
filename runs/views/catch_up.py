"""`GET /api/runs/{run}/catch-up`: all that an app needs of a run when it wakes, in one answer."""

from typing import Any

import orjson
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.permissions import UserRequest
from config.api.pagination import MAX_LIMIT, read_limit
from config.api.problems import InvalidCursor
from config.api.serializers import represent
from config.one_moment import one_moment
from runs.diffs import stats_of
from runs.errors import EventsExpired
from runs.event_json import EventRow, join_events
from runs.filters import read_since
from runs.models import Run
from runs.queries import log_page, pending_permissions, require_kept, require_known
from runs.serializers import PermissionSerializer, RunSerializer
from runs.summaries import describe
from runs.views.base import RunDoor


class CatchUpViewSet(RunDoor):
    """A run as it is, what has happened in it, what it asks, and from where its stream goes on.

    All parts are of one moment, `cursor` included: the id of the run's last event at that moment. Within a run ids
    follow the order of commits, and what an event tells of is committed with it (runs.events). So a stream that is
    opened after `cursor` tells exactly what this answer does not know yet: nothing is missed, nothing comes twice.
    """

    abilities = {"catch_up": "projects:read"}
    problems = {"catch_up": (EventsExpired, InvalidCursor)}
    query_parameters = {"catch_up": ("since", "limit")}

    @extend_schema(responses={200: {"$ref": "#/components/schemas/CatchUp"}})
    def catch_up(self, request: UserRequest, run: str) -> Response:
        """The run, its newest events, open questions and diff stats, of one moment.

        `gap` names the events since `since` that are older than those; open the stream with `cursor`.
        """
        with one_moment():
            found = self.find_run(run)
            limit, after = read_limit(request, default=MAX_LIMIT), _start(found, request)
            rows = log_page(limit + 1, newest_first=True).rows(found.pk, after, found.last_event_id or 0)
            describe([found])
            return Response(_shown(found, after, rows[limit - 1 :: -1], is_all=len(rows) <= limit))


def _start(run: Run, request: UserRequest) -> int:
    """Events after this id are wanted; 410 `events-expired` where they are not all kept, 400 where it is no such id."""
    since = request.query_params.get("since")
    if since is None:
        return run.expired_event_id
    after = read_since(run, since)
    require_known(run, after)
    require_kept(run, after)
    return after


def _shown(run: Run, after: int, rows: list[EventRow], *, is_all: bool) -> dict[str, Any]:
    """The members; rows are the newest ones after an id, oldest first."""
    attempt = run.facts.attempt
    asked = pending_permissions(run) if run.facts.pending_permissions else []
    return {
        "run": represent(RunSerializer, run),
        "events": orjson.Fragment(join_events(rows)),
        "gap": None if is_all else {"since": after, "before": rows[0][0]},
        "permissions": [represent(PermissionSerializer, each) for each in asked],
        "diff": {"stats": stats_of(attempt), "tree": attempt and attempt.tree},
        "cursor": run.last_event_id or 0,
    }
