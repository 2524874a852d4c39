"""Devices in the console: facts, without the token that addresses the phone."""

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from devices.models import Device


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "name", "environment", "app_version", "updated_at")
    list_select_related = ("user",)
    list_filter = ("environment",)
    search_fields = ("user__email", "name")
    exact_fields = ("user__email",)
    exclude = ("token",)
    readonly_fields = ("token_suffix",)
