"""Accounts in the console. A token's secret is not kept, so there is none to show."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import services
from accounts.models import AccessToken, AuditEntry, IdempotencyRecord, StreamLease, User
from config.api.problems import Problem

MAX_COUNTED_ROWS, MAX_VALUED_ROWS = 10_000, 1_000


def operator_of(request: HttpRequest) -> User:
    """Who acts: the console lets nobody in but operators."""
    return cast("User", request.user)


def act_on(console: Any, request: HttpRequest, rows: Iterable[Any], act: Callable[[Any], object], done: str) -> None:
    """Does the same to every row, as the API would, and tells for each what came of it. `done`: "is cancelled"."""
    for row in rows:
        try:
            act(row)
            console.message_user(request, f"{row} {done}.")
        except Problem as problem:
            console.message_user(request, f"{row}: {problem.detail}", messages.ERROR)


class BoundedPaginator(Paginator[Any]):
    """Counts only so far as somebody may page by hand: the logs have millions of rows, filters lead further."""

    @cached_property
    def count(self) -> int:
        """The number of rows, 10,000 at most."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment] # the admin pages querysets
        return rows.order_by()[:MAX_COUNTED_ROWS].count()


class RecentValuesFilter(admin.AllValuesFieldListFilter):
    """Filters by the values that the newest rows have: looking for all of them would read every row."""

    def __init__(self, field: Any, *others: Any, **named: Any) -> None:
        super().__init__(field, *others, **named)
        newest = field.model._default_manager.order_by("-pk").values_list(field.name, flat=True)[:MAX_VALUED_ROWS]
        self.lookup_choices = sorted(set(newest), key=str)  # type: ignore[assignment] # a list is as good as a query


class LongListAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that opens as fast with a million rows as with a few."""

    show_full_result_count = False  # never COUNT(*) over a long log
    paginator = BoundedPaginator
    list_per_page = 50


class ReadOnlyAdmin(LongListAdmin):
    """Facts: looked at, not edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class FactAdmin(ReadOnlyAdmin):
    """Rows that the server writes: nobody deletes them by hand."""

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(LongListAdmin, DjangoUserAdmin):  # type: ignore[type-arg]
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
class AccessTokenAdmin(FactAdmin):
    list_display = ("id", "user", "name", "abilities", "parent_id", "last_used_at", "expires_at")
    list_filter = ("expires_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "name")
    exclude = ("secret_sha256",)
    actions = ["revoke"]

    @admin.action(description="Revoke", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[AccessToken]) -> None:
        """Ends the sessions; the tokens elevated from them and their open streams too."""
        act_on(
            self,
            request,
            queryset,
            lambda token: services.revoke_token(token, actor=operator_of(request)),
            "is revoked",
        )


@admin.register(StreamLease)
class StreamLeaseAdmin(FactAdmin):
    list_display = ("id", "user", "path", "client", "opened_at", "expires_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "path")


@admin.register(AuditEntry)
class AuditEntryAdmin(FactAdmin):
    list_display = ("created_at", "actor", "action", "detail")
    list_select_related = ("actor",)
    list_filter = (("action", RecentValuesFilter), "created_at")
    search_fields = ("actor__email", "action")


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(FactAdmin):
    list_display = ("created_at", "user", "method", "path", "status")
    list_select_related = ("user",)
    search_fields = ("user__email", "path")
    exclude = ("key", "request_sha256", "headers", "body")
