"""WorkerProcess: who carries out what waits in a queue."""

from django.db import models
from django.utils import timezone


class WorkerProcess(models.Model):
    """A worker that is, or was, alive: its name, queue and last sign of life."""

    name = models.CharField(max_length=64, unique=True)
    queue = models.CharField(max_length=32)
    started_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "worker processes"

    def __str__(self) -> str:
        return self.name
