"""Settings in the console: seen here, changed by the API's services, `bin/manage params` and `check_providers`."""

from django.contrib import admin

from accounts.admin import FactAdmin
from settings_params.models import AgentProvider, ServerParam


@admin.register(ServerParam)
class ServerParamAdmin(FactAdmin):
    list_display = ("key", "value", "updated_by", "updated_at")
    list_select_related = ("updated_by",)
    search_fields = ("key",)


@admin.register(AgentProvider)
class AgentProviderAdmin(FactAdmin):
    list_display = ("key", "enabled", "default_model", "version", "probed_at")
    list_filter = ("enabled",)
