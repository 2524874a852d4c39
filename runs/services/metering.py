"""Writes down what model calls have used: the ledger's rows, the attempt's sums and what people are told, together."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from projects.leases import Lease
from runs.events import Draft, LeaseLost, append
from runs.models import ModelCall, RunAttempt
from runs.services import budgets

_SUMS = ("input_tokens", "output_tokens", "cached_tokens", "cost_usd")


@dataclass(frozen=True)
class SettledCall:
    """One call that is over; the fields are those of `ModelCall`."""

    vendor: str
    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    cost_usd: Decimal | None
    is_estimate: bool


@transaction.atomic
def record_calls(attempt: RunAttempt, lease: Lease, calls: Sequence[SettledCall], *, is_told: bool) -> None:
    """One row for each call, and the attempt's sums. `is_told`: with an event of what it has used by now.

    LeaseLost, and nothing written, when the run is somebody else's.
    """
    if not lease.held().select_for_update(no_key=True).exists():
        raise LeaseLost(attempt.run_id)
    run = attempt.run
    attempt.refresh_from_db(fields=_SUMS)
    limits = budgets.budgets_of(run) if calls else []
    before = _used(attempt, limits)
    ModelCall.objects.bulk_create([ModelCall(run=run, attempt=attempt.number, **vars(call)) for call in calls])
    _add(attempt, calls)
    after = _used(attempt, limits)
    drafts = [Draft("log", severity="notice", **told) for told in budgets.notices(limits, before, after)]
    append(run, [*drafts, *([_usage(attempt)] if is_told else [])])


def _add(attempt: RunAttempt, calls: Sequence[SettledCall]) -> None:
    if not calls:
        return
    for name in _SUMS[:3]:
        setattr(attempt, name, getattr(attempt, name) + sum(getattr(call, name) for call in calls))
    attempt.cost_usd += sum((call.cost_usd or Decimal(0) for call in calls), Decimal(0))
    attempt.save(update_fields=_SUMS)


def _used(attempt: RunAttempt, limits: Sequence[budgets.Budget]) -> dict[str, Decimal]:
    today = {"day": budgets.spent_today()} if any(budget.name == "day" for budget in limits) else {}
    return budgets.used_by(attempt) | today


def _usage(attempt: RunAttempt) -> Draft:
    data = {
        "inputTokens": attempt.input_tokens,
        "outputTokens": attempt.output_tokens,
        "cachedTokens": attempt.cached_tokens,
        "costUsd": float(attempt.cost_usd),
    }
    return Draft("usage_updated", "", "debug", data=data)
