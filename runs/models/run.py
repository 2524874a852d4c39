"""Run, RunCount, RunAttempt, RunMessage: one prompt given to one agent, its tries, and what it was told since."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.utils import timezone

from accounts.models import User
from projects.models import Project, Workspace
from runs.timeline import empty_timeline

if TYPE_CHECKING:
    from runs.models.review import RunReview


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
    attached = models.JSONField(default=list, blank=True)  # what is shown of its attachments
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
    is_prompt_given = models.BooleanField(default=False)
    is_prompt_done = models.BooleanField(default=False)
    is_recap_due = models.BooleanField(default=False)  # the session is lost: the next turn tells what has happened
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
        WITHDRAWN = "withdrawn"

    OPEN: ClassVar[frozenset[str]] = frozenset({Status.PENDING, Status.GIVEN})

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="messages")
    attempt = models.PositiveIntegerField()
    text = models.TextField()
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True, blank=True)
    attached = models.JSONField(default=list, blank=True)  # what is shown of its attachments

    class Meta:
        indexes = [models.Index(fields=["run", "status", "id"], name="messages_of_a_run")]

    def __str__(self) -> str:
        return self.text[:80]
