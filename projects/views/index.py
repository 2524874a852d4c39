"""What is read from a project's code index: map and search; and the wish for a new one, or for none."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import UserRequest
from config.api.pagination import KeysetPagination, make_cursor, read_cursor, read_limit
from config.api.problems import InvalidParameter
from config.api.serializers import represent
from config.api.views import ApiViewSet
from projects import index_shapes as shapes
from projects.code_index import open_index, read_passages, readable
from projects.errors import IndexNotReady, IndexNotUnderWay, ProjectNotReady, RoleRequired
from projects.models import Membership, Project, ProjectQuerySet
from projects.permissions import require_role
from projects.queries import describe
from projects.serializers import ProjectSerializer
from projects.services import lifecycle

SEARCH_TEXTS = {"q": 500, "path": 1000, "language": 40}
"""What a search takes, and how many characters of it."""

FOUND_FILES = 1000
"""No search gives more files, whatever the pages."""


def _text(name: str, description: str, **options: Any) -> OpenApiParameter:
    schema = {"type": "string", "minLength": 1, "maxLength": SEARCH_TEXTS[name], **options}
    return OpenApiParameter(name, schema, required=name == "q", description=description)


_QUERY = _text("q", "What to look for.", pattern=r"[^\s\x1c-\x1f\x85]")
_PATH = _text("path", "Only files whose path begins so.")
_LANGUAGE = _text("language", "Only files in this language.")


class IndexPagination(KeysetPagination):
    """A page of an index: its `meta` tells the commit, and what was left out for which reasons."""

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        page = super().get_paginated_response_schema(schema)
        text = {"type": "string"}
        reason = {"reason": text, "files": {"type": "integer"}, "examples": {"type": "array", "items": text}}
        skipped = {"type": "object", "properties": reason, "required": list(reason)}
        told = {"commit": text, "skipped": {"type": "array", "items": skipped}}
        page["properties"]["meta"]["properties"] |= told
        page["properties"]["meta"]["required"] += list(told)
        return page


class IndexViewSet(ApiViewSet):
    """The code index of one project."""

    abilities = {
        "index_rag": "projects:write",
        "cancel": "projects:write",
        "map": "projects:read",
        "search": "projects:read",
    }
    problems = {
        "index_rag": (RoleRequired, ProjectNotReady),
        "cancel": (RoleRequired, ProjectNotReady, IndexNotUnderWay),
        **dict.fromkeys(("map", "search"), (IndexNotReady,)),
    }
    request: UserRequest
    query_parameters = {"search": SEARCH_TEXTS}
    paged = frozenset({"map", "search"})
    queryset = Project.objects.none()
    serializer_class = ProjectSerializer
    pagination_class = IndexPagination

    def get_queryset(self) -> ProjectQuerySet:
        return Project.objects.visible_to(self.request.user).with_index()

    @extend_schema(request=None, responses={202: ProjectSerializer})
    @action(detail=True, methods=["post"])
    def index_rag(self, request: UserRequest, pk: str) -> Response:
        """Indexes the whole project anew."""
        return self._change(request, lifecycle.request_index, status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses=ProjectSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: UserRequest, pk: str) -> Response:
        """Ends the making of an index, queued or under way; the one that serves stays."""
        return self._change(request, lifecycle.cancel_index, status.HTTP_200_OK)

    def _change(self, request: UserRequest, change: Callable[..., None], answer: int) -> Response:
        """What a maintainer asks for without a body: the project with its index as it is then."""
        project = self.get_object()
        require_role(project, request.user, Membership.Role.MAINTAINER)
        self.refuse_body(request)
        change(project, actor=request.user)
        describe(request.user, [project])
        return Response(represent(ProjectSerializer, project), status=answer)

    @extend_schema(responses=shapes.MapRowSerializer(many=True))
    def map(self, request: UserRequest, pk: str) -> Response:
        """One row for each file of the index, by path; `meta` tells its commit and what was left out."""
        project = self.get_object()
        limit, place = read_limit(request), read_cursor(request)
        with open_index(project) as index, readable(project):
            files = index.files(after=place[0] if place else "", limit=limit + 1)
            rows = shapes.map_rows(index, files[:limit])
            cursor = make_cursor(request, files[limit - 1].path) if len(files) > limit else None
            return Response({"data": rows, "meta": {"next_cursor": cursor, **shapes.index_meta(index)}})

    @extend_schema(parameters=[_QUERY, _PATH, _LANGUAGE], responses=shapes.SearchRowSerializer(many=True))
    def search(self, request: UserRequest, pk: str) -> Response:
        """Searches the code: one row for each file, best first."""
        project = self.get_object()
        limit, place = read_limit(request), read_cursor(request)
        asked = _read_search(request)
        start: int = place[0] if place else 0
        with open_index(project) as index, readable(project):
            count = min(start + limit + 1, FOUND_FILES)
            found = index.search(asked["q"], limit=count, path=asked.get("path"), language=asked.get("language"))
            meta = shapes.index_meta(index)
        rows = [shapes.search_row(each) for each in read_passages(project, found[start : start + limit])]
        cursor = make_cursor(request, start + limit) if len(found) > start + limit else None
        return Response({"data": rows, "meta": {"next_cursor": cursor, **meta}})


def _read_search(request: Request) -> dict[str, str]:
    """The search as it was asked for; 400 `invalid-parameter` for what cannot be searched for."""
    texts = {name: request.query_params[name] for name in SEARCH_TEXTS if name in request.query_params}
    if not texts.get("q", "").strip():
        raise InvalidParameter("q says what to look for.", parameter="q")
    for name, text in texts.items():
        if not text or len(text) > SEARCH_TEXTS[name] or "\0" in text:
            message = f"{name} is a text of 1 to {SEARCH_TEXTS[name]} characters, without NUL."
            raise InvalidParameter(message, parameter=name)
    return texts
