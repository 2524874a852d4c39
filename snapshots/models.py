"""Snapshot, Restore, Collection."""

from typing import ClassVar
from urllib.parse import quote_from_bytes, unquote_to_bytes

from django.db import models
from django.utils import timezone

from accounts.models import User
from projects.git.trees import LeftOut
from projects.models import Project
from runs.models import Run


class Snapshot(models.Model):
    """A work tree as it was, byte for byte; `run` is None for the project's own tree."""

    class Kind(models.TextChoices):
        BEFORE_RUN = "before_run"
        AFTER_RUN = "after_run"
        CHECKPOINT = "checkpoint"
        MANUAL = "manual"
        RESTORE_CHECKPOINT = "restore_checkpoint"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="snapshots", db_index=False)
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, null=True, blank=True, related_name="snapshots", db_index=False
    )
    attempt = models.PositiveIntegerField(null=True, blank=True)
    kind = models.CharField(max_length=30, choices=Kind)
    description = models.TextField(blank=True)
    ref = models.CharField(max_length=200, unique=True)
    commit = models.CharField(max_length=64)
    tree = models.CharField(max_length=64)
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children")
    files_changed = models.PositiveIntegerField(default=0)
    left_out_files = models.JSONField(default=list, blank=True)  # [name, percent-encoded; bytes], too large to be kept
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    REF_PREFIX: ClassVar[str] = "refs/quarterdeck/snapshots/"

    class Meta:
        indexes = [
            models.Index(fields=["project", "id"], name="snapshots_of_a_project"),
            models.Index(fields=["run", "id"], name="snapshots_of_a_run"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.commit[:12]}"

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Files that were too large to be recorded: a restore leaves what is there alone."""
        return tuple(LeftOut(unquote_to_bytes(name), size) for name, size in self.left_out_files)

    @left_out.setter
    def left_out(self, files: tuple[LeftOut, ...]) -> None:
        self.left_out_files = [[quote_from_bytes(file.path), file.size_bytes] for file in files]


class Restore(models.Model):
    """A work tree being made equal to a snapshot, after its present state was kept as the checkpoint.

    From the commit of this row on the restore takes place: whoever finds it under way and nobody at it finishes it.
    """

    class Status(models.TextChoices):
        UNDER_WAY = "under_way"
        DONE = "done"
        FAILED = "failed"

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="restores")
    checkpoint = models.OneToOneField(Snapshot, on_delete=models.CASCADE, related_name="restore")
    status = models.CharField(max_length=20, choices=Status, default=Status.UNDER_WAY)
    error = models.JSONField(null=True, blank=True)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    begun_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["status", "id"], name="restores_by_status")]

    def __str__(self) -> str:
        return f"{self.status} restore of {self.snapshot_id}"


class Collection(models.Model):
    """The last collection of a project's objects: when, what came of it, and what the objects took before and after."""

    class Status(models.TextChoices):
        WANTED = "wanted"
        UNDER_WAY = "under_way"
        DONE = "done"
        FAILED = "failed"

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="collection")
    status = models.CharField(max_length=20, choices=Status, default=Status.WANTED)
    error = models.JSONField(null=True, blank=True)
    begun_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    bytes_before = models.BigIntegerField(null=True, blank=True)
    bytes_after = models.BigIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return f"collection of {self.project_id}: {self.status}"
