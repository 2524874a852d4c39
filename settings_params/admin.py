"""Server params in the console: seen here, changed by the API's service or `bin/manage params`."""

from django.contrib import admin

from accounts.admin import FactAdmin
from settings_params.models import ServerParam


@admin.register(ServerParam)
class ServerParamAdmin(FactAdmin):
    list_display = ("key", "value", "updated_by", "updated_at")
    list_select_related = ("updated_by",)
    search_fields = ("key",)
