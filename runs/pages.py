"""Pages of the runs of all projects that somebody works in: the first ones of each project, put together."""

from collections.abc import Sequence
from typing import Any, cast

from django.db.models import JSONField, OuterRef, Q, Subquery, Sum
from rest_framework.request import Request

from accounts.models import User
from config.api.looking import LOOKED_AT, filtered, is_looked_for, look_for
from config.api.ordering import Order
from config.api.pagination import KeysetPagination
from projects.models import Membership
from runs.models import RunCount


class MemberRunPages(KeysetPagination):
    """Of the runs of all projects it shows a member those of their own. Give it runs that are not restricted so.

    No index has a person's runs in order, and no single plan is good for somebody with few of a million runs and for
    somebody with all of them: so each project gives as many as a page has from its own index. A text is looked for in
    all their runs where they have few, else in everybody's, page by page.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self._member = member = cast("User", request.user)
        self._has_few = False
        if is_looked_for(queryset):
            self._has_few = _count_runs(member) <= LOOKED_AT
            mine = Q(project__in=Membership.objects.filter(user=member).values("project"))
            queryset = filtered(queryset) if self._has_few else look_for(queryset, mine)
        return super().paginate_queryset(queryset, request, view)

    def read_rows(self, queryset: Any, order: Order, after: Sequence[Any] | None, count: int) -> list[Any]:
        (runs,) = order.parts(queryset.filter(project=OuterRef("project")), after)
        # Of few, all: told of an order and an end, PostgreSQL would look for the text in everybody's runs.
        runs = runs.order_by().values("pk") if self._has_few else runs.values("pk")[:count]
        of_each = Membership.objects.filter(user=self._member).annotate(ids=_Ids(runs))
        ids = [pk for found in of_each.values_list("ids", flat=True) for pk in found or ()]
        ids.sort(reverse=not order.ascending)
        return order.first(queryset.model.objects.filter(pk__in=ids[:count]), None, count)


class _Ids(Subquery):
    """The ids that a query gives, as one value: a list."""

    output_field = JSONField()

    def as_sqlite(self, compiler: Any, connection: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="(SELECT json_group_array(ids.pk) FROM (%(subquery)s) AS ids)"
        )

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        return self.as_sql(compiler, connection, template="(SELECT jsonb_agg(ids.pk) FROM (%(subquery)s) AS ids)")


def _count_runs(user: User) -> int:
    """How many runs the projects have in which somebody works."""
    counts = RunCount.objects.filter(project__memberships__user=user).aggregate(number=Sum("number"))
    return counts["number"] or 0
