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
MAX_SEARCHED_ROWS, MAX_FOUND_ROWS = 10_000, 1_000
LARGEST_ID = 2**63 - 1


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
    """A list that opens, and is searched, as fast with a million rows as with a few.

    No index knows a part of a text: a search looks at the newest rows. `exact_fields` have an index, so that a row
    which has all of the text in one of them is found wherever it is, as is one by its id.
    """

    show_full_result_count = False  # never COUNT(*) over a long log
    show_facets = admin.ShowFacets.NEVER  # which would count the rows of every choice of every filter
    paginator = BoundedPaginator
    list_per_page = 50
    exact_fields: tuple[str, ...] = ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Also of what people choose a row from by typing."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        newest = self.model._default_manager.order_by("-pk").values_list("pk", flat=True)
        oldest = newest[MAX_SEARCHED_ROWS - 1 : MAX_SEARCHED_ROWS]
        if not search_term or not oldest:
            return found, may_repeat
        # By themselves, and then by their keys: as one condition with an OR, and in the list's order, no index is used.
        parts = found.filter(pk__gte=oldest[0]).order_by("-pk").values_list("pk", flat=True)[:MAX_FOUND_ROWS]
        return queryset.filter(pk__in={*parts, *self._named(search_term.strip())}), False

    def _named(self, text: str) -> set[Any]:
        """The keys of rows that the text names wholly."""
        found = {int(text)} if text.isdecimal() and int(text) <= LARGEST_ID else set()
        for field in self.exact_fields:
            rows = self.model._default_manager.filter(**{field: text}).order_by("-pk")
            found.update(rows.values_list("pk", flat=True)[:MAX_FOUND_ROWS])
        return found

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Says under the field what is looked at, where there is more than that."""
        shown = super().get_changelist_instance(request)
        if self.search_fields and self.model._default_manager.order_by("-pk")[MAX_SEARCHED_ROWS:].exists():
            whole = ", ".join(["id", *(field.replace("__", " ") for field in self.exact_fields)])
            shown.search_help_text = f"Looks at the newest {MAX_SEARCHED_ROWS:,} rows; at all for a whole {whole}."
        return shown


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
    exact_fields = ("email",)
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
    exact_fields = ("user__email",)
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
    exact_fields = ("user__email",)


@admin.register(AuditEntry)
class AuditEntryAdmin(FactAdmin):
    list_display = ("created_at", "actor", "action", "detail")
    list_select_related = ("actor",)
    list_filter = (("action", RecentValuesFilter), "created_at")
    search_fields = ("actor__email", "action")
    exact_fields = ("actor__email",)


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(FactAdmin):
    list_display = ("created_at", "user", "method", "path", "status")
    list_select_related = ("user",)
    search_fields = ("user__email", "path")
    exact_fields = ("user__email",)
    exclude = ("key", "request_sha256", "headers", "body")
