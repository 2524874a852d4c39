"""Query parameters that views declare by name, described."""

from typing import Any

from runs.filters import SEVERITIES

Schema = dict[str, Any]
MAX_ID = 2**63 - 1
_ATTEMPT = {"type": "integer", "minimum": 0, "maximum": 999_999}
_ID = {"type": "integer", "minimum": 0, "maximum": MAX_ID}
_TEXT = {"type": "string"}
KNOWN: dict[str, tuple[str, Schema]] = {
    "attempt": ("The number of an attempt; the latest unless said.", _ATTEMPT),
    "projectId": ("Only those of this project.", {**_ID, "maximum": 10**18 - 1}),
    "search": ("Only those whose name or title has this text.", _TEXT),
    "since": (
        "An event id (exclusive), or a time with its zone.",
        {"type": "string", "pattern": r"^(\d{1,18}|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z)$"},
    ),
    "eventTypes": ("A comma list of event types.", _TEXT),
    "severity": ("Only events of this severity or above.", {"type": "string", "enum": list(SEVERITIES)}),
    "path": ("A path exactly, or a prefix that ends in `/`.", _TEXT),
    "lastEventId": ("As the header `Last-Event-ID`.", {"type": "string"}),
    "follow": (
        "`false`: the stream ends when all that there is has been sent.",
        {"type": "string", "enum": ["true", "false"]},
    ),
    "client": ("A name of the client's choice.", _TEXT),
}


def describe(name: str, view: Any) -> Schema:
    """The parameter; `status` takes the values of the view's own model."""
    description, schema = KNOWN.get(name, ("", _TEXT))
    if name == "status":
        model = view.queryset.model
        description, schema = "Only those in this status.", {"type": "string", "enum": list(model.Status.values)}
    return {"name": name, "in": "query", "schema": schema, **({"description": description} if description else {})}
