"""Runs in the console: looked at here, steered through the same services as everywhere."""

from typing import cast

from django.contrib import admin, messages
from django.http import HttpRequest

from accounts.admin import FactAdmin
from accounts.models import User
from config.api.problems import Problem
from runs.models import (
    AgentEvent,
    CommandExecution,
    Permission,
    Run,
    RunAttempt,
    RunQuerySet,
    RunReview,
    WorkerProcess,
    WorkspaceFile,
)
from runs.services import lifecycle


@admin.register(Run)
class RunAdmin(FactAdmin):
    list_display = ("id", "title", "project", "status", "selected_agent", "attempt", "created_at", "finished_at")
    list_filter = ("status", "selected_agent")
    list_select_related = ("project",)
    search_fields = ("title",)
    actions = ["cancel"]

    @admin.action(description="Cancel", permissions=["view"])
    def cancel(self, request: HttpRequest, queryset: RunQuerySet) -> None:
        """Cancels as the API does, and says which could not be."""
        for run in queryset:
            try:
                lifecycle.cancel_run(run, actor=cast("User", request.user))
                self.message_user(request, f"{run} is cancelled.")
            except Problem as problem:
                self.message_user(request, f"{run}: {problem.detail}", messages.ERROR)


@admin.register(RunAttempt)
class RunAttemptAdmin(FactAdmin):
    list_display = ("id", "run", "number", "branch", "base_commit", "commit", "push_status")
    list_select_related = ("run",)


@admin.register(AgentEvent)
class AgentEventAdmin(FactAdmin):
    list_display = ("id", "run_id", "seq", "event_type", "severity", "path", "created_at")
    list_filter = ("severity", "event_type")


@admin.register(WorkspaceFile)
class WorkspaceFileAdmin(FactAdmin):
    list_display = ("id", "attempt_id", "path", "change_type", "additions", "deletions")
    list_filter = ("change_type",)


@admin.register(CommandExecution)
class CommandExecutionAdmin(FactAdmin):
    list_display = ("id", "run_id", "command", "status", "exit_code", "duration_ms", "started_at")
    list_filter = ("status",)
    exclude = ("stdout", "stderr")


@admin.register(Permission)
class PermissionAdmin(FactAdmin):
    list_display = ("id", "run_id", "kind", "title", "status", "requested_at", "expires_at")
    list_filter = ("status",)


@admin.register(RunReview)
class RunReviewAdmin(FactAdmin):
    list_display = ("id", "run_id", "decision", "reviewer", "tree", "created_at")
    list_select_related = ("reviewer",)


@admin.register(WorkerProcess)
class WorkerProcessAdmin(FactAdmin):
    list_display = ("id", "name", "queue", "started_at", "last_seen_at")
