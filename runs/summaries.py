"""Collects, for a page of runs at once, what their serializers show beside the rows themselves."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Case, Count, F, OuterRef, QuerySet, Subquery, When, Window
from django.db.models.functions import RowNumber

from config.statements import Statement
from runs.models import Permission, Run, RunAttempt, RunFacts, RunReview

USAGE_FIELDS = ("input_tokens", "output_tokens", "cached_tokens", "cost_usd")


def describe(runs: Sequence[Run]) -> None:
    """Gives each run its `facts`, by at most three queries whatever the number of runs."""
    ids = [run.pk for run in runs]
    is_one = len(ids) == 1
    attempts = _ATTEMPTS_OF_ONE.rows(*ids) if is_one else _attempts(run__in=ids)
    # Whoever asks for permission or is reviewed has an attempt.
    rows = () if not attempts else _REVIEWS_OF_ONE.rows(*ids) if is_one else _reviews(run__in=ids)
    reviews = {review.run_id: review for review in rows}
    positions = _queue_positions(runs)
    attempts_of: defaultdict[int, list[Any]] = defaultdict(list)
    for each in attempts:
        attempts_of[each.run_id].append(each)
    for run in runs:
        own = attempts_of[run.pk]
        run.facts = RunFacts(
            attempt=next((each for each in own if each.number == run.attempt), None),
            review=reviews.get(run.pk),
            usage={name: sum(getattr(each, name) for each in own) for name in USAGE_FIELDS},
            pending_permissions=(own[0].pending or 0) if own else 0,
            queue_position=positions.get(run.pk),
        )


def _attempts(**which: Any) -> Any:
    """Attempts, each with the number of questions that are `pending` in its run."""
    asked = Permission.objects.filter(run=OuterRef("run"), status=Permission.Status.PENDING).order_by()
    pending = asked.values("run").annotate(number=Count("id")).values("number")
    return RunAttempt.objects.filter(**which).annotate(pending=Subquery(pending))


def _reviews(**which: Any) -> QuerySet[RunReview]:
    """The newest review of each run's present attempt: of many no other is read."""
    given = RunReview.objects.filter(run=OuterRef("run"), attempt=OuterRef("number")).order_by("-id").values("id")
    newest = RunAttempt.objects.filter(**which, run__attempt=F("number")).values_list(Subquery(given[:1]))
    return RunReview.objects.filter(pk__in=newest).select_related("reviewer").order_by()


_ATTEMPTS_OF_ONE = Statement(lambda run: _attempts(run=run), parameters=1)
_REVIEWS_OF_ONE = Statement(lambda run: _reviews(run=run), parameters=1)


def _queue_positions(runs: Sequence[Run]) -> dict[int, int]:
    waiting = {run.pk for run in runs if run.status == Run.Status.QUEUED}
    if not waiting:
        return {}
    # Numbered by the database: only what is asked for leaves it.
    place = Window(RowNumber(), order_by=["queued_at", "id"])
    asked = Case(When(pk__in=waiting, then=place))  # not a filter of its own: that would number the asked ones only
    queue = Run.objects.filter(status=Run.Status.QUEUED).order_by().annotate(place=asked)
    return dict(queue.filter(place__isnull=False).values_list("pk", "place"))
