"""Projects in the console."""

from typing import cast

from django.contrib import admin, messages
from django.http import HttpRequest

from accounts.admin import FactAdmin
from accounts.models import User
from config.api.problems import Problem
from projects.models import Membership, Project, ProjectQuerySet, Workspace
from projects.services import lifecycle


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    extra = 0


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "name", "status", "default_branch", "head_commit", "updated_at")
    list_filter = ("status",)
    search_fields = ("name", "repository_url")
    inlines = [MembershipInline]
    actions = ["clone_again"]

    def get_readonly_fields(self, request: HttpRequest, obj: Project | None = None) -> list[str]:
        """Facts are looked at; people are managed in the rows below."""
        return [field.name for field in Project._meta.fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.action(description="Clone again")
    def clone_again(self, request: HttpRequest, queryset: ProjectQuerySet) -> None:
        for project in queryset:
            try:
                lifecycle.request_clone(project, actor=cast("User", request.user))
                self.message_user(request, f"{project} is being cloned.")
            except Problem as problem:
                self.message_user(request, f"{project}: {problem.detail}", messages.ERROR)


@admin.register(Workspace)
class WorkspaceAdmin(FactAdmin):
    list_display = ("id", "project", "name", "branch", "base_commit", "created_at")
    list_select_related = ("project",)
