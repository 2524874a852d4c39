"""Projects in the console."""

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import FactAdmin, act_on, operator_of
from projects.models import Membership, Project, ProjectQuerySet, Workspace
from projects.services import lifecycle


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    extra = 0


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "name", "status", "default_branch", "head_commit", "updated_at")
    list_filter = ("status", "created_at")
    search_fields = ("name", "slug", "repository_url", "memberships__user__email")
    inlines = [MembershipInline]
    actions = ["clone_again", "archive"]

    def get_readonly_fields(self, request: HttpRequest, obj: Project | None = None) -> list[str]:
        """Facts are looked at; people are managed in the rows below."""
        return [field.name for field in Project._meta.fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.action(description="Clone again", permissions=["view"])
    def clone_again(self, request: HttpRequest, queryset: ProjectQuerySet) -> None:
        """From `error` or `archived`, as the API does."""
        actor = operator_of(request)
        act_on(
            self, request, queryset, lambda project: lifecycle.request_clone(project, actor=actor), "is being cloned"
        )

    @admin.action(description="Archive", permissions=["view"])
    def archive(self, request: HttpRequest, queryset: ProjectQuerySet) -> None:
        """Soft deletion, as the API does it: the runs must be over."""
        actor = operator_of(request)
        act_on(self, request, queryset, lambda project: lifecycle.archive_project(project, actor=actor), "is archived")


@admin.register(Workspace)
class WorkspaceAdmin(FactAdmin):
    list_display = ("id", "project", "name", "branch", "base_commit", "created_at")
    list_select_related = ("project",)
    search_fields = ("name", "branch", "project__name")
