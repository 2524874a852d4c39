"""The shapes of runs: what a client says of them and what it sees, reviews and permissions included."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.renderers import Verbatim
from config.api.serializers import RowIdField, ShapeSerializer, StrictModelSerializer, StrictSerializer
from projects.models import Project
from projects.serializers import ErrorSerializer
from runs import shapes
from runs.attachment_serializers import AttachedSerializer, AttachmentIdsField
from runs.models import Permission, Run, RunMessage
from runs.transitions import allowed_actions
from settings_params.availability import default_model_of
from settings_params.serializers import AgentField, check_model

MAX_PROMPT_CHARACTERS = 200_000
PREVIEW_CHARACTERS = 200


class VisibleProjectField(RowIdField):
    """The id of a project that the caller may see; another one does not exist for them."""

    def get_queryset(self) -> Any:
        return Project.objects.visible_to(self.context["request"].user)


class RunDraftSerializer(StrictModelSerializer):
    """What a client may say of a run before it starts."""

    project_id = VisibleProjectField(source="project")
    prompt = serializers.CharField(max_length=MAX_PROMPT_CHARACTERS, trim_whitespace=False)
    selected_agent = AgentField(max_length=40, required=False)
    selected_model = serializers.CharField(max_length=120, required=False, allow_null=True)
    rag_enabled = serializers.BooleanField(required=False)
    safe_mode = serializers.BooleanField(required=False)
    attachment_ids = AttachmentIdsField(write_only=True)
    start = serializers.BooleanField(required=False, default=False, write_only=True)

    class Meta:
        model = Run
        fields = (
            "project_id",
            "title",
            "prompt",
            "selected_agent",
            "selected_model",
            "rag_enabled",
            "safe_mode",
            "attachment_ids",
            "start",
        )

    def validate_prompt(self, prompt: str) -> str:
        if not prompt.strip():
            raise serializers.ValidationError("A run needs a prompt.", code="blank")
        return prompt

    def validate(self, draft: dict[str, Any]) -> dict[str, Any]:
        """Agent and model of a new draft are the project's, the model else the agent's default; they must fit."""
        former: Any = self.instance or draft["project"]
        agent = draft.get("selected_agent", former.selected_agent)
        if self.instance is None and "selected_agent" not in draft:
            self._check_inherited(agent)
        if "selected_model" not in draft and (self.instance is None or agent != former.selected_agent):
            kept = former.selected_model if agent == former.selected_agent else None
            draft["selected_model"] = kept or default_model_of(agent)
        check_model(agent, draft.get("selected_model"))
        return draft

    def _check_inherited(self, agent: str) -> None:
        try:
            AgentField().run_check(agent)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"selected_agent": error.detail}) from None

    def get_fields(self) -> dict[str, Any]:
        """A draft stays in its project and is started by its own route."""
        fields: dict[str, Any] = super().get_fields()
        if self.instance is not None:
            fields["project_id"].read_only = True
            del fields["start"]
        return fields


class RunSerializer(ShapeSerializer, serializers.ModelSerializer[Run]):
    """A run with its `facts`. Files, tree, review and git are those of its latest attempt."""

    attachments = AttachedSerializer(source="attached", many=True, read_only=True)
    error = ErrorSerializer(read_only=True, allow_null=True)
    branch = serializers.SerializerMethodField()
    base_commit = serializers.SerializerMethodField()
    head_commit = serializers.SerializerMethodField()
    tree = serializers.SerializerMethodField()
    queue_position = serializers.SerializerMethodField()
    review = serializers.SerializerMethodField()
    git = serializers.SerializerMethodField()
    usage = serializers.SerializerMethodField()
    pending_permissions = serializers.SerializerMethodField()
    allowed_actions = serializers.SerializerMethodField()
    timeline = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields: tuple[str, ...] = (
            *(
                "id",
                "project_id",
                "title",
                "prompt",
                "attachments",
                "status",
                "selected_agent",
                "selected_model",
                "rag_enabled",
            ),
            *("safe_mode", "branch", "base_commit", "head_commit", "tree", "attempt", "queue_position", "error"),
            *("review", "git", "usage", "pending_permissions", "last_event_id", "allowed_actions", "timeline"),
            *("created_at", "queued_at", "started_at", "paused_at", "finished_at"),
        )
        read_only_fields = fields

    def get_branch(self, run: Run) -> str | None:
        attempt = run.facts.attempt
        return attempt.branch if attempt else None

    def get_base_commit(self, run: Run) -> str | None:
        attempt = run.facts.attempt
        return attempt.base_commit if attempt else None

    def get_head_commit(self, run: Run) -> str | None:
        attempt = run.facts.attempt
        return attempt.head_commit if attempt else None

    def get_tree(self, run: Run) -> str | None:
        attempt = run.facts.attempt
        return attempt.tree if attempt else None

    def get_queue_position(self, run: Run) -> int | None:
        """1 is next; None unless queued."""
        return run.facts.queue_position

    @extend_schema_field(shapes.RunReviewSerializer(allow_null=True))
    def get_review(self, run: Run) -> dict[str, Any] | None:
        review = run.facts.review
        if review is None:
            return None
        return {
            "decision": review.decision,
            "notes": review.notes,
            "reviewer": review.reviewer and review.reviewer.email,
            "at": review.created_at,
            "tree": review.tree,
            "accepted_tree": review.approved_tree,
            "rejected_files": review.rejected_files,
            "rejected_hunks": review.rejected_hunks,
            "stale": review.tree != self.get_tree(run),
        }

    @extend_schema_field(shapes.RunGitSerializer(allow_null=True))
    def get_git(self, run: Run) -> dict[str, Any] | None:
        attempt = run.facts.attempt
        if attempt is None or attempt.commit is None:
            return None
        return {
            "commit": attempt.commit,
            "committed_at": attempt.committed_at,
            "pushed_at": attempt.pushed_at,
            "push_status": attempt.push_status,
            "push_error": attempt.push_error,
        }

    @extend_schema_field(shapes.UsageSerializer)
    def get_usage(self, run: Run) -> dict[str, Any]:
        return dict(run.facts.usage)

    def get_pending_permissions(self, run: Run) -> int:
        return run.facts.pending_permissions

    def get_allowed_actions(self, run: Run) -> list[str]:
        return allowed_actions(run.status, run.facts.attempt, run.facts.review)

    @extend_schema_field(shapes.TimelineSerializer)
    def get_timeline(self, run: Run) -> Any:
        return Verbatim(run.timeline)


class RunListSerializer(RunSerializer):
    """A run in a list: a preview of its prompt, no attachments and no timeline."""

    prompt_preview = serializers.SerializerMethodField()

    class Meta(RunSerializer.Meta):
        fields = tuple(
            "prompt_preview" if name == "prompt" else name
            for name in RunSerializer.Meta.fields
            if name not in ("timeline", "attachments")
        )
        read_only_fields = fields

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        fields.pop("timeline", None)
        fields.pop("attachments", None)
        return fields

    def get_prompt_preview(self, run: Run) -> str:
        return run.prompt[:PREVIEW_CHARACTERS]


class MessageSerializer(StrictSerializer):
    """A follow-up for the agent."""

    text = serializers.CharField(max_length=MAX_PROMPT_CHARACTERS, trim_whitespace=False)
    attachment_ids = AttachmentIdsField()

    def validate_text(self, text: str) -> str:
        if not text.strip():
            raise serializers.ValidationError("A message needs a text.", code="blank")
        return text


class MessageRowSerializer(serializers.ModelSerializer[RunMessage]):
    """A message, and what has become of it; `delivered_at` is when the agent was given it."""

    created_by = serializers.CharField(
        source="created_by.email", default=None, allow_null=True, help_text="Email; null when that person is gone."
    )

    attachments = AttachedSerializer(source="attached", many=True, read_only=True)

    class Meta:
        model = RunMessage
        fields = (
            *("id", "run_id", "attempt", "text", "attachments", "status", "created_by", "created_at", "delivered_at"),
        )
        read_only_fields = fields


class CommentSerializer(StrictSerializer):
    """A comment on lines of a file, which count from 1; `side` is the file as it is, or as the base commit had it."""

    path = serializers.CharField(max_length=4096, trim_whitespace=False)
    line = serializers.IntegerField(min_value=1, max_value=10_000_000)
    end_line = serializers.IntegerField(min_value=1, max_value=10_000_000, required=False)
    side = serializers.ChoiceField(["new", "old"], required=False, default="new")
    text = serializers.CharField(max_length=2000)

    def validate(self, comment: dict[str, Any]) -> dict[str, Any]:
        comment.setdefault("end_line", comment["line"])
        if comment["end_line"] < comment["line"]:
            raise serializers.ValidationError({"end_line": "The last line comes before the first one."}, code="invalid")
        comment["is_old"] = comment.pop("side") == "old"
        return comment


class CommentsSerializer(StrictSerializer):
    """Comments for the agent; `tree` is the tree that they are about."""

    text = serializers.CharField(max_length=20_000, required=False, default="", allow_blank=True)
    tree = serializers.RegexField(r"^[0-9a-f]{40,64}$", required=False)
    comments = serializers.ListField(child=CommentSerializer(), allow_empty=False, max_length=40)


class ReviewSerializer(StrictSerializer):
    """A verdict; `tree` is the tree that the reviewer was shown."""

    notes = serializers.CharField(max_length=20_000, required=False, default="", allow_blank=True)
    tree = serializers.RegexField(r"^[0-9a-f]{40,64}$", required=False)


class RejectedPartSerializer(StrictSerializer):
    """A changed file that an approval leaves out, or hunks of it by the ids that stand beside the file's diff."""

    path = serializers.CharField(max_length=4096, trim_whitespace=False)
    hunks = serializers.ListField(
        child=serializers.RegexField(r"^[0-9a-f]{16}$"),
        required=False,
        allow_empty=False,
        max_length=1000,
        help_text="Without it the whole file.",
    )


