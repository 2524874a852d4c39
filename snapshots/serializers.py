"""The shapes of snapshots."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.serializers import RowIdField, StrictSerializer
from projects.git.changes import display_path
from projects.git.trees import LeftOut
from projects.models import Project
from projects.serializers import ErrorSerializer
from runs.models import Run
from runs.redaction import Redactor
from snapshots.comparing import Comparison
from snapshots.models import Restore, Snapshot

MAX_DESCRIPTION_CHARACTERS = 1000
CURRENT = "current"


class LeftOutFileSerializer(serializers.Serializer[LeftOut]):
    """A file that was too large for a snapshot."""

    path = serializers.SerializerMethodField()
    size_bytes = serializers.IntegerField()

    def get_path(self, file: LeftOut) -> str:
        return file.path.decode("utf-8", "replace")


class RestoreSerializer(serializers.ModelSerializer[Restore]):
    """The restore that a checkpoint was taken for: of which snapshot, and what became of it."""

    error = ErrorSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Restore
        fields = ("snapshot_id", "status", "error", "begun_at", "finished_at")
        read_only_fields = fields


class SnapshotSerializer(serializers.ModelSerializer[Snapshot]):
    """A snapshot."""

    left_out = LeftOutFileSerializer(many=True, read_only=True)
    restore = serializers.SerializerMethodField()

    class Meta:
        model = Snapshot
        fields = (
            *("id", "project_id", "run_id", "attempt", "kind", "description", "commit", "tree"),
            *("parent_id", "files_changed", "left_out", "restore", "created_by", "created_at"),
        )
        read_only_fields = fields

    @extend_schema_field(RestoreSerializer(allow_null=True))
    def get_restore(self, snapshot: Snapshot) -> Any:
        restore = getattr(snapshot, "restore", None)
        return None if restore is None else RestoreSerializer(restore).data


class RestoredSerializer(serializers.Serializer[Any]):
    """The snapshot that a tree was made equal to, and the one that was taken of it before."""

    restored = SnapshotSerializer()
    checkpoint = SnapshotSerializer()


class IdInProjectField(RowIdField):
    """The id of something in the project at hand; what belongs to another one does not exist here."""

    def get_queryset(self) -> Any:
        project: Project = self.context["project"]
        rows: Any = super().get_queryset()
        return rows.filter(project=project)


class ManualSnapshotSerializer(StrictSerializer):
    """What a person says of a new snapshot."""

    description = serializers.CharField(max_length=MAX_DESCRIPTION_CHARACTERS)
    run_id = IdInProjectField(source="run", queryset=Run.objects.all(), required=False, allow_null=True, default=None)


@extend_schema_field({"oneOf": [{"type": "string", "const": CURRENT}, {"type": "integer"}]})
class AgainstField(IdInProjectField):
    """`"current"`, which is None here, or the id of a snapshot of the same project."""

    def to_internal_value(self, data: Any) -> Any:
        return None if data == CURRENT else super().to_internal_value(data)


class CompareSerializer(StrictSerializer):
    """What to compare a snapshot with."""

    against = AgainstField(queryset=Snapshot.objects.all())


class ChangeSerializer(serializers.Serializer[Any]):
    """A file that differs."""

    path = serializers.CharField(source="display_path")
    old_path = serializers.SerializerMethodField()
    change_type = serializers.CharField()
    additions = serializers.IntegerField()
    deletions = serializers.IntegerField()
    binary = serializers.BooleanField(source="is_binary")
    size_bytes = serializers.IntegerField()

    def get_old_path(self, change: Any) -> str | None:
        return None if change.old_path is None else display_path(change.old_path)


class StatsSerializer(serializers.Serializer[Any]):
    """How much differs."""

    files = serializers.IntegerField()
    additions = serializers.IntegerField()
    deletions = serializers.IntegerField()


class ComparisonSerializer(serializers.Serializer[Comparison]):
    """What changed from the snapshot to the other side; the diff is for display."""

    files = ChangeSerializer(many=True)
    stats = StatsSerializer()
    diff = serializers.SerializerMethodField()
    truncated = serializers.BooleanField(
        source="is_cut", help_text="Whether files were left out: past 1 MiB, or over 64 MiB each."
    )
    lossy = serializers.SerializerMethodField()

    def get_diff(self, comparison: Comparison) -> str:
        redactor: Redactor = self.context["redactor"]
        return redactor.text(comparison.diff.decode("utf-8", "replace"))

    def get_lossy(self, comparison: Comparison) -> bool:
        return self.get_diff(comparison).encode() != comparison.diff
