"""Snapshots in the console."""

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import ReadOnlyAdmin
from snapshots.models import Snapshot


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnlyAdmin):
    list_display = ("id", "project", "run", "kind", "commit", "files_changed", "created_at")
    list_filter = ("kind",)
    list_select_related = ("project", "run")

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
