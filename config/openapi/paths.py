"""The routes that Django REST framework does not know: event streams, outputs, health."""

from typing import Any

from drf_spectacular.plumbing import ComponentRegistry

from accounts.errors import MissingAbility
from config.api import problems as common
from config.api.problems import Problem
from config.health import NotReady
from config.openapi import headers, query_parameters, security
from config.openapi.problem_shapes import responses_of
from runs.errors import EventsExpired
from runs.models import AgentEvent
from runs.views.blobs import InvalidSignature, RangeNotSatisfiable

Schema = dict[str, Any]
_NULLABLE_TEXT = {"type": ["string", "null"]}
_NUMBER = {"type": "integer"}
EVENT: Schema = {
    "type": "object",
    "description": "One line of a run's log. Ignore event types that you do not know.",
    "properties": {
        "id": _NUMBER,
        "runId": _NUMBER,
        "projectId": _NUMBER,
        "seq": {**_NUMBER, "description": "Counts a run's events from 1 without a gap."},
        "attempt": _NUMBER,
        "eventType": {"type": "string", "examples": ["file_updated"]},
        "severity": {"type": "string", "examples": [str(AgentEvent.Severity.INFO)]},
        "path": _NULLABLE_TEXT,
        "message": {"type": "string"},
        "data": {"type": "object", "additionalProperties": True, "description": "What belongs to the event's type."},
        "createdAt": {"type": "string", "format": "date-time"},
    },
    "required": [
        *("id", "runId", "projectId", "seq", "attempt", "eventType", "severity", "path", "message", "data"),
        "createdAt",
    ],
}
_OF_A_RUN = {name: {"type": ["integer", "null"]} for name in ("runId", "seq", "attempt")}
USER_EVENT: Schema = {
    **EVENT,
    "description": "An event of one of the user's runs; or of a project: then `runId`, `seq`, `attempt` are null.",
    "properties": {**EVENT["properties"], **_OF_A_RUN},
}
EVENT_PAGE: Schema = {
    "type": "object",
    "properties": {
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}},
        "meta": {
            "type": "object",
            "properties": {
                "nextCursor": _NULLABLE_TEXT,
                "lastEventId": {
                    "type": ["integer", "null"],
                    "description": "How far this page scanned: poll with `since` set to it.",
                },
            },
            "required": ["nextCursor", "lastEventId"],
        },
    },
    "required": ["data", "meta"],
}

CATCH_UP: Schema = {
    "type": "object",
    "description": "A run at one moment. Open its stream with `cursor`: nothing is missed, and nothing comes twice.",
    "properties": {
        "run": {"$ref": "#/components/schemas/Run"},
        "events": {
            "type": "array",
            "description": "The newest ones after `since`, oldest first.",
            "items": {"$ref": "#/components/schemas/Event"},
        },
        "gap": {
            "type": ["object", "null"],
            "description": "Null: `events` are all there are. Else those after `since` and before `before` are not "
            "among them: the list of events gives them, from that `since` on.",
            "properties": {
                "since": {**_NUMBER, "description": "`since` of the list of events."},
                "before": {**_NUMBER, "description": "The id of the first of `events`."},
            },
            "required": ["since", "before"],
        },
        "permissions": {
            "type": "array",
            "description": "The open questions, newest first.",
            "items": {"$ref": "#/components/schemas/Permission"},
        },
        "diff": {
            "type": "object",
            "properties": {"stats": {"$ref": "#/components/schemas/DiffStats"}, "tree": _NULLABLE_TEXT},
            "required": ["stats", "tree"],
        },
        "cursor": {**_NUMBER, "description": "For `Last-Event-ID` of the stream, and `since` next time."},
    },
    "required": ["run", "events", "gap", "permissions", "diff", "cursor"],
}


def _frame(event: str) -> Schema:
    return {
        "type": "object",
        "description": "One Server-Sent Event of the stream, its fields as members.",
        "properties": {
            "id": {"type": "string", "description": "Resume after it with `Last-Event-ID`."},
            "event": {"type": "string", "const": "agent_event"},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": {"$ref": f"#/components/schemas/{event}"},
            },
        },
    }


SCHEMAS: dict[str, Schema] = {
    "Event": EVENT,
    "UserEvent": USER_EVENT,
    "EventPage": EVENT_PAGE,
    "CatchUp": CATCH_UP,
    "EventFrame": _frame("Event"),
    "UserEventFrame": _frame("UserEvent"),
}
_ID_OF_RUN: Schema = {
    "name": "run",
    "in": "path",
    "required": True,
    "description": query_parameters.PATHS["run"],
    "schema": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
}
_LAST_EVENT_ID: Schema = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "Resume after this id; one greater than any of the stream is 400 `invalid-cursor`.",
    "schema": {"type": "string"},
}
_STREAMED = """\
Server-Sent Events. `retry:` comes first, with the `id:` of where the stream is, and every 15 seconds a `:ping` with an
`id:` line of how far a filtered stream has read. Come back with `Last-Event-ID`: nothing is missed or sent twice.
Four streams may be open at once; with `client` a new one of the same token, path and name ends the older. A token that
ends, or access that is lost, ends the stream within 5 seconds."""
_OF_RUN = "A run's log, live: first what there is, after `Last-Event-ID` if it is given."
_OF_ALL = "All the caller's runs, live: status changes, questions, reviews; from now on, or after `Last-Event-ID`."
_STREAM_PARAMETERS = ("lastEventId", "eventTypes", "severity", "path", "follow", "client")


