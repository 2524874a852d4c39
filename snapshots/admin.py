"""Snapshots in the console."""

from django.contrib import admin

from accounts.admin import FactAdmin
from snapshots.models import Collection, Restore, Snapshot


@admin.register(Snapshot)
class SnapshotAdmin(FactAdmin):
    list_display = ("id", "project", "run", "kind", "commit", "files_changed", "created_at")
    list_filter = ("kind", "created_at")
    search_fields = ("description", "commit", "project__name")
    list_select_related = ("project", "run")


@admin.register(Restore)
class RestoreAdmin(FactAdmin):
    list_display = ("id", "snapshot", "checkpoint", "status", "actor", "begun_at", "finished_at")
    list_filter = ("status", "begun_at")
    search_fields = ("snapshot__description", "snapshot__project__name", "actor__email")
    list_select_related = ("snapshot", "checkpoint", "actor")


@admin.register(Collection)
class CollectionAdmin(FactAdmin):
    list_display = ("project", "status", "error", "begun_at", "finished_at", "bytes_before", "bytes_after")
    list_filter = ("status", "finished_at")
    search_fields = ("project__name",)
    list_select_related = ("project",)
