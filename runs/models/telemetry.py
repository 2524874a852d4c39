"""AgentEvent, WorkspaceFile, CommandExecution: what an agent has said, changed and run."""

from django.db import models

from projects.models import Project
from runs.models.run import Run, RunAttempt

USER_STREAM_TYPES = frozenset(
    {
        *("run_created", "run_queued", "run_started", "run_paused", "run_resumed", "run_cancelled"),
        *("run_failed", "run_completed", "run_retried", "run_recovered"),
        *("permission_requested", "permission_resolved", "review_submitted"),
        *("git_committed", "git_pushed", "git_push_failed", "project_updated"),
    }
)


class AgentEvent(models.Model):
    """One line of a run's log, never changed. `seq` counts a run's events from 1; ids grow in commit order.

    An event of a project itself, for the user stream, has no run and is not counted.

    `body` is the event's public JSON without its opening `{"id":…,`: encoded once, read many times.
    """

    class Severity(models.TextChoices):
        DEBUG = "debug"
        INFO = "info"
        NOTICE = "notice"
        WARNING = "warning"
        ERROR = "error"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="events")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, blank=True, related_name="events", db_index=False)
    seq = models.PositiveIntegerField(null=True, blank=True)
    attempt = models.PositiveIntegerField(null=True, blank=True)
    event_type = models.CharField(max_length=40)
    severity = models.CharField(max_length=10, choices=Severity)
    path = models.TextField(null=True, blank=True)
    body = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "seq"], name="one_event_per_seq"),
            models.CheckConstraint(
                condition=models.Q(run=None, seq=None, attempt=None)
                | models.Q(run__isnull=False, seq__isnull=False, attempt__isnull=False),
                name="events_of_runs_are_counted",
            ),
        ]
        indexes = [
            models.Index(fields=["run", "id"], name="events_of_a_run"),
            # A run's timeline counts its events by type: 100,000 rows from this index alone.
            models.Index(fields=["run", "event_type", "id"], name="events_of_a_run_by_type"),
            # Few of all events: the user stream finds them without a look at the others. Queries must say it literally.
            models.Index(
                fields=["id"],
                name="events_of_the_user_stream",
                condition=models.Q(event_type__in=sorted(USER_STREAM_TYPES)) | models.Q(run=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.run_id}/{self.seq}"


class WorkspaceFile(models.Model):
    """A file that an attempt has changed, against its base commit."""

    attempt = models.ForeignKey(RunAttempt, on_delete=models.CASCADE, related_name="files", db_index=False)
    path = models.TextField()
    old_path = models.TextField(null=True, blank=True)
    change_type = models.CharField(max_length=10)
    additions = models.PositiveIntegerField(default=0)
    deletions = models.PositiveIntegerField(default=0)
    binary = models.BooleanField(default=False)
    size_bytes = models.BigIntegerField(default=0)
    old_blob = models.CharField(max_length=64, null=True, blank=True)
    new_blob = models.CharField(max_length=64, null=True, blank=True)
    old_mode = models.CharField(max_length=6, null=True, blank=True)
    new_mode = models.CharField(max_length=6, null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["attempt", "path"], name="files_of_an_attempt"),
            models.Index(fields=["attempt", "id"], name="files_in_order"),
        ]

    def __str__(self) -> str:
        return self.path


class CommandExecution(models.Model):
    """A command that an agent has run, or the server before and after it, with its outputs kept as blobs."""

    class Phase(models.TextChoices):
        AGENT = "agent"
        SETUP = "setup"
        TEARDOWN = "teardown"

    class Status(models.TextChoices):
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"
        LOST = "lost"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="commands", db_index=False)
    attempt = models.PositiveIntegerField()
    tool_call_id = models.CharField(max_length=200)
    phase = models.CharField(max_length=10, choices=Phase, default=Phase.AGENT)
    command = models.TextField()
    cwd = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    exit_code = models.IntegerField(null=True, blank=True)
    started_at = models.DateTimeField()
    duration_ms = models.BigIntegerField(null=True, blank=True)
    stdout_bytes = models.BigIntegerField(default=0)
    stderr_bytes = models.BigIntegerField(default=0)
    stdout_kept_bytes = models.BigIntegerField(default=0)
    stderr_kept_bytes = models.BigIntegerField(default=0)
    stdout = models.FileField(max_length=300, blank=True)
    stderr = models.FileField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["run", "id"], name="commands_of_a_run"),
            models.Index(fields=["run", "attempt", "id"], name="commands_of_an_attempt"),
            # Each piece of output looks its command up.
            models.Index(fields=["run", "attempt", "tool_call_id"], name="commands_by_the_agents_name"),
        ]

    def __str__(self) -> str:
        return self.command[:80]

    @property
    def stdout_truncated(self) -> bool:
        """Whether only the beginning was kept, or nothing: the command or the run had put out too much."""
        return self.stdout_kept_bytes < self.stdout_bytes

    @property
    def stderr_truncated(self) -> bool:
        return self.stderr_kept_bytes < self.stderr_bytes
