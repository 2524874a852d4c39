"""Describes the routes of Django REST framework: what drf-spectacular finds, and beyond it what every route shares.

A view declares, beside its actions: `abilities`, `query_parameters`, `paged`, and in `problems` what its actions refuse
beyond what follows from those.
"""

import re
from collections.abc import Iterator
from http import HTTPMethod
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance, is_serializer
from rest_framework import serializers

from accounts.abilities import CONSOLE_SESSION
from accounts.errors import MissingAbility
from config.api import problems as common
from config.api.pagination import KeysetPagination
from config.api.problems import Problem
from config.api.serializers import StrictSerializer
from config.openapi import headers, query_parameters, security
from config.openapi.problem_shapes import responses_of

Schema = dict[str, Any]
STANDARD_ACTIONS = {"list", "create", "retrieve", "update", "destroy"}
MAX_ID = 10**18 - 1
_VARIABLE = re.compile(r"<(?:(\w+):)?(\w+)>")
_STR: Schema = {"type": "string", "pattern": "^[^/]+$"}
_CONVERTERS: dict[str, Schema] = {
    "id": {"type": "integer", "minimum": 0, "maximum": MAX_ID},
    "slug": {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"},
}


_TOLD = {
    "200": "As it is now.",
    "201": "Made.",
    "202": "Queued; the status tells how far it is. The same work queued already: nothing is added.",
    "204": "Gone.",
}


class ApiGenerator(SchemaGenerator):
    """Names the id of an address after what it is: `/api/runs/{run}`."""

    def coerce_path(self, path: str, method: str, view: Any) -> str:
        """`…/runs/{pk}` → `…/runs/{run}`."""
        return re.sub(r"/((?:[a-z]+-)*)([a-z]+?)s/\{pk\}", r"/\1\2s/{\2}", path)


class ApiSchema(AutoSchema):
    """One operation of the document."""

    view: Any

    @property
    def action(self) -> str:
        return str(getattr(self.view, "action", None) or self.method.lower())

    @property
    def is_public(self) -> bool:
        return not self.view.authentication_classes

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """Adds the ability, and what the common middleware answers."""
        operation = super().get_operation(*args, **kwargs)
        if operation is not None and (ability := self._ability()):
            operation["x-required-ability"] = ability
            told = operation.get("description", "")
            operation["description"] = f"{told}\n\nNeeds the ability `{ability}`.".strip()
        return operation

    def _ability(self) -> str | None:
        ability: str | None = getattr(self.view, "abilities", {}).get(self.action)
        return ability

    def get_operation_id(self) -> str:
        """`runs_list`, `runs_start`, `runs_permissions_decide`: the route's words, the action where they lack it."""
        words = [word.replace("-", "_") for word in self._tokenize_path()]
        is_named = self.action not in STANDARD_ACTIONS and not self.path.endswith("}")
        return "_".join(words if is_named else [*words, self.action])

    def get_summary(self) -> str:
        """The first clause of what the view says of its action."""
        told: str = self.get_description()
        return re.split(r"[;:.?]( |$)", told.strip().partition("\n")[0])[0]

    def get_auth(self) -> list[Schema]:
        """A token; the console's cookie on safe methods too, for what a session may read."""
        if self.is_public:
            return []
        may_read = self.method == HTTPMethod.GET and self._ability() in (None, *CONSOLE_SESSION)
        return security.TOKEN_OR_CONSOLE if may_read else security.TOKEN

    # Parameters

    def _resolve_path_parameters(self, variables: list[str]) -> list[Schema]:
        kinds = [match[1] or "str" for match in _VARIABLE.finditer(self.path_regex)]
        known = dict(zip(re.findall(r"\{(\w+)\}", self.path), kinds, strict=True))
        return [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": query_parameters.PATHS[name],
                "schema": dict(_CONVERTERS.get(known[name], _STR)),
            }
            for name in variables
        ]

    def _get_parameters(self) -> list[Schema]:
        found: list[Schema] = super()._get_parameters()
        names = {each["name"] for each in found}
        declared = getattr(self.view, "query_parameters", {}).get(self.action, ())
        found += [query_parameters.describe(name, self.view) for name in declared if name not in names]
        for each in found:
            each.setdefault("description", query_parameters.describe(each["name"], self.view).get("description", ""))
        return found + [headers.parameter(name) for name in self._request_headers()]

    def _get_filter_parameters(self) -> list[Schema]:
        return list(super()._get_filter_parameters()) if self._is_paged() else []

    def _get_pagination_parameters(self) -> list[Schema]:
        """Of every page, also of those whose rows are no rows of a table."""
        if not self._is_paged():
            return []
        shown: list[Schema] = KeysetPagination().get_schema_operation_parameters(self.view)
        return shown

    def _get_format_parameters(self) -> list[Schema]:
        """There is no `?format=`: `Accept` decides."""
        return []

    def _is_paged(self) -> bool:
        return self.action in getattr(self.view, "paged", ()) and self.method == HTTPMethod.GET

    def _request_headers(self) -> Iterator[str]:
        yield "RequestId"
        if self.method == HTTPMethod.GET:
            yield "IfNoneMatch"
        if self.method == HTTPMethod.PUT:
            yield "IfMatch"
        if self._takes_idempotency_key():
            yield "IdempotencyKey"

    def _takes_idempotency_key(self) -> bool:
        replays = any(problem.default_code == "idempotency-key-reused" for problem in common.problem_types())
        return replays and self.method == HTTPMethod.POST and "/auth/" not in self.path

    # Bodies

    def _get_request_for_media_type(self, serializer: Any, direction: Any = "request") -> Any:
        """PUT is partial; a serializer with an instance knows which members cannot be changed any more."""
        if self.method == HTTPMethod.PUT and is_serializer(serializer):
            kind = force_instance(serializer).__class__
            serializer = kind(object(), partial=True, context={"request": self.view.request})
        return super()._get_request_for_media_type(serializer, direction)

    def get_paginated_name(self, serializer_name: str) -> str:
        """`ProjectPage`."""
        return f"{serializer_name}Page"

    def _get_serializer_name(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> str:
        name: str = super()._get_serializer_name(serializer, direction, bypass_extensions)
        return re.sub(r"^Patched(.+)Request$", r"\1Update", name)

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Schema:
        """Requests refuse what they do not know; answers have all their members."""
        schema: Schema = super()._map_basic_serializer(serializer, direction)
        if direction == "response":
            schema["required"] = sorted(schema.get("properties", {}))
        elif isinstance(serializer, StrictSerializer):
            schema["additionalProperties"] = False
        return schema

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)
        is_text = type(field) is serializers.CharField and direction == "request"
        if is_text and field.trim_whitespace and not field.allow_blank:
            schema = {**schema, "pattern": r"[^\s\x1c-\x1f\x85]"}
        if isinstance(field, serializers.ListField) and direction == "request" and not field.allow_empty:
            schema = {**schema, "minItems": 1}
        return schema

    # Answers

    def _get_response_bodies(self, direction: Any = "response") -> Schema:
        found: Schema = super()._get_response_bodies(direction)
        for status, response in found.items():
            if isinstance(response, dict):
                response["description"] = response["description"] or _TOLD[status]
                response["headers"] = response.get("headers", {}) | headers.headers(*self._headers(status))
        if self.method == HTTPMethod.GET:
            limits = () if self.is_public else headers.LIMITS
            found["304"] = {
                "description": "Not modified.",
                "headers": headers.headers("ETag", "X-Request-ID", *limits),
            }
        return found | responses_of(self._problems(), self.registry)

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: Any = None, direction: Any = "response"
    ) -> Schema:
        """A reference to a schema of config.openapi.paths is taken as it is, in a list's place too."""
        if isinstance(serializer, dict) and "$ref" in serializer:
            return {"description": "", "content": {"application/json": {"schema": serializer}}}
        found: Schema = super()._get_response_for_code(serializer, status_code, media_types, direction)
        return found

    def _headers(self, status: str) -> Iterator[str]:
        yield "X-Request-ID"
        if common.RateLimited in self._problems():
            yield from headers.LIMITS
        if self.method == HTTPMethod.GET and status == "200":
            yield "ETag"
        if status == "201" and "/auth/" not in self.path:
            yield "Location"
        if self._takes_idempotency_key():
            yield "Idempotency-Replayed"

    def _problems(self) -> Iterator[type[Problem]]:
        yield from getattr(self.view, "problems", {}).get(self.action, ())
        yield from (common.Problem, common.InvalidParameter, common.NotAcceptable, common.BodyTooLarge)
        yield common.ServerError
        if self._is_paged():
            yield common.InvalidCursor
        if not self.is_public:
            yield from (common.Unauthenticated, common.RateLimited)
        if self._ability():
            yield MissingAbility
        if "{" in self.path:
            yield common.NotFound
        if self.method in (HTTPMethod.POST, HTTPMethod.PUT):
            yield from (common.MalformedJson, common.UnsupportedMediaType, common.ValidationFailed)
        if self.method == HTTPMethod.PUT:
            yield common.PreconditionFailed
        if self._takes_idempotency_key():
            yield common.NotFound  # what the first request with the key made is gone
            idempotency = ("idempotency-key-reused", "idempotency-in-progress")
            yield from (each for each in common.problem_types() if each.default_code in idempotency)
