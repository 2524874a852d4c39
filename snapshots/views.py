"""Snapshots: `/api/projects/{project}/snapshots`, `/api/runs/{run}/snapshots`, `/api/snapshots/{snapshot}`."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin

from accounts.permissions import UserRequest
from config.api.views import ApiViewSet
from projects.models import Project
from runs.models import Run
from snapshots.models import Snapshot


class SnapshotSerializer(serializers.ModelSerializer[Snapshot]):
    """A snapshot."""

    class Meta:
        model = Snapshot
        fields = (
            "id",
            "project_id",
            "run_id",
            "attempt",
            "kind",
            "description",
            "commit",
            "tree",
            "parent_id",
            "files_changed",
            "created_by",
            "created_at",
        )
        read_only_fields = fields


class SnapshotViewSet(RetrieveModelMixin, ListModelMixin, ApiViewSet):
    """Snapshots that the caller may see, newest first."""

    abilities = {"list": "projects:read", "retrieve": "projects:read"}
    request: UserRequest
    serializer_class = SnapshotSerializer
    lookup_value_regex = r"\d{1,18}"
    queryset = Snapshot.objects.none()

    def get_queryset(self) -> QuerySet[Snapshot]:
        user = self.request.user
        snapshots = Snapshot.objects.filter(project__in=Project.objects.visible_to(user).values("pk"))
        parents: dict[str, Any] = self.kwargs
        if "project" in parents:
            return snapshots.filter(project=get_object_or_404(Project.objects.visible_to(user), pk=parents["project"]))
        if "run" in parents:
            return snapshots.filter(run=get_object_or_404(Run.objects.visible_to(user), pk=parents["run"]))
        return snapshots
