"""Snapshots: `/api/projects/{project}/snapshots`, `/api/runs/{run}/snapshots`, `/api/snapshots/{snapshot}…`."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.response import Response

from accounts.permissions import UserRequest
from config.api.views import ApiViewSet
from projects.errors import ProjectNotReady, RoleRequired
from projects.models import Membership, Project
from projects.permissions import require_role
from runs.errors import WorkspaceBusy
from runs.known_secrets import redactor_of_project
from runs.models import Run
from snapshots import serializers
from snapshots.comparing import compare
from snapshots.errors import WorkTreeMissing, WorkTreeNotRecordable, WorkTreeNotRestorable
from snapshots.filters import SnapshotFilterSet
from snapshots.models import Snapshot
from snapshots.services.restoring import restore_snapshot
from snapshots.services.taking import take_manual_snapshot

MAINTAINER = Membership.Role.MAINTAINER
_NO_TREE = (RoleRequired, ProjectNotReady, WorkspaceBusy, WorkTreeMissing, WorkTreeNotRecordable)


class SnapshotViewSet(RetrieveModelMixin, ListModelMixin, ApiViewSet):
    """Snapshots that the caller may see, newest first."""

    abilities = {
        "list": "projects:read",
        "create": "projects:write",
        "retrieve": "projects:read",
        "restore": "projects:write",
        "compare": "projects:read",
    }
    problems = {
        "create": _NO_TREE,
        "restore": (*_NO_TREE, WorkTreeNotRestorable),
        "compare": (ProjectNotReady, WorkspaceBusy, WorkTreeMissing, WorkTreeNotRecordable),
    }
    outside_transaction = frozenset({"create", "restore", "compare"})
    request: UserRequest
    filterset_class = SnapshotFilterSet
    serializer_class = serializers.SnapshotSerializer
    lookup_value_regex = r"\d{1,18}"
    queryset = Snapshot.objects.none()

    def get_queryset(self) -> QuerySet[Snapshot]:
        user = self.request.user
        parents: dict[str, Any] = self.kwargs
        if "project" in parents:
            return Snapshot.objects.filter(project=self._find_project(parents["project"])).select_related("restore")
        if "run" in parents:
            run = get_object_or_404(Run.objects.visible_to(user), pk=parents["run"])
            return Snapshot.objects.filter(run=run).select_related("restore")
        seen = Snapshot.objects.filter(project__in=Project.objects.visible_to(user).values("pk"))
        return seen.select_related("project", "run", "restore")

    def _find_project(self, pk: str) -> Project:
        project: Project = get_object_or_404(Project.objects.visible_to(self.request.user), pk=pk)
        return project

    def _read(self, kind: type[Any], project: Project) -> dict[str, Any]:
        body = kind(data=self.request.data, context={**self.get_serializer_context(), "project": project})
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        return data

    @extend_schema(request=serializers.ManualSnapshotSerializer, responses={201: serializers.SnapshotSerializer})
    def create(self, request: UserRequest, project: str) -> Response:
        """A snapshot of the project's work tree, or of a run's: untracked files included, ignored ones not."""
        found = self._find_project(project)
        require_role(found, request.user, MAINTAINER)
        body = self._read(serializers.ManualSnapshotSerializer, found)
        snapshot = take_manual_snapshot(found, actor=request.user, **body)
        headers = {"Location": f"/api/snapshots/{snapshot.pk}"}
        return Response(self.get_serializer(snapshot).data, status=status.HTTP_201_CREATED, headers=headers)

    @extend_schema(request=None, responses=serializers.RestoredSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: UserRequest, pk: str) -> Response:
        """Makes the work tree equal to the snapshot, byte for byte, after a snapshot of what is there."""
        snapshot: Snapshot = self.get_object()
        require_role(snapshot.project, request.user, MAINTAINER)
        self.refuse_body(request)
        restore = restore_snapshot(snapshot, actor=request.user)
        answer = {"restored": snapshot, "checkpoint": restore.checkpoint}
        return Response(serializers.RestoredSerializer(answer).data)

    @extend_schema(request=serializers.CompareSerializer, responses=serializers.ComparisonSerializer)
    @action(detail=True, methods=["post"])
    def compare(self, request: UserRequest, pk: str) -> Response:
        """What changed from this snapshot to another one, or to the work tree as it is now."""
        snapshot: Snapshot = self.get_object()
        body = self._read(serializers.CompareSerializer, snapshot.project)
        context = {"redactor": redactor_of_project(snapshot.project_id)}
        return Response(serializers.ComparisonSerializer(compare(snapshot, body["against"]), context=context).data)
