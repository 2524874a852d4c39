"""The shapes of what runs answer without a serializer: parts of a run, diff, push. They describe, nothing else."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.renderers import Verbatim
from projects.serializers import ErrorSerializer
from runs.models import RunAttempt, RunReview

_TREE = "The tree's id in Git."
_ACCEPTED = "The approved tree without the rejected parts: what a commit is of. Null of a rejection."
INDIVISIBLE = serializers.ChoiceField(
    ["binary", "special", "too-large", "no-lines"],
    allow_null=True,
    help_text="Why the file can be rejected as a whole only: it is binary, no ordinary file, too large, or no line of "
    "it was changed. Null: it has `hunks`.",
)


class HunkSerializer(serializers.Serializer[Any]):
    """A hunk of a file's diff, in its order. Lines count from 1; of no lines the start is the line before them."""

    id = serializers.CharField(help_text="For `rejected` of an approval.")
    old_start = serializers.IntegerField()
    old_lines = serializers.IntegerField()
    new_start = serializers.IntegerField()
    new_lines = serializers.IntegerField()


class LeftOutSerializer(serializers.Serializer[Any]):
    """A changed file that an approval leaves out, or some hunks of it."""

    path = serializers.CharField()
    old_path = serializers.CharField(allow_null=True)
    change_type = serializers.CharField()
    hunks = HunkSerializer(many=True, allow_null=True, help_text="Null: the whole file.")


class RunReviewSerializer(serializers.Serializer[RunReview]):
    """The latest review of the present attempt."""

    decision = serializers.ChoiceField(RunReview.Decision.choices)
    notes = serializers.CharField()
    reviewer = serializers.CharField(allow_null=True, help_text="Email; null when that person is gone.")
    at = serializers.DateTimeField()
    tree = serializers.CharField()
    accepted_tree = serializers.CharField(allow_null=True, help_text=_ACCEPTED)
    rejected_files = serializers.IntegerField(help_text="Files that an approval leaves out.")
    rejected_hunks = serializers.IntegerField(help_text="Hunks that it leaves out of other files.")
    stale = serializers.BooleanField(help_text="Whether the work tree has changed since.")


class ReviewRowSerializer(serializers.ModelSerializer[RunReview]):
    """A review as it was given. Of each attempt the latest one counts."""

    reviewer = serializers.CharField(
        source="reviewer.email", default=None, allow_null=True, help_text="Email; null when that person is gone."
    )
    at = serializers.DateTimeField(source="created_at")
    accepted_tree = serializers.CharField(source="approved_tree", allow_null=True, help_text=_ACCEPTED)
    rejected = serializers.SerializerMethodField(help_text="What an approval leaves out.")

    class Meta:
        model = RunReview
        fields = ("id", "run_id", "attempt", "decision", "notes", "reviewer", "at", "tree", "accepted_tree", "rejected")
        read_only_fields = fields

    @extend_schema_field(LeftOutSerializer(many=True))
    def get_rejected(self, review: RunReview) -> Any:
        return Verbatim(review.rejected)


class RunGitSerializer(serializers.Serializer[RunAttempt]):
    """The commit of the present attempt, and its push."""

    commit = serializers.CharField()
    committed_at = serializers.DateTimeField(allow_null=True)
    pushed_at = serializers.DateTimeField(allow_null=True)
    push_status = serializers.CharField(allow_null=True, help_text="`queued`, `pushing`, `pushed` or `failed`.")
    push_error = ErrorSerializer(allow_null=True)


class UsageSerializer(serializers.Serializer[Any]):
    """What models were used."""

    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cached_tokens = serializers.IntegerField()
    cost_usd = serializers.FloatField()


class AttemptSerializer(serializers.ModelSerializer[RunAttempt]):
    """One try at a run's prompt. What came of it is null until it is over."""

    attempt = serializers.IntegerField(source="number")
    outcome = serializers.SerializerMethodField(help_text="`completed`, `failed` or `cancelled`.")
    overview = serializers.SerializerMethodField()
    files_changed = serializers.SerializerMethodField()
    additions = serializers.SerializerMethodField()
    deletions = serializers.SerializerMethodField()
    usage = UsageSerializer(source="*", read_only=True)
    has_work_tree = serializers.BooleanField(read_only=True, help_text="Not before it began, nor once it was removed.")

    class Meta:
        model = RunAttempt
        fields = (
            *("attempt", "branch", "base_commit", "tree", "commit", "outcome", "overview"),
            *("files_changed", "additions", "deletions", "usage", "has_work_tree"),
        )
        read_only_fields = fields

    def get_outcome(self, attempt: RunAttempt) -> str | None:
        return attempt.summary and str(attempt.summary["outcome"])

    def get_overview(self, attempt: RunAttempt) -> str | None:
        return attempt.summary and str(attempt.summary["overview"])

    def get_files_changed(self, attempt: RunAttempt) -> int | None:
        return attempt.summary and attempt.summary["stats"]["files"]

    def get_additions(self, attempt: RunAttempt) -> int | None:
        return attempt.summary and attempt.summary["stats"]["additions"]

    def get_deletions(self, attempt: RunAttempt) -> int | None:
        return attempt.summary and attempt.summary["stats"]["deletions"]


