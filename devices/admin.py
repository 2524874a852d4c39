"""Devices in the console: facts, without the token that addresses the phone."""

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from devices.models import Device


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    list_display = ("id", "owner", "name", "environment", "app_version", "updated_at")
    list_select_related = ("access_token__user",)
    list_filter = ("environment",)
    search_fields = ("access_token__user__email", "name")
    exclude = ("token",)
    readonly_fields = ("token_suffix",)

    @admin.display(description="user", ordering="access_token__user__email")
    def owner(self, device: Device) -> str:
        return device.access_token.user.email
