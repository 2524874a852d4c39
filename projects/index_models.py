"""ProjectIndex, BlobAnalysis: what the database knows of code indexes, which are files (docs/code-index.md)."""

from pathlib import Path
from typing import Any

from django.db import models
from django.utils import timezone

NO_INDEX: dict[str, Any] = {
    "status": "none",
    "progress": None,
    "commit": None,
    "indexed_at": None,
    "files": 0,
    "chunks": 0,
    "skipped": 0,
    "error": None,
}
"""What is shown of a project that nobody has asked an index for."""


class ProjectIndex(models.Model):
    """The code index of a project's default branch. Its file serves until another takes its place."""

    class Status(models.TextChoices):
        NONE = "none"
        QUEUED = "queued"
        INDEXING = "indexing"
        READY = "ready"
        ERROR = "error"

    class Work(models.TextChoices):
        NOTHING = ""
        UPDATE = "update"  # from the index that there is, where that can be built upon
        REBUILD = "rebuild"  # every file is parsed anew

    UNDER_WAY = frozenset({Status.QUEUED, Status.INDEXING})

    project = models.OneToOneField("projects.Project", on_delete=models.CASCADE, related_name="code_index")
    status = models.CharField(max_length=20, choices=Status, default=Status.NONE)
    wanted = models.CharField(max_length=20, choices=Work, default=Work.NOTHING, blank=True)  # to be begun
    doing = models.CharField(max_length=20, choices=Work, default=Work.NOTHING, blank=True)  # since it was claimed last
    progress = models.JSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    file_name = models.CharField(max_length=120, blank=True)
    commit = models.CharField(max_length=64, null=True, blank=True)
    extractor_version = models.CharField(max_length=40, blank=True)
    indexed_at = models.DateTimeField(null=True, blank=True)
    files = models.PositiveIntegerField(default=0)
    chunks = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    lease_generation = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "project indexes"

    def __str__(self) -> str:
        return f"index of {self.project_id}"

    @property
    def path(self) -> Path | None:
        """The file that serves; None where there is none."""
        return self.project.indexes_path / self.file_name if self.file_name else None

    @property
    def shown(self) -> dict[str, Any]:
        """What is shown of it."""
        return {name: getattr(self, name) for name in NO_INDEX}


class BlobAnalysis(models.Model):
    """What parsing a content has given, for all projects and commits that have it. A cache: anything in it may go."""

    blob = models.CharField(max_length=64)
    path_kind = models.CharField(max_length=40)
    extractor_version = models.CharField(max_length=40)
    packed = models.BinaryField()
    used_on = models.DateField(default=timezone.localdate, db_index=True)

    class Meta:
        verbose_name_plural = "blob analyses"
        constraints = [
            models.UniqueConstraint(fields=["blob", "path_kind", "extractor_version"], name="one_analysis_of_a_blob")
        ]

    def __str__(self) -> str:
        return f"{self.path_kind} {self.blob}"