class PhaseSerializer(serializers.Serializer[Any]):
    """A change of status and its time."""

    phase = serializers.CharField(help_text="The event type.")
    at = serializers.DateTimeField()


class TimelineSerializer(serializers.Serializer[Any]):
    """What has happened so far."""

    event_counts = serializers.DictField(child=serializers.IntegerField(), help_text="By event type.")
    phases = PhaseSerializer(many=True)
    plan = serializers.ListField(
        child=serializers.DictField(), allow_null=True, help_text="The agent's latest plan, as it gave it."
    )


class DiffStatsSerializer(serializers.Serializer[Any]):
    """Sums over all files."""

    files = serializers.IntegerField()
    additions = serializers.IntegerField()
    deletions = serializers.IntegerField()


class DiffSerializer(serializers.Serializer[Any]):
    """A diff for display."""

    diff = serializers.CharField()
    stats = DiffStatsSerializer()
    tree = serializers.CharField(allow_null=True, help_text="The tree that the diff leads to.")
    truncated = serializers.BooleanField(help_text="Whether files were left out: past 1 MiB, or over 64 MiB each.")
    lossy = serializers.BooleanField(help_text="Whether bytes that are not UTF-8 were replaced, or secrets redacted.")


class ChangedFileSerializer(serializers.Serializer[Any]):
    """A changed file."""

    path = serializers.CharField()
    change_type = serializers.CharField()
    additions = serializers.IntegerField()
    deletions = serializers.IntegerField()


class SecretSerializer(serializers.Serializer[Any]):
    """Where a secret seems to be, never what it is."""

    path = serializers.CharField()
    line = serializers.IntegerField(allow_null=True, help_text="Of the file as a commit has it; null: of none.")
    rule = serializers.CharField(
        help_text="Which kind, in the words of detect-secrets; `not-scanned`: from this file on nothing was looked at."
    )
    fingerprint = serializers.CharField(help_text="For `acknowledgeSecrets`; it stays while path, rule and line do.")


class OutgoingCommitSerializer(serializers.Serializer[Any]):
    """A commit that the remote does not have."""

    commit = serializers.CharField()
    subject = serializers.CharField()
    author = serializers.CharField()
    committed_at = serializers.DateTimeField()


class OutgoingFileSerializer(ChangedFileSerializer):
    """A file that the push changes."""

    old_path = serializers.CharField(allow_null=True)
    binary = serializers.BooleanField(help_text="Then nobody has looked for secrets in it.")
    size_bytes = serializers.IntegerField()


class PushPreviewSerializer(serializers.Serializer[Any]):
    """What a push would do."""

    run_id = serializers.IntegerField()
    allowed = serializers.BooleanField(help_text="Whether the operator has given leave to push at all.")
    remote = serializers.CharField(help_text="The project's address, without credentials.")
    branch = serializers.CharField()
    commit = serializers.CharField()
    remote_commit = serializers.CharField(allow_null=True, help_text="What the branch is at there; null: not there.")
    remote_error = ErrorSerializer(allow_null=True, help_text="Why the remote could not be asked.")
    moved = serializers.BooleanField(help_text="The branch has commits there that this one lacks: it cannot be pushed.")
    compared_with = serializers.CharField(help_text="The branch that the following refer to.")
    ahead = serializers.IntegerField(help_text="Commits that the push brings.")
    behind = serializers.IntegerField(allow_null=True, help_text="Commits that only the remote has; null: not known.")
    commits = OutgoingCommitSerializer(many=True, help_text="Newest first, at most 100.")
    stats = DiffStatsSerializer()
    files = OutgoingFileSerializer(many=True, help_text="At most 500.")
    left_out = OutgoingFileSerializer(
        many=True,
        help_text="What the run's tree has beyond the commit: left out by an approval, or come later. At most 500.",
    )
    secrets = SecretSerializer(many=True, help_text="In the lines that the commits add.")
    scan_complete = serializers.BooleanField(help_text="Whether all added lines of text were looked at.")
    scanned_bytes = serializers.IntegerField()
