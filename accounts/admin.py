"""Accounts in the console. A token's secret is not kept, so there is none to show."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.http import HttpRequest

from accounts.models import AccessToken, AuditEntry, User


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Facts: looked at, not edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class FactAdmin(ReadOnlyAdmin):
    """Rows that the server writes: nobody deletes them by hand."""

    show_full_result_count = False  # never COUNT(*) over a long log

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]
    list_display = ("email", "name", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email", "name")
    ordering = ("email",)
    fieldsets = (
        (None, {"fields": ("email", "password", "name")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "password1", "password2")}),)
    filter_horizontal = ()


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "name", "abilities", "last_used_at", "expires_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "name")
    exclude = ("secret_sha256",)


@admin.register(AuditEntry)
class AuditEntryAdmin(FactAdmin):
    list_display = ("created_at", "actor", "action", "detail")
    list_select_related = ("actor",)
    list_filter = ("action",)
    search_fields = ("actor__email", "action")
