"""What drf-spectacular cannot see of members: what stands in JSON columns, and what serializers check by hand."""

from typing import Any

Schema = dict[str, Any]
MAX_ID = 2**63 - 1
_ID: Schema = {"minimum": 1, "maximum": MAX_ID}
_SAYS_SOMETHING: Schema = {"pattern": r"[^\s\x1c-\x1f\x85]"}
_COUNTS: Schema = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
_PROGRESS: Schema = {
    "type": ["object", "null"],
    "description": "How far the work under way is.",
    "properties": {"phase": {"type": "string"}, "percent": {"type": ["integer", "null"]}},
}
_OPTION: Schema = {
    "type": "object",
    "properties": {
        "optionId": {"type": "string"},
        "name": {"type": "string"},
        "kind": {"type": "string", "examples": ["allow_once", "allow_always", "reject_once", "reject_always"]},
    },
    "required": ["optionId", "name", "kind"],
}
_CREDENTIAL: Schema = {"username": {"pattern": r"^[^:]*[^:\s][^:]*$"}, "token": {"pattern": "^[ -~]*[!-~][ -~]*$"}}
_PUSH_STATUS: Schema = {"enum": ["queued", "pushing", "pushed", "failed", None]}
_CHANGE: Schema = {"enum": ["created", "updated", "deleted", "renamed"]}
_MEANING = "Compare codes; messages are for people and change."
REFINED: dict[str, Schema] = {
    "RunDraftRequest": {"projectId": _ID, "prompt": _SAYS_SOMETHING},
    "RunDraftUpdate": {"prompt": _SAYS_SOMETHING},
    "MessageRequest": {"text": _SAYS_SOMETHING},
    "CredentialRequest": _CREDENTIAL,
    "CredentialUpdate": _CREDENTIAL,
    "ManualSnapshotRequest": {"runId": _ID},
    "CompareRequest": {
        "against": {"oneOf": [{"type": "string", "const": "current"}, {"type": "integer", **_ID}]},
    },
    "Project": {
        "progress": _PROGRESS,
        "runCounts": {**_COUNTS, "description": "How many runs are in which status; a status without runs is absent."},
        "role": {"examples": ["viewer", "maintainer", "owner"]},
    },
    "Index": {"progress": _PROGRESS},
    "Permission": {
        "paths": {"type": "array", "items": {"type": "string"}, "description": "The files that it is about."},
        "options": {"type": "array", "items": _OPTION, "description": "The answers that the agent takes."},
    },
    "RunGit": {"pushStatus": _PUSH_STATUS},
    "File": {"changeType": _CHANGE},
    "FileDetail": {"changeType": _CHANGE},
    "Change": {"changeType": _CHANGE},
    "SummaryFile": {"changeType": _CHANGE},
    "OutgoingFile": {"changeType": _CHANGE},
    "Error": {"code": {"description": _MEANING}},
}
"""By schema and member: keywords that replace those that were found."""
WHOLE: dict[str, Schema] = {
    "CredentialRequest": {"required": ["kind"]},
    "DecisionRequest": {"minProperties": 1, "maxProperties": 1},
}
"""By schema: keywords of the whole."""
PAGE_META: Schema = {"nextCursor": {"description": "`cursor` of the page after this one; null on the last."}}


def refine(schemas: dict[str, Schema]) -> None:
    """Adds all of it; a name that there is not is an error."""
    for name, members in REFINED.items():
        for member, keywords in members.items():
            schemas[name]["properties"][member] |= keywords
    for name, keywords in WHOLE.items():
        schemas[name] |= keywords
    for name, schema in schemas.items():
        if name.endswith("Page"):
            schema["properties"]["meta"]["properties"]["nextCursor"] |= PAGE_META["nextCursor"]
            schema.setdefault("description", f"One page of a list of `{name.removesuffix('Page')}`.")
