"""`/api/runs`: create, look at, edit, delete."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from accounts.permissions import UserRequest
from config.api.serializers import represent
from projects.errors import DiskQuotaExceeded, ProjectNotReady, RoleRequired
from projects.models import Project
from projects.permissions import require_role
from runs.errors import RunNotEditable
from runs.filters import AllRunsFilterSet
from runs.models import Run, RunQuerySet
from runs.pages import MemberRunPages
from runs.serializers import RunDraftSerializer, RunListSerializer, RunSerializer
from runs.services import lifecycle
from runs.summaries import describe
from runs.views.base import MAINTAINER, RunDoor
from runs.views.limits import group_of_creation


class RunViewSet(RunDoor):
    """Runs of the projects that the caller may see."""

    abilities = {
        "list": "projects:read",
        "create": "runs:start",
        "retrieve": "projects:read",
        "update": "runs:start",
        "destroy": "runs:start",
    }
    problems = {
        "create": (RoleRequired, ProjectNotReady, DiskQuotaExceeded),
        "update": (RoleRequired, ProjectNotReady, RunNotEditable),
        "destroy": (RoleRequired, ProjectNotReady, RunNotEditable),
    }
    limit_groups = {"create": group_of_creation}
    filterset_class = AllRunsFilterSet
    orderings = {"createdAt": None}  # ids are given in that order

    def get_queryset(self) -> RunQuerySet:
        if "project" not in self.kwargs:
            return self.visible_runs()
        project = get_object_or_404(Project.objects.visible_to(self.request.user), pk=self.kwargs["project"])
        return Run.objects.filter(project=project)

    def check_visible(self) -> None:
        super().check_visible()
        self.get_queryset()

    @property
    def paginator(self) -> Any:
        """Not by `pagination_class`, which the document reads without a request."""
        if self._is_of_a_member and not hasattr(self, "_paginator"):
            self._paginator = MemberRunPages()
        return super().paginator

    @property
    def _is_of_a_member(self) -> bool:
        return "project" not in self.kwargs and not self.request.user.is_operator

    def _listed(self) -> RunQuerySet:
        return Run.objects.all() if self._is_of_a_member else self.get_queryset()  # its pages look at who may see what

    @extend_schema(responses=RunListSerializer(many=True))
    def list(self, request: UserRequest, project: str | None = None) -> Response:
        """Runs, newest first."""
        page: list[Any] = self.paginate_queryset(self.filter_queryset(self._listed())) or []
        describe(page)
        return self.get_paginated_response([represent(RunListSerializer, run) for run in page])

    @extend_schema(request=RunDraftSerializer, responses={201: RunSerializer})
    def create(self, request: UserRequest) -> Response:
        """Creates a draft; with `start` it is queued at once."""
        fields = self.read_body(RunDraftSerializer, request)
        project = fields.pop("project")
        require_role(project, request.user, MAINTAINER)
        run = lifecycle.create_run(project, actor=request.user, **fields)
        return self.show(run, status.HTTP_201_CREATED, headers={"Location": f"/api/runs/{run.pk}"})

    def retrieve(self, request: UserRequest, pk: str) -> Response:
        """One run with its timeline."""
        return self.show(self.find_run(pk))

    @extend_schema(request=RunDraftSerializer)
    def update(self, request: UserRequest, pk: str) -> Response:
        """Edits a draft; absent members stay."""
        run = self.find_run(pk, to_change=True)
        body = RunDraftSerializer(run, data=request.data, partial=True, context=self.get_serializer_context())
        body.is_valid(raise_exception=True)
        lifecycle.edit_draft(run, actor=request.user, **body.validated_data)
        return self.show(run)

    def destroy(self, request: UserRequest, pk: str) -> Response:
        """Deletes a draft."""
        lifecycle.delete_draft(self.find_run(pk, to_change=True))
        return Response(status=status.HTTP_204_NO_CONTENT)
