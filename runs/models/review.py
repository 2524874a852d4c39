"""Permission and RunReview: what a person has allowed an agent, and said of its work."""

from django.db import models
from django.utils import timezone

from accounts.models import User
from runs.models.run import Run


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
    reason = models.TextField(blank=True)  # why it was answered, where it was not by somebody just then
    requested_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["run", "id"], name="permissions_of_a_run"),
            models.Index(fields=["run", "status", "id"], name="permissions_by_status"),
            # How often the day's budget was raised is asked before each call to a model.
            models.Index(fields=["requested_at"], condition=models.Q(kind="budget"), name="questions_of_budgets"),
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
