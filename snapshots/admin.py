"""Snapshots in the console."""

from django.contrib import admin

from accounts.admin import FactAdmin
from snapshots.models import Snapshot


@admin.register(Snapshot)
class SnapshotAdmin(FactAdmin):
    list_display = ("id", "project", "run", "kind", "commit", "files_changed", "created_at")
    list_filter = ("kind", "created_at")
    search_fields = ("description", "commit", "project__name")
    list_select_related = ("project", "run")
