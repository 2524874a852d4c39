"""Attachment: a file that somebody has uploaded for an agent, used by one prompt or message, or by none yet."""

from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from config.api.times import format_time
from runs.models.run import Run, RunMessage


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    """Questions about attachments."""

    def visible_to(self, user: User) -> Self:
        """One's own that are not used yet, and those of the runs that one may see."""
        own = Q(run=None, created_by=user)
        return self.filter(own | Q(run__in=Run.objects.visible_to(user).values("pk")), is_kept=True)

    def unused_of(self, user: User) -> Self:
        """Those that the user may put into a prompt."""
        return self.filter(run=None, created_by=user, is_kept=True)


class Attachment(models.Model):
    """Name and type were decided here, by the bytes. The row comes before its file, and goes after it."""

    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, related_name="attachments")
    message = models.ForeignKey(RunMessage, on_delete=models.SET_NULL, null=True, related_name="attachments")
    name = models.CharField(max_length=100)
    media_type = models.CharField(max_length=40)
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    file = models.FileField(max_length=200)
    is_kept = models.BooleanField(default=False)  # its file is whole
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["created_at"], condition=Q(run=None), name="unused_attachments")]

    def __str__(self) -> str:
        return self.name

    @property
    def facts(self) -> dict[str, Any]:
        """What is shown of it, and kept with the prompt that uses it."""
        return {
            "id": self.pk,
            "name": self.name,
            "media_type": self.media_type,
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "created_at": format_time(self.created_at),
        }
