"""Settings in the console: seen here, changed by the API's services, `bin/manage params` and `check_providers`."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import FactAdmin, act_on, operator_of
from config.api.times import format_time
from settings_params.availability import known_providers, what_is_missing
from settings_params.models import AgentProvider, ServerParam
from settings_params.services.providers import change_provider


@admin.register(ServerParam)
class ServerParamAdmin(FactAdmin):
    list_display = ("key", "value", "updated_by", "updated_at")
    list_select_related = ("updated_by",)
    search_fields = ("key",)


def switching(name: str, *, enabled: bool) -> Any:
    """An action of the console that enables or disables the selected agents, as the API does."""

    @admin.action(description=name.capitalize(), permissions=["view"])
    def switch(console: "AgentProviderAdmin", request: HttpRequest, queryset: QuerySet[AgentProvider]) -> None:
        def change(row: AgentProvider) -> None:
            change_provider(row.key, actor=operator_of(request), enabled=enabled)

        act_on(console, request, queryset.filter(key__in=known_providers()), change, f"is {name}d")

    switch.__name__ = name
    return switch


@admin.register(AgentProvider)
class AgentProviderAdmin(FactAdmin):
    list_display = ("key", "enabled", "missing", "default_model", "version", "checked")
    list_filter = ("enabled",)
    search_fields = ("key",)
    actions = [switching("enable", enabled=True), switching("disable", enabled=False)]

    @admin.display(description="checked", ordering="checked_at")
    def checked(self, row: AgentProvider) -> str:
        """What `bin/manage check_agent` found last; a dash where it never looked."""
        return "-" if row.checked_at is None else f"{row.check_failure or 'passed'}, {format_time(row.checked_at)}"

    @admin.display(description="missing")
    def missing(self, row: AgentProvider) -> str:
        """What to install or set; a dash for an agent that is available."""
        provider = known_providers().get(row.key)
        return "There is no such agent." if provider is None else " ".join(what_is_missing(provider, row)) or "-"
