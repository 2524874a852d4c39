"""Runs in the console: looked at here, steered through the same services as everywhere."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django_tasks_db.admin import DBTaskResultAdmin
from django_tasks_db.models import DBTaskResult

from accounts.admin import BoundedPaginator, FactAdmin, RecentValuesFilter, act_on, operator_of
from runs.models import (
    AgentEvent,
    Attachment,
    CommandExecution,
    ModelCall,
    Permission,
    Run,
    RunAttempt,
    RunCount,
    RunMessage,
    RunQuerySet,
    RunReview,
    WorkerProcess,
    WorkspaceFile,
)
from runs.services.rescued import drop_rescue_refs_of
from runs.services.steering import STEERING
from runs.workers import recovery

# What belongs to a run, as lists of the console that are filtered by it.
BELONGINGS = (
    "agentevent",
    "runattempt",
    "commandexecution",
    "permission",
    "runmessage",
    "attachment",
    "runreview",
    "modelcall",
)


def steering(name: str) -> Any:
    """An action of the console that does to every selected run what the API's move of that name does."""

    @admin.action(description=name.capitalize(), permissions=["view"])
    def steer(console: "RunAdmin", request: HttpRequest, queryset: RunQuerySet) -> None:
        act_on(console, request, queryset, lambda run: STEERING[name](run, actor=operator_of(request)), f"{name}: done")

    steer.__name__ = name
    return steer


@admin.register(Run)
class RunAdmin(FactAdmin):
    list_display = ("id", "title", "project", "status", "selected_agent", "attempt", "created_at", "finished_at")
    list_filter = ("status", ("selected_agent", RecentValuesFilter), "created_at")
    list_select_related = ("project",)
    search_fields = ("title", "project__name", "created_by__email")
    exact_fields = ("created_by__email",)
    actions = [steering(name) for name in STEERING]

    fields = readonly_fields = ("belongings", *(field.name for field in Run._meta.fields))

    @admin.display(description="belonging to it")
    def belongings(self, run: Run) -> SafeString:
        """Links to the run's rows in the other lists."""
        rows = [(reverse(f"admin:runs_{name}_changelist"), run.pk, name) for name in BELONGINGS]
        return format_html_join(" · ", '<a href="{}?run={}">{}</a>', rows)


@admin.register(RunCount)
class RunCountAdmin(FactAdmin):
    list_display = ("project", "status", "number")
    list_filter = ("status",)
    list_select_related = ("project",)


@admin.register(RunAttempt)
class RunAttemptAdmin(FactAdmin):
    list_display = ("id", "run", "number", "branch", "base_commit", "commit", "push_status", "pruned_at", "rescue_ref")
    list_filter = ("push_status", "pruned_at")
    list_select_related = ("run",)
    search_fields = ("branch", "run__title", "rescue_ref")
    actions = ["drop_rescue_refs"]

    @admin.action(description="Drop rescue refs (the work in them is lost a day later)", permissions=["view"])
    def drop_rescue_refs(self, request: HttpRequest, queryset: QuerySet[RunAttempt]) -> None:
        """Once somebody has taken over what is in them, or wants none of it; the audit keeps their commits' ids."""
        actor, attempts = operator_of(request), queryset.select_related("run__project")
        act_on(
            self, request, attempts, lambda row: drop_rescue_refs_of(row, actor=actor), "keeps no rescue ref any more"
        )


@admin.register(AgentEvent)
class AgentEventAdmin(FactAdmin):
    list_display = ("id", "run_id", "seq", "event_type", "severity", "path", "created_at")
    list_filter = ("severity", ("event_type", RecentValuesFilter), "created_at")
    ordering = ("-id",)


@admin.register(WorkspaceFile)
class WorkspaceFileAdmin(FactAdmin):
    list_display = ("id", "attempt_id", "path", "change_type", "additions", "deletions")
    list_filter = (("change_type", RecentValuesFilter),)
    search_fields = ("path",)


@admin.register(CommandExecution)
class CommandExecutionAdmin(FactAdmin):
    list_display = ("id", "run_id", "command", "status", "exit_code", "duration_ms", "started_at")
    list_filter = ("status",)
    search_fields = ("command",)
    exclude = ("stdout", "stderr")


@admin.register(Permission)
class PermissionAdmin(FactAdmin):
    list_display = ("id", "run_id", "kind", "title", "status", "requested_at", "expires_at")
    list_filter = ("status", ("kind", RecentValuesFilter))
    search_fields = ("title", "command")


@admin.register(RunReview)
class RunReviewAdmin(FactAdmin):
    list_display = (
        *("id", "run_id", "decision", "reviewer", "tree", "accepted_tree", "rejected_files", "rejected_hunks"),
        "created_at",
    )
    list_filter = ("decision", "created_at")
    search_fields = ("notes", "reviewer__email")
    list_select_related = ("reviewer",)


@admin.register(RunMessage)
class RunMessageAdmin(FactAdmin):
    list_display = ("id", "run_id", "text", "status", "created_by", "created_at", "delivered_at")
    list_filter = ("status", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("text",)


@admin.register(Attachment)
class AttachmentAdmin(FactAdmin):
    """What came with prompts and messages, and what nobody uses yet; not its content."""

    list_display = ("id", "run_id", "name", "media_type", "size_bytes", "created_by", "created_at")
    list_filter = (("media_type", RecentValuesFilter), "created_at")
    list_select_related = ("created_by",)
    search_fields = ("name", "sha256")
    exclude = ("file",)


@admin.register(ModelCall)
class ModelCallAdmin(FactAdmin):
    list_display = (
        *("id", "run_id", "attempt", "model", "input_tokens", "output_tokens", "cost_usd"),
        *("is_estimate", "at"),
    )
    list_filter = (("vendor", RecentValuesFilter), ("model", RecentValuesFilter), "is_estimate", "at")
    ordering = ("-id",)


@admin.register(WorkerProcess)
class WorkerProcessAdmin(FactAdmin):
    list_display = ("id", "name", "queue", "started_at", "last_seen_at")
    list_filter = ("queue",)
    actions = ["recover"]

    @admin.action(description="Recover what dead workers left (all of them)", permissions=["view"])
    def recover(self, request: HttpRequest, queryset: QuerySet[WorkerProcess]) -> None:
        """What the workers do by themselves every few seconds, done now."""
        found = recovery.recover_the_dead()
        self.message_user(request, "; ".join(f"{name.replace('_', ' ')}: {count}" for name, count in found.items()))


admin.site.unregister(DBTaskResult)


@admin.register(DBTaskResult)
class TaskAdmin(DBTaskResultAdmin):
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    search_fields = ("task_path",)
    actions = ["redeliver"]

    @admin.action(description="Deliver again", permissions=["view"])
    def redeliver(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Makes failed tasks ready again; every task may run twice."""
        act_on(
            self,
            request,
            queryset,
            lambda row: recovery.redeliver(row, actor=operator_of(request)),
            "is delivered again",
        )
