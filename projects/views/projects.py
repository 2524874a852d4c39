"""`/api/projects…`: thin doors to projects.services."""

from collections.abc import Callable
from typing import Any

from django.db.models import F
from django.db.models.functions import Lower
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts.permissions import UserRequest
from config.api.looking import filtered, look_for
from config.api.serializers import represent
from config.api.views import ApiViewSet
from projects.errors import DiskQuotaExceeded, ProjectNotReady, RoleRequired
from projects.filters import ProjectFilterSet
from projects.models import Membership, Project, ProjectQuerySet
from projects.permissions import require_role
from projects.queries import describe, few_projects_of, is_visible_to
from projects.serializers import ProjectSerializer
from projects.services import lifecycle
from settings_params.errors import SecretUnreadable

Role = Membership.Role


class ProjectViewSet(ApiViewSet):
    """Projects that the caller may see."""

    abilities = {
        "list": "projects:read",
        "create": "projects:write",
        "retrieve": "projects:read",
        "update": "projects:write",
        "destroy": "projects:write",
        "clone": "projects:write",
        "pull": "projects:write",
    }
    problems = {
        "create": (SecretUnreadable,),
        **dict.fromkeys(("update", "destroy", "pull"), (RoleRequired, ProjectNotReady)),
        "clone": (RoleRequired, ProjectNotReady, DiskQuotaExceeded),
    }
    request: UserRequest
    filterset_class = ProjectFilterSet
    orderings = {
        "name": Lower("name"),
        "createdAt": F("created_at"),
        "updatedAt": F("updated_at"),
        "lastPulledAt": F("last_pulled_at"),
    }
    serializer_class = ProjectSerializer
    lookup_value_regex = r"\d{1,18}"
    queryset = Project.objects.none()

    def get_queryset(self) -> ProjectQuerySet:
        return Project.objects.visible_to(self.request.user).with_index()

    def _show(self, project: Project) -> Any:
        describe(self.request.user, [project])
        return represent(ProjectSerializer, project)

    def list(self, request: UserRequest) -> Response:
        """The projects that the caller may see; archived ones only with `?status=archived`."""
        few = few_projects_of(request.user)
        if few is None:
            projects = self.filter_queryset(look_for(Project.objects.with_index(), is_visible_to(request.user)))
        else:
            projects = filtered(self.filter_queryset(Project.objects.with_index().filter(pk__in=few)))
        page: list[Any] = self.paginate_queryset(projects) or []
        describe(request.user, page)
        return self.get_paginated_response([represent(ProjectSerializer, project) for project in page])

    def create(self, request: UserRequest) -> Response:
        """Creates a project; its clone is queued with it."""
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        project = lifecycle.create_project(actor=request.user, **body.validated_data)
        headers = {"Location": f"/api/projects/{project.pk}"}
        return Response(self._show(project), status=status.HTTP_201_CREATED, headers=headers)

    def retrieve(self, request: UserRequest, pk: str) -> Response:
        """One project."""
        return Response(self._show(self.get_object()))

    def update(self, request: UserRequest, pk: str) -> Response:
        """Changes name, description, default branch or defaults; absent members stay."""
        project = self.get_object()
        require_role(project, request.user, Role.OWNER)
        body = self.get_serializer(project, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        lifecycle.edit_project(project, actor=request.user, **body.validated_data)
        return Response(self._show(project))

    def destroy(self, request: UserRequest, pk: str) -> Response:
        """Archives the project; its runs must be over."""
        project = self.get_object()
        require_role(project, request.user, Role.OWNER)
        lifecycle.archive_project(project, actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _queue(self, request: UserRequest, least: Membership.Role, ask: Callable[..., None]) -> Response:
        """Background work that takes no body: the project with its new status."""
        project = self.get_object()
        require_role(project, request.user, least)
        self.refuse_body(request)
        ask(project, actor=request.user)
        return Response(self._show(project), status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses={202: ProjectSerializer})
    @action(detail=True, methods=["post"])
    def clone(self, request: UserRequest, pk: str) -> Response:
        """Clones again, from `error` or `archived`."""
        return self._queue(request, Role.OWNER, lifecycle.request_clone)

    @extend_schema(request=None, responses={202: ProjectSerializer})
    @action(detail=True, methods=["post"])
    def pull(self, request: UserRequest, pk: str) -> Response:
        """Moves the default branch forwards to where the remote's is; a pull under way already is this one."""
        return self._queue(request, Role.MAINTAINER, lifecycle.request_pull)
