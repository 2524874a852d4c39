"""DocsState, GeneratedDocument: what was generated for a project, of which commit, and how far it is."""

from typing import Any, ClassVar, Self

from django.db import models
from django.utils import timezone

from projects.models import Project


class DocsStateQuerySet(models.QuerySet["DocsState"]):
    """Questions about the documents of projects."""

    def under_way(self) -> Self:
        """Those that are to be generated, or just are."""
        return self.filter(status__in=DocsState.UNDER_WAY)


class DocsState(models.Model):
    """How far a project's generated documents are. The project shows it (`Project.docs`) by this reverse relation.

    `commit` is of the documents that are there, `tried_commit` of the last try, which may have failed.
    """

    class Status(models.TextChoices):
        NONE = "none"
        QUEUED = "queued"
        GENERATING = "generating"
        READY = "ready"
        ERROR = "error"

    UNDER_WAY: ClassVar[frozenset[str]] = frozenset({Status.QUEUED, Status.GENERATING})

    project = models.OneToOneField(Project, on_delete=models.CASCADE, primary_key=True, related_name="docs_state")
    status = models.CharField(max_length=20, choices=Status, default=Status.NONE)
    error = models.JSONField(null=True, blank=True)
    commit = models.CharField(max_length=64, blank=True)
    tried_commit = models.CharField(max_length=64, blank=True)
    generator_version = models.PositiveIntegerField(default=0)
    queued_at = models.DateTimeField(null=True, blank=True)
    generated_at = models.DateTimeField(null=True, blank=True)
    lease_generation = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)

    objects = DocsStateQuerySet.as_manager()

    def __str__(self) -> str:
        return f"documents of {self.project_id}"

    @property
    def is_under_way(self) -> bool:
        """Whether a worker has it to do."""
        return self.status in self.UNDER_WAY


class GeneratedDocument(models.Model):
    """One managed document as it was generated of `DocsState.commit`.

    `text` is its auto-block, `content` the whole document with people's text, empty where it was left alone and
    `problem` says why: `{"message", "line"}`. `facts` is what the text was made of, as JSON, where the API gives it.
    `changed_at` is since when the content is as it is.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="generated_documents", db_index=False)
    slug = models.CharField(max_length=40)
    text = models.TextField(blank=True)
    content = models.BinaryField(null=True)
    blob = models.CharField(max_length=64, blank=True)
    problem: Any = models.JSONField(null=True, blank=True)
    facts: Any = models.JSONField(null=True, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="one_generated_document_per_slug")]

    def __str__(self) -> str:
        return f"{self.slug} of {self.project_id}"
