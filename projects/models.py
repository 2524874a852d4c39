"""Project, Membership, ProjectCredential, McpServer, RepositoryLease, Workspace."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models import User
from projects.index_models import NO_INDEX, ProjectIndex
from settings_params.secrets import EncryptedTextField


@dataclass(frozen=True)
class ProjectFacts:
    """What is shown of a project beside its row (projects.queries): the caller's role, runs by status."""

    role: str | None
    run_counts: Mapping[str, int]


class ProjectQuerySet(models.QuerySet["Project"]):
    """Questions about projects."""

    def visible_to(self, user: User) -> Self:
        """Those that the user is a member of; operators see all."""
        return self if user.is_operator else self.filter(memberships__user=user)

    def with_index(self) -> Self:
        """Those with the state of their code index and of their documents, by the same query."""
        return self.select_related("code_index", "docs_state")


class Project(models.Model):
    """A Git repository that people steer agents on. Its bare clone is the server's own."""

    class Status(models.TextChoices):
        PENDING = "pending"
        CLONING = "cloning"
        READY = "ready"
        PULLING = "pulling"
        ERROR = "error"
        ARCHIVED = "archived"

    ACTIONS: ClassVar[dict[str, list[str]]] = {
        Status.PENDING: ["update"],
        Status.CLONING: ["update"],
        Status.READY: ["update", "delete", "pull"],
        Status.PULLING: ["update", "pull"],
        Status.ERROR: ["update", "delete", "clone"],
        Status.ARCHIVED: ["clone"],
    }
    """What an owner may ask for in which status, beside looking at it."""

    BUSY: ClassVar[frozenset[str]] = frozenset({Status.PENDING, Status.CLONING, Status.PULLING})

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80)
    description = models.TextField(blank=True)
    repository_url = models.CharField(max_length=2000)
    default_branch = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    error = models.JSONField(null=True, blank=True)
    progress = models.JSONField(null=True, blank=True)
    notices = models.JSONField(default=list, blank=True)
    head_commit = models.CharField(max_length=64, null=True, blank=True)
    last_pulled_at = models.DateTimeField(null=True, blank=True)
    selected_agent = models.CharField(max_length=40, default="script")
    selected_model = models.CharField(max_length=120, null=True, blank=True)
    rag_enabled = models.BooleanField(default=True)
    safe_mode = models.BooleanField(default=True)
    setup_commands = models.JSONField(null=True, blank=True)  # None: the server's, by params
    teardown_commands = models.JSONField(null=True, blank=True)
    disk_bytes = models.BigIntegerField(null=True, blank=True)
    disk_measured_at = models.DateTimeField(null=True, blank=True)
    upkeep_due_at = models.DateTimeField(default=timezone.now, db_index=True)  # measured and pruned then
    lease_generation = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    facts: ProjectFacts  # once it has been described

    objects = ProjectQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(Lower("name"), "id", name="projects_by_name"),
            models.Index(fields=["created_at", "id"], name="projects_by_creation"),
            models.Index(fields=["updated_at", "id"], name="projects_by_change"),
            models.Index(fields=["last_pulled_at", "id"], name="projects_by_pull"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_clone(self) -> bool:
        """Whether its repository is there to work with."""
        return self.status in (self.Status.READY, self.Status.PULLING)

    @property
    def folder(self) -> Path:
        """Where all that belongs to the project lies."""
        return Path(settings.HOME) / "projects" / str(self.pk)

    @property
    def repository_path(self) -> Path:
        return self.folder / "repository.git"

    @property
    def indexes_path(self) -> Path:
        """Where the files of its code indexes lie."""
        return self.folder / "indexes"

    @property
    def index(self) -> dict[str, Any]:
        """How far the code index is. Lists take the row along (`with_index`)."""
        try:
            return self.code_index.shown
        except ProjectIndex.DoesNotExist:
            return NO_INDEX

    @property
    def docs(self) -> dict[str, Any]:
        """How far the managed documents are. A higher app generates them, and keeps that in a row of its own."""
        state = getattr(self, "docs_state", None)
        names = ("status", "error", "generated_at")
        return {name: getattr(state, name) for name in names} if state else {**dict.fromkeys(names), "status": "none"}

    @property
    def error_members(self) -> dict[str, Any]:
        """What a conflict tells of the project."""
        actions = self.ACTIONS[self.status]
        return {"project_id": self.pk, "current_status": self.status, "allowed_actions": actions}


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Questions about memberships."""

    def owners(self) -> Self:
        """Those who manage the project: one of them stays."""
        return self.filter(role=Membership.Role.OWNER)


class Membership(models.Model):
    """A person's role in a project."""

    class Role(models.TextChoices):
        VIEWER = "viewer"
        MAINTAINER = "maintainer"
        OWNER = "owner"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    joined_at = models.DateTimeField(default=timezone.now)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_role_per_member")]
        indexes = [models.Index(fields=["project", "id"], name="members_in_order")]

    def __str__(self) -> str:
        return f"{self.user_id} is {self.role} of {self.project_id}"


class ProjectCredential(models.Model):
    """A project's own login at its remote. The secret is ciphertext; a key is kept without its passphrase."""

    class Kind(models.TextChoices):
        HTTPS_TOKEN = "https_token"  # noqa: S105 - the name of a kind
        SSH_KEY = "ssh_key"

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="credential")
    kind = models.CharField(max_length=20, choices=Kind)
    username = models.CharField(max_length=255, blank=True)
    secret = EncryptedTextField()
    fingerprint = models.CharField(max_length=80)
    updated_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.kind} of {self.project_id}"


class McpServer(models.Model):
    """A server of the Model Context Protocol whose tools a project's agents are given.

    `secret` is the ciphertext of a JSON object: the values of the environment's variables (`stdio`), else of the
    headers, by `secret_names`.
    """

    class Kind(models.TextChoices):
        STDIO = "stdio"
        HTTP = "http"
        SSE = "sse"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="mcp_servers")
    name = models.CharField(max_length=32)
    kind = models.CharField(max_length=10, choices=Kind)
    enabled = models.BooleanField(default=True)
    command = models.CharField(max_length=1000, blank=True)
    args = models.JSONField(default=list, blank=True)
    url = models.CharField(max_length=2000, blank=True)
    secret_names = models.JSONField(default=list, blank=True)
    secret = EncryptedTextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint("project", Lower("name"), name="one_mcp_server_per_name")]
        indexes = [models.Index(fields=["project", "id"], name="mcp_servers_in_order")]

    def __str__(self) -> str:
        return f"{self.name} of {self.project_id}"


class RepositoryLease(models.Model):
    """Who may change the refs of a project's repository now; used where the workers may be on several machines."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="repository_lease")
    lease_generation = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"repository of {self.project_id}"


class Workspace(models.Model):
    """A work tree on disk: the project's own, or one run attempt's."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="workspaces")
    name = models.CharField(max_length=80)
    branch = models.CharField(max_length=255, blank=True)
    base_commit = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_workspace_per_name")]

    def __str__(self) -> str:
        return f"{self.project_id}/{self.name}"

    @property
    def folder(self) -> Path:
        """The work tree, its private index and the agent's home are folders in here."""
        return self.project.folder / "workspaces" / self.name

    @property
    def work_tree_path(self) -> Path:
        return self.folder / "tree"

    @property
    def index_path(self) -> Path:
        return self.folder / "index"

    @property
    def agent_home_path(self) -> Path:
        return self.folder / "home"
