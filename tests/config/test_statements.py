"""config.statements: what a compiled queryset gives is what the queryset itself gives."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import Count, F, QuerySet
from django.test.utils import CaptureQueriesContext

from accounts.models import AccessToken, User
from accounts.services import issue_token
from config.statements import Statement
from projects.models import Project
from runs.models import Run, RunReview

pytestmark = pytest.mark.django_db


def facts(rows: Any) -> list[dict[str, Any]]:
    return [{name: value for name, value in vars(row).items() if name != "_state"} for row in rows]


def test_rows_are_those_of_the_queryset(run: Run) -> None:
    def runs(pk: int) -> QuerySet[Run]:
        return Run.objects.filter(pk=pk).annotate(attempts_made=Count("attempts"))

    assert facts(Statement(runs, parameters=1).rows(run.pk)) == facts(runs(run.pk))


def test_related_rows_come_along(user: User) -> None:
    token, _ = issue_token(user, ["projects:read"])
    statement = Statement(lambda pk: AccessToken.objects.select_related("user", "parent").filter(pk=pk), parameters=1)
    with CaptureQueriesContext(connection) as asked:
        found = statement.first(token.pk)
        assert found is not None
        assert (found.user, found.parent, found.abilities) == (user, None, ["projects:read"])
    assert len(asked) == 1


def test_a_related_row_that_is_missing_is_none(run: Run) -> None:
    RunReview.objects.create(run=run, attempt=1, decision="approved", tree="1" * 40, reviewer=None)
    reviews = Statement(lambda pk: RunReview.objects.filter(run=pk).select_related("reviewer"), parameters=1)
    assert [review.reviewer for review in reviews.rows(run.pk)] == [None]


def test_tuples_are_those_of_the_queryset(run: Run) -> None:
    def pairs(pk: int) -> Any:
        return Run.objects.filter(pk=pk).values_list("created_at", "safe_mode", "timeline")

    assert Statement[Any](pairs, parameters=1).rows(run.pk) == list(pairs(run.pk))


def test_each_call_has_its_own_ids(run: Run, project: Project) -> None:
    other = Run.objects.create(project=project, title="Other", prompt="x")
    statement = Statement[Any](
        lambda first, second: Run.objects.filter(pk__gte=first, pk__lte=second).values_list("pk").order_by(F("pk")),
        parameters=2,
    )
    assert statement.rows(run.pk, other.pk) == [(run.pk,), (other.pk,)]
    assert (statement.rows(other.pk, other.pk), statement.rows(other.pk, run.pk)) == ([(other.pk,)], [])


def test_as_many_ids_as_parameters(run: Run) -> None:
    with pytest.raises(ValueError, match="zip"):
        Statement(lambda pk: Run.objects.filter(pk=pk), parameters=1).rows(run.pk, run.pk)
