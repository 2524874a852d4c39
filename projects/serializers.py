"""The shapes of projects."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from config.api.renderers import Verbatim
from config.api.serializers import ShapeSerializer, StrictModelSerializer, StrictSerializer
from projects import remotes
from projects.credential_serializers import CredentialSerializer, require_kind_for
from projects.git.errors import RemoteRefused
from projects.models import Membership, Project
from projects.queries import may_have_branch
from projects.services.disk import quota_bytes
from settings_params.availability import models_of
from settings_params.serializers import AgentField, check_model


class DefaultsSerializer(StrictSerializer):
    """What new runs of the project take over unless they say otherwise."""

    selected_agent = AgentField(max_length=40, required=False)
    selected_model = serializers.CharField(max_length=120, required=False, allow_null=True)
    rag_enabled = serializers.BooleanField(required=False)
    safe_mode = serializers.BooleanField(required=False)

    def validate(self, defaults: dict[str, Any]) -> dict[str, Any]:
        """The model must be one of the agent's. Another agent that does not have the model goes without."""
        former: Any = getattr(self.parent, "instance", None) or Project()
        agent = defaults.get("selected_agent", former.selected_agent)
        check_model(agent, defaults.get("selected_model"))
        if "selected_model" not in defaults and former.selected_model not in models_of(agent):
            defaults["selected_model"] = None
        return defaults


class _BranchField(serializers.CharField):
    """A branch name, or nothing for the remote's own choice."""

    default_error_messages = {"invalid_branch": "This is not a possible name of a branch."}

    def to_internal_value(self, data: Any) -> str:
        name: str = super().to_internal_value(data)
        bad = name.startswith(("-", "/", ".")) or name.endswith(("/", ".", ".lock")) or ".." in name or "@{" in name
        if bad or any(character in " ~^:?*[\\" or not character.isprintable() for character in name):
            self.fail("invalid_branch")
        return name


class _CommandsField(serializers.ListField):
    """Shell commands, carried out one after another in the sandbox."""

    def __init__(self, **options: Any) -> None:
        self.child = serializers.CharField(max_length=4000, trim_whitespace=False)
        super().__init__(required=False, allow_null=True, max_length=20, **options)


class ErrorSerializer(ShapeSerializer):
    """Why background work failed, and for a person what to do."""

    code = serializers.CharField()
    message = serializers.CharField()


class NoticeSerializer(ShapeSerializer):
    """Something that a clone of the repository does not have, and for a person what follows from it."""

    code = serializers.ChoiceField(["submodules-not-fetched", "lfs-not-fetched"])
    message = serializers.CharField()


class IndexSerializer(ShapeSerializer):
    """The state of the code index."""

    status = serializers.ChoiceField(["none", "queued", "indexing", "ready", "error"])
    progress = serializers.JSONField(allow_null=True)
    commit = serializers.CharField(allow_null=True)
    indexed_at = serializers.DateTimeField(allow_null=True)
    files = serializers.IntegerField()
    chunks = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="Files that were left out; the map tells which and why.")
    error = ErrorSerializer(allow_null=True)


class DocsSerializer(ShapeSerializer):
    """The state of the managed documents."""

    status = serializers.ChoiceField(["none", "queued", "generating", "ready", "error"])
    error = ErrorSerializer(allow_null=True)
    generated_at = serializers.DateTimeField(allow_null=True)


class DiskSerializer(ShapeSerializer):
    """What the project uses on the server's disk."""

    used_bytes = serializers.IntegerField(allow_null=True, help_text="As last measured; null before that.")
    quota_bytes = serializers.IntegerField(
        allow_null=True, help_text="Above it no run and no clone begins; null: none."
    )
    measured_at = serializers.DateTimeField(allow_null=True)


class ProjectSerializer(StrictModelSerializer):
    """A project; to be shown it needs its `facts`."""

    repository_url = serializers.CharField(max_length=2000)
    default_branch = _BranchField(max_length=255, required=False, allow_blank=True)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    defaults = DefaultsSerializer(required=False, source="*")
    setup_commands = _CommandsField(help_text="Run in a run's work tree before its agent starts; null: the server's.")
    teardown_commands = _CommandsField(help_text="Run there after the agent has ended; null: the server's.")
    error = ErrorSerializer(read_only=True, allow_null=True)
    notices = NoticeSerializer(many=True, read_only=True)
    index = IndexSerializer(read_only=True)
    credential = CredentialSerializer(required=False, write_only=True)
    docs = DocsSerializer(read_only=True)
    disk = serializers.SerializerMethodField()
    role = serializers.SerializerMethodField()
    run_counts = serializers.SerializerMethodField()

    class Meta:
        model = Project
        fields = (
            "id",
            "name",
            "slug",
            "description",
            "repository_url",
            "default_branch",
            "status",
            "error",
            "notices",
            "progress",
            "head_commit",
            "last_pulled_at",
            "index",
            "docs",
            "disk",
            "defaults",
            "setup_commands",
            "teardown_commands",
            "credential",
            "role",
            "run_counts",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("slug", "status", "progress", "head_commit", "last_pulled_at", "created_at", "updated_at")

    def get_fields(self) -> dict[str, Any]:
        """The address cannot be changed later, and the login has a route of its own."""
        fields: dict[str, Any] = super().get_fields()
        if self.instance is not None:
            fields["repository_url"].read_only = True
            fields["credential"].read_only = True
        return fields

    def validate_repository_url(self, url: str) -> str:
        try:
            return remotes.parse_allowed(url).text
        except RemoteRefused as refused:
            raise serializers.ValidationError(refused.message, code=refused.code) from None

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The login is of the kind that the address takes."""
        if "credential" in attrs:
            attrs["credential"] = attrs["credential"]["credential"]
            try:
                require_kind_for(attrs["repository_url"], attrs["credential"].kind)
            except serializers.ValidationError as error:
                raise serializers.ValidationError({"credential": error.detail}) from None
        return attrs

    def validate_default_branch(self, branch: str) -> str:
        """One that the clone has. A clone whose history was cut off has one only: the next pull brings another."""
        project: Any = self.instance
        if branch and project is not None and project.has_clone and not may_have_branch(project, branch):
            raise serializers.ValidationError("The repository has no such branch.", code="does-not-exist")
        return branch

    @extend_schema_field(DiskSerializer)
    def get_disk(self, project: Project) -> dict[str, Any]:
        used, measured_at = project.disk_bytes, project.disk_measured_at
        return {"used_bytes": used, "quota_bytes": quota_bytes(), "measured_at": measured_at}

    def get_role(self, project: Project) -> str | None:
        return project.facts.role

    def get_run_counts(self, project: Project) -> Any:
        return Verbatim(project.facts.run_counts)


class MemberSerializer(StrictModelSerializer):
    """A person in a project. `email` names whom to add, and is read-only afterwards."""

    user_id = serializers.IntegerField(read_only=True)
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name", read_only=True)

    class Meta:
        model = Membership
        fields = ("user_id", "email", "name", "role", "joined_at")
        read_only_fields = ("joined_at",)

    def get_fields(self) -> dict[str, Any]:
        """A member stays the same person."""
        fields: dict[str, Any] = super().get_fields()
        if self.instance is not None:
            fields["email"].read_only = True
        return fields

    def validate_email(self, email: str) -> User:
        """The person. Owners may learn who has an account here: they invite, at the pace of the rate limits."""
        person = User.objects.filter(email__iexact=email, is_active=True).first()
        if person is None:
            raise serializers.ValidationError("Nobody here has this address.", code="does-not-exist")
        return person
