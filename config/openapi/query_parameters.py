"""Parameters by name, described: those of queries that views declare, and those of paths."""

from typing import Any

from config.api.filtering import MAX_SEARCH_CHARACTERS
from config.api.pagination import MAX_LIMIT
from runs.filters import SEVERITIES
from runs.stream.asking import MAX_CLIENT_LENGTH

Schema = dict[str, Any]
MAX_ID = 2**63 - 1
_ATTEMPT = {"type": "integer", "minimum": 0, "maximum": 999_999}
_ID = {"type": "integer", "minimum": 0, "maximum": MAX_ID}
_TEXT = {"type": "string"}
_SEARCH = {"type": "string", "maxLength": MAX_SEARCH_CHARACTERS}
KNOWN: dict[str, tuple[str, Schema]] = {
    "attempt": ("The number of an attempt; the latest unless said.", _ATTEMPT),
    "accepted": (
        "`true`: to the tree that the latest approval accepted, without what it left out. 409 where there is none.",
        {"type": "string", "enum": ["true", "false"]},
    ),
    "projectId": ("Only those of this project.", {**_ID, "maximum": 10**18 - 1}),
    "search": ("Only those whose name or title has this text.", _SEARCH),
    "kind": ("Only those of this kind.", _TEXT),
    "since": (
        "An event id (exclusive), or a time with its zone.",
        {"type": "string", "anyOf": [{"pattern": r"^[0-9]{1,18}$"}, {"format": "date-time"}]},
    ),
    "limit": (
        "How many events at most: the newest ones.",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": MAX_LIMIT},
    ),
    "eventTypes": ("A comma list of event types.", _TEXT),
    "severity": ("Only events of this severity or above.", {"type": "string", "enum": list(SEVERITIES)}),
    "path": ("A path exactly, or a prefix that ends in `/`.", _TEXT),
    "lastEventId": ("As the header `Last-Event-ID`.", {"type": "string"}),
    "follow": (
        "`false`: the stream ends when all that there is has been sent.",
        {"type": "string", "enum": ["true", "false"]},
    ),
    "name": (
        "How the file is called; its path, if any, is cut off.",
        {"type": "string", "minLength": 1, "maxLength": 500},
    ),
    "client": (
        "A name of the client's choice.",
        {"type": "string", "maxLength": MAX_CLIENT_LENGTH, "pattern": r"^[^\x00]*$"},
    ),
}
REQUIRED = frozenset({"name"})

_OF_ROWS = ("project", "run", "snapshot", "permission", "message", "device", "command", "attachment")
PATHS = {
    **{name: f"The id of the {name}." for name in _OF_ROWS},
    "file": "The id of the file, of this run's list.",
    "key": "The key of the agent.",
    "server": "The id of the MCP server.",
    "signature": "The end of `stdoutUrl`, `stderrUrl` or `contentUrl`.",
    "slug": "The name of the document.",
    "token": "The id of the session or token, never its secret.",
    "user": "The id of the member.",
}


def describe(name: str, view: Any) -> Schema:
    """The parameter; `status` takes the values of the view's own model."""
    description, schema = KNOWN.get(name, ("", _TEXT))
    if name == "status":
        model = view.queryset.model
        description, schema = "Only those in this status.", {"type": "string", "enum": list(model.Status.values)}
    told: Schema = {"description": description} if description else {}
    return {"name": name, "in": "query", "schema": schema, **told, **({"required": True} if name in REQUIRED else {})}
