"""Run, RunAttempt, RunMessage, AgentEvent, WorkspaceFile, CommandExecution, Permission, RunReview, WorkerProcess."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from django.db import models
from django.utils import timezone

from accounts.models import User
from projects.models import Project, Workspace
from runs.timeline import empty_timeline


@dataclass(frozen=True)
class RunFacts:
    """What is shown of a run beside its row (runs.summaries). `usage` is that of all attempts."""

    attempt: "RunAttempt | None"
    review: "RunReview | None"
    usage: Mapping[str, Any]
    pending_permissions: int
    queue_position: int | None


class RunQuerySet(models.QuerySet["Run"]):
    """Questions about runs."""

    def visible_to(self, user: User) -> Self:
        """Runs of the projects that the user may see."""
        return self if user.is_operator else self.filter(project__memberships__user=user)

    def active(self) -> Self:
        """Runs that are not at rest."""
        return self.filter(status__in=Run.ACTIVE)


class Run(models.Model):
    """One prompt given to one agent on one project, with its branch, events and review."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        QUEUED = "queued"
        RUNNING = "running"
        PAUSED = "paused"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class PushStatus(models.TextChoices):
        QUEUED = "queued"
        PUSHING = "pushing"
        PUSHED = "pushed"
        FAILED = "failed"

    ACTIVE: ClassVar[frozenset[str]] = frozenset({Status.QUEUED, Status.RUNNING, Status.PAUSED})
    AT_REST: ClassVar[frozenset[str]] = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs", db_index=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=200)
    prompt = models.TextField()
    status = models.CharField(max_length=20, choices=Status, default=Status.DRAFT)
    selected_agent = models.CharField(max_length=40)
    selected_model = models.CharField(max_length=120, null=True, blank=True)
    rag_enabled = models.BooleanField(default=True)
    safe_mode = models.BooleanField(default=True)
    attempt = models.PositiveIntegerField(default=1)
    error = models.JSONField(null=True, blank=True)
    last_seq = models.PositiveIntegerField(default=0)
    last_event_id = models.BigIntegerField(null=True, blank=True)
    expired_event_id = models.BigIntegerField(default=0)  # events up to this one are no longer kept
    timeline = models.JSONField(default=empty_timeline)  # see runs.timeline
    lease_generation = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    lost_workers = models.PositiveIntegerField(default=0)  # since a person last set it going
    created_at = models.DateTimeField(default=timezone.now)
    queued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    limit_from = models.DateTimeField(null=True, blank=True)  # the time limit counts from here: a pause moves it on
    paused_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()
    facts: RunFacts  # once it has been described

    class Meta:
        indexes = [
            models.Index(fields=["project", "-id"], name="runs_of_a_project"),
            models.Index(fields=["project", "status", "-id"], name="runs_of_a_project_by_status"),
            models.Index(fields=["status", "id"], name="runs_by_status"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.title}"

    @property
    def has_agent(self) -> bool:
        """Whether a worker holds the run: its agent may still be moving in the work tree."""
        return self.lease_expires_at is not None and self.lease_expires_at > timezone.now()

    @property
    def problem_members(self) -> dict[str, Any]:
        """What a conflict tells of the run."""
        return {"run_id": self.pk, "current_status": self.status}


class RunCount(models.Model):
    """How many runs of a project are in a status. `services.counting` keeps it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="run_counts", db_index=False)
    status = models.CharField(max_length=20, choices=Run.Status)
    number = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "status"], name="one_number_per_status")]

    def __str__(self) -> str:
        return f"{self.number} {self.status} of {self.project_id}"


class RunAttempt(models.Model):
    """One try at a run's prompt: its branch, work tree and results. It grows by retry only."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    workspace = models.OneToOneField(
        Workspace, on_delete=models.PROTECT, null=True, blank=True, related_name="run_attempt"
    )
    pruned_at = models.DateTimeField(null=True, blank=True)  # its work tree was removed; what it held is in:
    rescue_ref = models.CharField(max_length=200, blank=True)
    rescue_dropped_at = models.DateTimeField(null=True, blank=True)  # a person needed it no more
    # The project's as they were when the attempt began, and how many of them have been done.
    setup_commands = models.JSONField(default=list, blank=True)
    teardown_commands = models.JSONField(default=list, blank=True)
    setup_done = models.PositiveIntegerField(default=0)
    teardown_done = models.PositiveIntegerField(default=0)
    branch = models.CharField(max_length=255)
    base_commit = models.CharField(max_length=64)
    head_commit = models.CharField(max_length=64, null=True, blank=True)
    tree = models.CharField(max_length=64, null=True, blank=True)
    session_id = models.CharField(max_length=200, blank=True)
    prompted_text = models.TextField(blank=True)
    is_prompt_done = models.BooleanField(default=False)
    summary = models.JSONField(null=True, blank=True)
    commit = models.CharField(max_length=64, null=True, blank=True)
    committed_tree = models.CharField(max_length=64, null=True, blank=True)
    committed_at = models.DateTimeField(null=True, blank=True)
    pushed_at = models.DateTimeField(null=True, blank=True)
    push_status = models.CharField(max_length=20, choices=Run.PushStatus, null=True, blank=True)
    push_error = models.JSONField(null=True, blank=True)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_row_per_attempt")]

    def __str__(self) -> str:
        return f"attempt {self.number} of run {self.run_id}"

    @property
    def has_work_tree(self) -> bool:
        """Whether there is a tree to look at and go on in; not before it was made, nor after it was pruned."""
        return self.workspace_id is not None and self.pruned_at is None


