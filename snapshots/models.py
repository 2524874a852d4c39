"""Snapshot."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.models import User
from projects.models import Project
from runs.models import Run


class Snapshot(models.Model):
    """A work tree as it was, byte for byte; `run` is None for the project's own tree."""

    class Kind(models.TextChoices):
        BEFORE_RUN = "before_run"
        AFTER_RUN = "after_run"
        MANUAL = "manual"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="snapshots")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, blank=True, related_name="snapshots")
    attempt = models.PositiveIntegerField(null=True, blank=True)
    kind = models.CharField(max_length=30, choices=Kind)
    description = models.TextField(blank=True)
    ref = models.CharField(max_length=200, unique=True)
    commit = models.CharField(max_length=64)
    tree = models.CharField(max_length=64)
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children")
    files_changed = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    REF_PREFIX: ClassVar[str] = "refs/quarterdeck/snapshots/"

    def __str__(self) -> str:
        return f"{self.kind} {self.commit[:12]}"
