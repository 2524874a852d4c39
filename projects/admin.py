"""Projects in the console."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin import FactAdmin, LongListAdmin, RecentValuesFilter, act_on, operator_of
from projects.index_models import BlobAnalysis, ProjectIndex
from projects.models import (
    McpServer,
    Membership,
    Project,
    ProjectCredential,
    ProjectQuerySet,
    RepositoryLease,
    Workspace,
)
from projects.services import host_keys, lifecycle, members

MAX_SHOWN_MEMBERS = 50


class FirstMembers(BaseInlineFormSet):  # type: ignore[type-arg]
    """Those who were there first: of a page with thousands of forms neither browser nor server makes anything."""

    def __init__(self, *, instance: Project, queryset: QuerySet[Membership], **named: Any) -> None:
        first = queryset.filter(project=instance).order_by("pk").values_list("pk", flat=True)[:MAX_SHOWN_MEMBERS]
        super().__init__(instance=instance, queryset=queryset.filter(pk__in=list(first)), **named)


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    """People, managed as the API does it: see `ProjectAdmin.save_formset`."""

    model = Membership
    formset = FirstMembers
    verbose_name_plural = f"memberships, the first {MAX_SHOWN_MEMBERS} at most"
    extra = 0
    fields = ("user", "role", "joined_at")
    readonly_fields = ("joined_at",)
    autocomplete_fields = ("user",)


@admin.register(Project)
class ProjectAdmin(LongListAdmin):
    list_display = ("id", "name", "status", "default_branch", "head_commit", "disk", "updated_at")
    list_filter = ("status", "created_at")
    search_fields = ("name", "slug", "repository_url")
    exact_fields = ("slug",)
    inlines = [MembershipInline]
    actions = ["clone_again", "index_anew", "cancel_index", "archive", "forget_host_keys"]

    def get_readonly_fields(self, request: HttpRequest, obj: Project | None = None) -> list[str]:
        """Facts are looked at; people are managed in the rows below."""
        return ["people", *(field.name for field in Project._meta.fields)]

    @admin.display(description="members")
    def people(self, project: Project) -> SafeString:
        """A link to the list of all of them."""
        page = reverse("admin:projects_membership_changelist")
        return format_html('<a href="{}?project={}">all members</a>', page, project.pk)

    @admin.display(ordering="disk_bytes")
    def disk(self, project: Project) -> str:
        """As last measured; its quota is the param `retention.disk_quota_gb`."""
        return "" if project.disk_bytes is None else str(filesizeformat(project.disk_bytes))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Members are added, changed and removed by the services, so that the last owner stays and all is audited."""
        formset.save(commit=False)
        actor = operator_of(request)
        steps: list[tuple[list[Membership], Callable[[Membership], object], str]] = [
            (
                formset.new_objects,
                lambda row: members.add_member(row.project, row.user, row.role, actor=actor),
                "added",
            ),
            (_with_new_role(formset), lambda row: members.change_role(row, row.role, actor=actor), "changed"),
            (formset.deleted_objects, lambda row: members.remove_member(row, actor=actor), "removed"),
        ]
        for rows, act, done in steps:
            act_on(self, request, rows, act, f"is {done}")

    @admin.action(description="Clone again", permissions=["view"])
    def clone_again(self, request: HttpRequest, queryset: ProjectQuerySet) -> None:
        """From `error` or `archived`, as the API does."""
        actor = operator_of(request)
        act_on(
            self, request, queryset, lambda project: lifecycle.request_clone(project, actor=actor), "is being cloned"
        )

    @admin.action(description="Index anew", permissions=["view"])
    def index_anew(self, request: HttpRequest, queryset: ProjectQuerySet) -> None:
        """From nothing, as the API does it; the old index serves meanwhile."""
        actor = operator_of(request)
        act_on(
            self, request, queryset, lambda project: lifecycle.request_index(project, actor=actor), "is being indexed"
        )

    @admin.action(description="Cancel indexing", permissions=["view"])
    def cancel_index(self, request: HttpRequest, queryset: ProjectQuerySet) -> None:
        """What is queued or under way, as the API does it; the index that serves stays."""
        actor, done = operator_of(request), "is not indexed any more"
        act_on(self, request, queryset, lambda project: lifecycle.cancel_index(project, actor=actor), done)

    @admin.action(description="Archive", permissions=["view"])
    def archive(self, request: HttpRequest, queryset: ProjectQuerySet) -> None:
        """Soft deletion, as the API does it: the runs must be over."""
        actor = operator_of(request)
        act_on(self, request, queryset, lambda project: lifecycle.archive_project(project, actor=actor), "is archived")

    @admin.action(description="Forget SSH host keys", permissions=["view"])
    def forget_host_keys(self, request: HttpRequest, queryset: ProjectQuerySet) -> None:
        """After a host has changed its key on purpose: the next contact pins the new one."""
        actor = operator_of(request)
        done = "takes its host's next SSH key"
        act_on(self, request, queryset, lambda project: host_keys.forget_host_keys(project, actor=actor), done)


