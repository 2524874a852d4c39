"""Problems as components of the OpenAPI document: one schema for each code, told apart by `code`."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

from config.api.problems import CONTENT_TYPE, Problem, problem_types

Schema = dict[str, Any]

_ID: Schema = {"type": "integer", "examples": [7]}
_WORD: Schema = {"type": "string", "examples": ["queued"]}
_WORDS: Schema = {"type": "array", "items": {"type": "string"}, "examples": [["cancel"]]}
MEMBERS: Mapping[str, Schema] = {
    "runId": _ID,
    "projectId": _ID,
    "currentStatus": _WORD,
    "allowedActions": {**_WORDS, "description": "What may be asked for in this status."},
    "requiredAbility": {"type": "string", "examples": ["git:push"]},
    "requiredRole": {"type": "string", "examples": ["maintainer"]},
    "parameter": {"type": "string", "description": "The query parameter at fault.", "examples": ["limit"]},
    "requestId": {"type": "string", "description": "Also in `X-Request-ID` and in the log.", "examples": ["3f2a91"]},
    "missing": _WORDS,
    "keys": _WORDS,
    "tree": {"type": ["string", "null"], "description": "The present tree.", "examples": ["9e1d" * 10]},
    "remoteCommit": {
        "type": "string",
        "description": "What the run's branch is at in the remote.",
        "examples": ["9e1d" * 10],
    },
    "secrets": {
        "type": "array",
        "items": {"$ref": "#/components/schemas/Secret"},
        "examples": [[{"path": "conf.py", "line": 2, "rule": "GitHub Token", "fingerprint": "0f" * 16}]],
    },
    "messageStatus": {"type": "string", "examples": ["given"]},
    "indexStatus": {"type": "string", "examples": ["none"]},
    "docsStatus": {"type": "string", "examples": ["none"]},
    "checks": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "Each part of the server: `ok`, or what is wrong.",
        "examples": [{"database": "ok", "disk": "ok", "worker:runs": "No worker of the queue 'runs' is alive."}],
    },
    "errors": {
        "type": "array",
        "items": {"$ref": "#/components/schemas/MemberError"},
        "examples": [[{"pointer": "/title", "code": "required", "detail": "This field is required."}]],
    },
}
"""Extension members by name."""

_RUN = ("runId", "currentStatus", "allowedActions")
_PROJECT = ("projectId", "currentStatus")
EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "missing-ability": ("requiredAbility",),
    "invalid-parameter": ("parameter",),
    "validation-failed": ("errors",),
    "internal-error": ("requestId",),
    "not-ready": ("checks", "requestId"),
    "not-remotely-settable": ("keys",),
    "elevation-required": ("missing",),
    "project-not-ready": _PROJECT,
    "index-not-ready": (*_PROJECT, "indexStatus"),
    "index-not-under-way": (*_PROJECT, "indexStatus"),
    "docs-not-ready": (*_PROJECT, "docsStatus", "indexStatus"),
    "docs-not-generated": _PROJECT,
    "tree-changed": (*_RUN, "tree"),
    "message-not-withdrawable": (*_RUN, "messageStatus"),
    "remote-moved": (*_RUN, "remoteCommit"),
    "secrets-found": (*_RUN, "secrets"),
    **dict.fromkeys(
        (
            *("run-not-startable", "run-not-pausable", "run-not-resumable", "run-not-cancellable"),
            *("run-not-retryable", "run-not-reviewable", "run-not-messageable", "run-not-editable", "run-moved-on"),
            *("approval-required", "approval-stale", "nothing-to-commit", "signing-failed"),
        ),
        _RUN,
    ),
}
"""Which of them an answer with that code always has; others may be there too."""

MEMBER_ERROR: Schema = {
    "type": "object",
    "description": "A member of the body that does not fit.",
    "properties": {
        "pointer": {"type": "string", "description": "A JSON pointer (RFC 6901) into the body."},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
    "required": ["pointer", "code", "detail"],
}


def _name(problem: type[Problem]) -> str:
    """`run-not-startable` → `RunNotStartableProblem`."""
    return "".join(part.title() for part in problem.default_code.split("-")) + "Problem"


def problem_schema(problem: type[Problem]) -> Schema:
    """The members of one kind of problem, with an example."""
    extensions = {name: MEMBERS[name] for name in EXTENSIONS.get(problem.default_code, ())}
    own: Schema = {
        "type": {"type": "string", "format": "uri-reference", "description": "The address of a page about it."},
        "code": {"type": "string", "const": problem.default_code},
        "title": {"type": "string"},
        "status": {"type": "integer", "const": problem.status_code},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
    }
    example = {
        "type": f"/errors/{problem.default_code}",
        "code": problem.default_code,
        "title": problem.title,
        "status": problem.status_code,
        "detail": str(problem.default_detail or problem.title),
        "instance": "/api/runs/7",
        **{name: schema["examples"][0] for name, schema in extensions.items()},
    }
    return {
        "type": "object",
        "description": f"{problem.title}. A problem (RFC 9457); compare `code` only.",
        "properties": own | extensions,
        "required": [*own, *extensions],
        "additionalProperties": True,
        "examples": [example],
    }


def responses_of(problems: Iterable[type[Problem]], registry: ComponentRegistry) -> dict[str, Schema]:
    """Responses by status; the codes that can stand behind one status are told apart by `code`."""
    by_status: dict[int, dict[str, type[Problem]]] = {}
    for problem in problems:
        by_status.setdefault(problem.status_code, {}).setdefault(problem.default_code, problem)
    return {
        str(status): _response(status, [codes[code] for code in sorted(codes)], registry)
        for status, codes in sorted(by_status.items())
    }


def _response(status: int, problems: list[type[Problem]], registry: ComponentRegistry) -> Schema:
    """A component response for each set of codes."""
    refs = {problem.default_code: _register(problem, registry) for problem in problems}
    alternatives = {
        "oneOf": [{"$ref": ref} for ref in refs.values()],
        "discriminator": {"propertyName": "code", "mapping": refs},
    }
    schema = alternatives if len(refs) > 1 else {"$ref": next(iter(refs.values()))}
    response = {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in refs)}.",
        "content": {CONTENT_TYPE: {"schema": schema}},
    }
    name = "Or".join(_name(problem).removesuffix("Problem") for problem in problems)
    component = ResolvedComponent(name, ResolvedComponent.RESPONSE, response, name)
    registry.register_on_missing(component)
    return dict(component.ref)


def _register(problem: type[Problem], registry: ComponentRegistry) -> str:
    if "errors" in EXTENSIONS.get(problem.default_code, ()):
        registry.register_on_missing(ResolvedComponent("MemberError", "schemas", MEMBER_ERROR, "MemberError"))
    name = _name(problem)
    component = ResolvedComponent(name, ResolvedComponent.SCHEMA, problem_schema(problem), name)
    registry.register_on_missing(component)
    return str(component.ref["$ref"])


def known(code: str) -> type[Problem]:
    """The problem with that code. Every problem that a route names is imported with the route."""
    return next(problem for problem in problem_types() if problem.default_code == code)