def _json(schema: Schema, registry: ComponentRegistry, *problems: type[Problem]) -> Schema:
    return {
        "200": {
            "description": "Well.",
            "content": {"application/json": {"schema": schema}},
            "headers": headers.headers("X-Request-ID"),
        },
        **responses_of([common.BodyTooLarge, common.ServerError, *problems], registry),
    }


def _stream(operation: str, told: str, registry: ComponentRegistry, *, of_run: bool) -> Schema:
    problems: list[type[Problem]] = [
        common.InvalidParameter,
        common.InvalidCursor,
        common.Unauthenticated,
        MissingAbility,
    ]
    problems += [common.RateLimited, common.ServerError, common.BodyTooLarge]
    problems += [common.NotFound, EventsExpired] if of_run else []
    parameters = [query_parameters.describe(name, None) for name in _STREAM_PARAMETERS]
    event = "Event" if of_run else "UserEvent"
    return {
        "get": {
            "operationId": operation,
            "summary": told.partition(":")[0],
            "description": f"{told}\n\n{_STREAMED}\n\nNeeds the ability `projects:read`.",
            "x-required-ability": "projects:read",
            "x-event-schema": {"$ref": f"#/components/schemas/{event}"},
            "tags": [operation.partition("_")[0]],
            "security": security.TOKEN_OR_CONSOLE,
            "parameters": [
                *([_ID_OF_RUN] if of_run else []),
                *parameters,
                _LAST_EVENT_ID,
                headers.parameter("RequestId"),
            ],
            "responses": {
                "200": {
                    "description": "The stream, until the client goes.",
                    "content": {"text/event-stream": {"schema": {"$ref": f"#/components/schemas/{event}Frame"}}},
                    "headers": headers.headers("X-Request-ID", "Cache-Control", "X-Accel-Buffering", *headers.LIMITS),
                },
                **responses_of(problems, registry),
            },
        }
    }


_RANGE: Schema = {
    "name": "Range",
    "in": "header",
    "description": "One range of bytes (RFC 9110, section 14): 206. Anything else gets the whole.",
    "schema": {"type": "string", "examples": ["bytes=0-65535"]},
}
_IF_RANGE: Schema = {
    "name": "If-Range",
    "in": "header",
    "description": "The tag that the client knows: the whole when it has changed.",
    "schema": {"type": "string"},
}


def _blob(registry: ComponentRegistry) -> Schema:
    text = {"text/plain": {"schema": {"type": "string"}}}
    segment = {"type": "string", "pattern": "^[^/]+$"}
    told = query_parameters.PATHS["signature"]
    signature = {"name": "signature", "in": "path", "required": True, "schema": segment, "description": told}
    names = ("X-Request-ID", "ETag", "Cache-Control", "Accept-Ranges", "Content-Disposition")
    refused = [InvalidSignature, common.NotFound, RangeNotSatisfiable, common.ServerError, common.BodyTooLarge]
    return {
        "get": {
            "operationId": "blobs_retrieve",
            "summary": "A kept output, or a part of it",
            "description": "A kept output, or a part of it: by its signed address, for ten minutes, without a token.",
            "tags": ["blobs"],
            "security": [],
            "parameters": [
                signature,
                _RANGE,
                _IF_RANGE,
                headers.parameter("RequestId"),
            ],
            "responses": {
                "200": {"description": "The whole.", "content": text, "headers": headers.headers(*names)},
                "206": {
                    "description": "The range.",
                    "content": text,
                    "headers": headers.headers(*names, "Content-Range"),
                },
                **responses_of(refused, registry),
            },
        }
    }


def _public(operation: str, told: str, responses: Schema) -> Schema:
    return {
        "get": {
            "operationId": operation,
            "summary": told.rstrip("."),
            "description": told,
            "tags": ["operations"],
            "security": [],
            "parameters": [headers.parameter("RequestId")],
            "responses": responses,
        }
    }


def _docs(registry: ComponentRegistry) -> Schema:
    answer: Schema = {"description": "HTML.", "content": {"text/html": {"schema": {"type": "string"}}}}
    answer["headers"] = headers.headers("X-Request-ID", "ETag")
    same = {"description": "Not modified.", "headers": headers.headers("X-Request-ID", "ETag")}
    problems = responses_of([common.BodyTooLarge, common.ServerError], registry)
    made = _public("docs", "This document on a page.", {"200": answer, "304": same, **problems})
    made["get"]["parameters"].append(headers.parameter("IfNoneMatch"))
    return made


def _one(name: str, value: Schema) -> Schema:
    return {"type": "object", "properties": {name: value}, "required": [name]}


def outside_paths(registry: ComponentRegistry) -> Schema:
    """Their path items; the problems that they name are registered."""
    alive = _one("status", {"type": "string", "const": "ok"})
    ready = _one("status", {"type": "string", "const": "ready"})
    ready["properties"]["checks"] = {"type": "object", "additionalProperties": {"type": "string"}}
    ready["required"].append("checks")
    return {
        "/api/runs/{run}/events/stream": _stream("runs_events_stream", _OF_RUN, registry, of_run=True),
        "/api/events/stream": _stream("events_stream", _OF_ALL, registry, of_run=False),
        "/api/blobs/{signature}": _blob(registry),
        "/api/docs": _docs(registry),
        "/healthz": _public("healthz", "The process answers.", _json(alive, registry)),
        "/readyz": _public("readyz", "All that a run needs is there.", _json(ready, registry, NotReady)),
    }