def _with_new_role(formset: Any) -> list[Membership]:
    """Rows whose role was changed; another person in a row is a mistake: one is removed and the other added."""
    return [row for row, fields in formset.changed_objects if fields == ["role"]]


def giving(role: str) -> Any:
    """An action of the console that gives the selected members a role, as the API does."""

    @admin.action(description=f"Make {role}", permissions=["view"])
    def give(console: "MembershipAdmin", request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        def change(row: Membership) -> None:
            members.change_role(row, role, actor=operator_of(request))

        act_on(console, request, queryset.select_related("project"), change, "is done")

    give.__name__ = f"make_{role}"
    return give


@admin.register(Membership)
class MembershipAdmin(FactAdmin):
    """Who works where, of all projects; people are added on the project's page."""

    list_display = ("id", "project", "user", "role", "joined_at")
    list_select_related = ("project", "user")
    list_filter = ("role",)
    search_fields = ("user__email", "project__name")
    exact_fields = ("user__email", "project__slug")
    actions = [*(giving(role) for role in Membership.Role.values), "remove"]

    @admin.action(description="Remove from the project", permissions=["view"])
    def remove(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        """The last owner stays."""
        actor, rows = operator_of(request), queryset.select_related("project")
        act_on(self, request, rows, lambda row: members.remove_member(row, actor=actor), "is removed")


@admin.register(ProjectCredential)
class ProjectCredentialAdmin(FactAdmin):
    """That there is a login, never its secret."""

    list_display = ("project", "kind", "username", "fingerprint", "updated_at")
    list_select_related = ("project",)
    list_filter = ("kind",)
    search_fields = ("project__name", "fingerprint")
    exclude = ("secret",)


@admin.register(McpServer)
class McpServerAdmin(FactAdmin):
    """Which tools a project's agents are given, never the values of their variables and headers."""

    list_display = ("id", "project", "name", "kind", "enabled", "command", "url", "updated_at")
    list_select_related = ("project",)
    list_filter = ("kind", "enabled")
    search_fields = ("name", "project__name", "command", "url")
    exclude = ("secret",)


@admin.register(Workspace)
class WorkspaceAdmin(FactAdmin):
    list_display = ("id", "project", "name", "branch", "base_commit", "created_at")
    list_select_related = ("project",)
    search_fields = ("name", "branch", "project__name")


@admin.register(ProjectIndex)
class ProjectIndexAdmin(FactAdmin):
    """How far the code index of a project is; made anew by an action on the project."""

    list_display = ("project", "status", "commit", "files", "chunks", "skipped", "indexed_at", "lease_owner")
    list_select_related = ("project",)
    list_filter = ("status",)
    search_fields = ("project__name", "commit")


@admin.register(BlobAnalysis)
class BlobAnalysisAdmin(FactAdmin):
    """The cache of what parsing gave."""

    list_display = ("blob", "path_kind", "extractor_version", "used_on")
    list_filter = (("extractor_version", RecentValuesFilter),)
    search_fields = ("blob",)
    exact_fields = ("blob",)
    exclude = ("packed",)


@admin.register(RepositoryLease)
class RepositoryLeaseAdmin(FactAdmin):
    """Who changes a repository's refs now; empty on SQLite, where a file says it."""

    list_display = ("id", "project", "lease_owner", "lease_expires_at", "lease_generation")
    list_select_related = ("project",)
    search_fields = ("project__name", "lease_owner")
