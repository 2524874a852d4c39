"""JSON of what an agent did: changed files, and commands with their outputs."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from config.api.renderers import Verbatim
from runs import shapes
from runs.blobs import sign
from runs.models import CommandExecution, WorkspaceFile


class FileSerializer(serializers.ModelSerializer[WorkspaceFile]):
    """A changed file."""

    class Meta:
        model = WorkspaceFile
        fields: tuple[str, ...] = (
            *("id", "path", "old_path", "change_type", "additions", "deletions", "binary", "size_bytes"),
        )
        read_only_fields = fields


class FileDetailSerializer(FileSerializer):
    """A changed file with its diff, for display; `Accept: text/x-diff` gives every byte of it."""

    diff = serializers.SerializerMethodField()
    truncated = serializers.SerializerMethodField(
        help_text="Whether the end of the diff, past 1 MiB, was left out, or all of it: of a file over 64 MiB."
    )
    lossy = serializers.SerializerMethodField(
        help_text="Whether bytes that are not UTF-8 were replaced, or secrets redacted."
    )
    hunks = serializers.SerializerMethodField()
    indivisible = serializers.SerializerMethodField()
    tree = serializers.CharField(source="attempt.tree", read_only=True, help_text="The tree that the diff leads to.")

    class Meta(FileSerializer.Meta):
        fields = (
            *FileSerializer.Meta.fields,
            *("old_blob", "new_blob", "old_mode", "new_mode", "diff", "truncated", "lossy", "hunks", "indivisible"),
            "tree",
        )
        read_only_fields = fields

    def get_diff(self, file: WorkspaceFile) -> str:
        diff: str = self.context["diff"]
        return diff

    def get_truncated(self, file: WorkspaceFile) -> bool:
        truncated: bool = self.context["truncated"]
        return truncated

    def get_lossy(self, file: WorkspaceFile) -> bool:
        lossy: bool = self.context["lossy"]
        return lossy

    @extend_schema_field(shapes.HunkSerializer(many=True))
    def get_hunks(self, file: WorkspaceFile) -> Any:
        return Verbatim(self.context["hunks"])

    @extend_schema_field(shapes.INDIVISIBLE)
    def get_indivisible(self, file: WorkspaceFile) -> str | None:
        reason: str | None = self.context["indivisible"]
        return reason


class CommandSerializer(serializers.ModelSerializer[CommandExecution]):
    """A command that the agent ran, or the server in the phases before and after it."""

    class Meta:
        model = CommandExecution
        fields: tuple[str, ...] = (
            *("id", "run_id", "attempt", "phase", "command", "cwd", "status", "exit_code", "started_at", "duration_ms"),
            *("stdout_bytes", "stderr_bytes"),
        )
        read_only_fields = fields


class CommandDetailSerializer(CommandSerializer):
    """A command with addresses of its outputs, good for ten minutes."""

    stdout_url = serializers.SerializerMethodField()
    stderr_url = serializers.SerializerMethodField()
    stdout_truncated = serializers.BooleanField(read_only=True)
    stderr_truncated = serializers.BooleanField(read_only=True)

    class Meta(CommandSerializer.Meta):
        fields = (
            *CommandSerializer.Meta.fields,
            *("stdout_url", "stderr_url", "stdout_truncated", "stderr_truncated"),
        )
        read_only_fields = fields

    def _url(self, command: CommandExecution, stream: str) -> str | None:
        if not getattr(command, stream):
            return None
        request = self.context["request"]
        user: User = request.user
        url: str = request.build_absolute_uri(reverse("blob", args=[sign(user, command, stream)]))
        return url

    def get_stdout_url(self, command: CommandExecution) -> str | None:
        return self._url(command, "stdout")

    def get_stderr_url(self, command: CommandExecution) -> str | None:
        return self._url(command, "stderr")
