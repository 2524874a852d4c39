"""Snapshots in the console."""

from django.contrib import admin

from accounts.admin import FactAdmin
from snapshots.models import Restore, Snapshot


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