class ApproveSerializer(ReviewSerializer):
    """An approval of a tree, or of a tree without some parts: those need `tree`."""

    commit = serializers.BooleanField(required=False, default=False)
    rejected = serializers.ListField(child=RejectedPartSerializer(), required=False, default=list, max_length=500)

    def validate(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["rejected"] and "tree" not in body:
            raise serializers.ValidationError({"tree": "Say which tree the parts are of."}, code="required")
        return body


class CommitSerializer(StrictSerializer):
    message = serializers.CharField(max_length=20_000, required=False, default="", allow_blank=True)


class PushSerializer(StrictSerializer):
    """Fingerprints of findings of the preview that are to be published all the same."""

    acknowledge_secrets = serializers.ListField(
        child=serializers.RegexField(r"^[0-9a-f]{32}$"), max_length=1000, required=False, default=list
    )


class DecisionSerializer(StrictSerializer):
    """An answer: the id of one of the options, or the kind of answer."""

    option_id = serializers.CharField(max_length=200, required=False)
    decision = serializers.ChoiceField(["allow_once", "allow_always", "reject"], required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError("Give either optionId or decision.", code="invalid")
        permission: Permission = self.context["permission"]
        wanted = attrs.get("decision", "")
        for option in permission.options:
            if option["optionId"] == attrs.get("option_id") or (wanted and option["kind"].startswith(wanted)):
                return {"option_id": option["optionId"]}
        raise serializers.ValidationError("The agent does not offer this answer.", code="does-not-exist")


class PermissionSerializer(serializers.ModelSerializer[Permission]):
    """A question of the agent's."""

    options = serializers.SerializerMethodField()

    class Meta:
        model = Permission
        fields = (
            *("id", "run_id", "attempt", "kind", "title", "command", "cwd", "paths", "options", "status"),
            *("requested_at", "expires_at", "decided_by", "reason"),
        )
        read_only_fields = fields

    def get_options(self, permission: Permission) -> Any:
        return Verbatim(permission.options)
