"""Generated documents in the console."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import FactAdmin, RecentValuesFilter, act_on, operator_of
from docs_mgmt.models import DocsState, GeneratedDocument
from docs_mgmt.services.queueing import request_docs


@admin.register(DocsState)
class DocsStateAdmin(FactAdmin):
    """How far each project's documents are; who generates them now, and why the last try failed."""

    list_display = ("project", "status", "commit", "tried_commit", "generated_at", "queued_at", "lease_owner")
    list_select_related = ("project",)
    list_filter = ("status",)
    search_fields = ("project__name", "commit")
    actions = ["generate_again"]

    @admin.action(description="Generate again", permissions=["view"])
    def generate_again(self, request: HttpRequest, queryset: "QuerySet[DocsState]") -> None:
        """As the API does."""
        actor = operator_of(request)
        rows = queryset.select_related("project")
        act_on(self, request, rows, lambda state: request_docs(state.project, actor=actor), "are queued")


@admin.register(GeneratedDocument)
class GeneratedDocumentAdmin(FactAdmin):
    """The documents without their text, which the API shows."""

    list_display = ("project", "slug", "blob", "problem", "changed_at")
    list_select_related = ("project",)
    list_filter = (("slug", RecentValuesFilter), "changed_at")
    search_fields = ("project__name", "slug")
    exclude = ("content", "text", "facts")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[GeneratedDocument]":
        rows: QuerySet[GeneratedDocument] = super().get_queryset(request)
        return rows.defer("content", "text", "facts")