class RunMessage(models.Model):
    """A follow-up for a run's agent: a turn of its own in the same session, in the order of arrival."""

    class Status(models.TextChoices):
        PENDING = "pending"
        GIVEN = "given"
        DONE = "done"
        DROPPED = "dropped"

    OPEN: ClassVar[frozenset[str]] = frozenset({Status.PENDING, Status.GIVEN})

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="messages")
    attempt = models.PositiveIntegerField()
    text = models.TextField()
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["run", "status", "id"], name="messages_of_a_run")]

    def __str__(self) -> str:
        return self.text[:80]


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
        """Whether only the beginning was kept, or nothing: the run had put out too much."""
        return self.stdout_kept_bytes < self.stdout_bytes

    @property
    def stderr_truncated(self) -> bool:
        return self.stderr_kept_bytes < self.stderr_bytes


class Permission(models.Model):
    """A question of the agent's: may I? The first answer counts."""

    class Status(models.TextChoices):
        PENDING = "pending"
        ALLOWED = "allowed"
        REJECTED = "rejected"
        EXPIRED = "expired"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="permissions", db_index=False)
    attempt = models.PositiveIntegerField()
    kind = models.CharField(max_length=40)
    title = models.TextField()
    command = models.TextField(null=True, blank=True)
    cwd = models.TextField(null=True, blank=True)
    paths = models.JSONField(default=list)
    options = models.JSONField(default=list)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    option_id = models.CharField(max_length=200, blank=True)
    requested_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["run", "id"], name="permissions_of_a_run"),
            models.Index(fields=["run", "status", "id"], name="permissions_by_status"),
        ]

    def __str__(self) -> str:
        return self.title[:80]


class RunReview(models.Model):
    """A person's verdict on one tree of a run.

    `rejected` are the parts that an approval leaves out, as `services.parts` describes them; `accepted_tree` is the
    tree without them, null where there are none.
    """

    class Decision(models.TextChoices):
        APPROVED = "approved"
        REJECTED = "rejected"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="reviews", db_index=False)
    attempt = models.PositiveIntegerField()
    decision = models.CharField(max_length=10, choices=Decision)
    notes = models.TextField(blank=True)
    tree = models.CharField(max_length=64)
    accepted_tree = models.CharField(max_length=64, null=True, blank=True)
    rejected = models.JSONField(default=list, blank=True)
    reviewer = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["run", "id"], name="reviews_of_a_run"),
            models.Index(fields=["run", "attempt", "id"], name="reviews_of_an_attempt"),
        ]

    def __str__(self) -> str:
        return f"{self.decision} {self.run_id}"

    @property
    def approved_tree(self) -> str | None:
        """The tree that may be committed and pushed."""
        return (self.accepted_tree or self.tree) if self.decision == self.Decision.APPROVED else None

    @property
    def rejected_files(self) -> int:
        """How many files are left out as a whole."""
        return sum(part["hunks"] is None for part in self.rejected)

    @property
    def rejected_hunks(self) -> int:
        """How many hunks are left out of files of which the rest is not."""
        return sum(len(part["hunks"] or ()) for part in self.rejected)


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
