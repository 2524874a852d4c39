"""What runs may use: the budgets by params, the question when one is used up, and what its answer does.

The answers' rows are the raises: each "go on" lifts the budget by its own amount again, for the attempt or for the day.
So nothing is lost with a worker, and whoever takes the run up next finds the same budgets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from accounts.models import User
from config.api.params import read
from projects.leases import Lease
from runs.models import ModelCall, Permission, Run, RunAttempt
from runs.services.lifecycle import hold_project, move
from runs.services.pausing import resume_run
from runs.services.permissions import ask_permission, decide_permission

KIND = "budget"
NOTICE_SHARE = Decimal("0.8")


@dataclass(frozen=True)
class Budget:
    """One limit as it stands: `limit` holds the raises, `step` is what one raise adds. `name`: tokens, cost or day."""

    name: str
    limit: Decimal
    step: Decimal

    @property
    def param(self) -> str:
        return _PARAMS[self.name]

    def is_used_up(self, used: Decimal) -> bool:
        return used >= self.limit

    def told_at(self, before: Decimal, after: Decimal) -> bool:
        """Whether the share that people are told of lies between the two."""
        return before < self.limit * NOTICE_SHARE <= after

    def amount(self, number: Decimal) -> str:
        """`12,000 tokens` or `1.50 USD`."""
        return f"{number:,.0f} tokens" if self.name == "tokens" else f"{number:,.2f} USD"

    @property
    def whose(self) -> str:
        return "All runs of today together have" if self.name == "day" else "The run has"


_PARAMS = {"tokens": "runs.token_budget", "cost": "runs.cost_budget_usd", "day": "runs.daily_cost_budget_usd"}


def budgets_of(run: Run) -> list[Budget]:
    """The budgets that are set, with the raises of the run's present attempt, or of today."""
    steps = {name: Decimal(str(read(param))) for name, param in _PARAMS.items()}
    wanted = {name: step for name, step in steps.items() if step}
    if not wanted:
        return []
    raises = _raises(run)
    return [Budget(name, step * (1 + raises.get(name, 0)), step) for name, step in wanted.items()]


def _raises(run: Run) -> dict[str, int]:
    allowed = Permission.objects.filter(kind=KIND, status=Permission.Status.ALLOWED)
    own = allowed.filter(run=run, attempt=run.attempt).exclude(option_id=_option("allow", "day"))
    counted = dict(own.values_list("option_id").annotate(Count("id")))
    of_today = allowed.filter(option_id=_option("allow", "day"), requested_at__gte=day_begin())
    return {"tokens": counted.get(_option("allow", "tokens"), 0), "cost": counted.get(_option("allow", "cost"), 0)} | {
        "day": of_today.count()
    }


def day_begin() -> datetime:
    """When today began, by UTC."""
    return timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def spent_today() -> Decimal:
    """US dollars that the model calls of all runs have cost today."""
    found = ModelCall.objects.filter(at__gte=day_begin()).aggregate(sum=Sum("cost_usd"))["sum"]
    return Decimal(found or 0)


def _option(kind: str, name: str) -> str:
    return f"{kind}-{name}"


@transaction.atomic
def ask_for_more(run: Run, lease: Lease, budget: Budget, used: Decimal) -> Permission:
    """Writes the question "go on with more?" down and pauses the run. LeaseLost when it is somebody else's."""
    hold_project(run)
    status = Run.objects.select_for_update().values_list("status", flat=True).get(pk=run.pk)
    used_up = f"{budget.whose} used {budget.amount(used)} of {budget.amount(budget.limit)} ({budget.param})."
    options = [
        {
            "optionId": _option("allow", budget.name),
            "name": f"Go on with {budget.amount(budget.step)} more",
            "kind": "allow_once",
        },
        {"optionId": _option("reject", budget.name), "name": "End the run", "kind": "reject_once"},
    ]
    if status == Run.Status.RUNNING:
        move(run, "pause", lease=lease, message=f"{used_up} It goes on when somebody allows more.")
    return ask_permission(
        run, lease, options=options, kind=KIND, title=f"{used_up} Go on with {budget.amount(budget.step)} more?"
    )


def rejected(run: Run) -> Permission | None:
    """The answer that more is not wanted, in the run's present attempt: it stays so."""
    return run.permissions.filter(attempt=run.attempt, kind=KIND, status=Permission.Status.REJECTED).first()


@transaction.atomic
def answer(permission: Permission, option_id: str, *, actor: User) -> None:
    """Answers any question of a run. That of a used-up budget takes its paused run up again, to go on or to fail.

    Somebody else's other answer: 409 `permission-resolved`.
    """
    if permission.kind != KIND:
        decide_permission(permission, option_id, actor=actor)
        return
    hold_project(permission.run)  # the order of locks in which runs are moved
    run = Run.objects.select_for_update().get(pk=permission.run_id)
    if decide_permission(permission, option_id, actor=actor) and run.status == Run.Status.PAUSED:
        will = "wants it to go on with more" if permission.status == Permission.Status.ALLOWED else "wants no more"
        resume_run(run, actor=actor, message=f"{actor.get_short_name()} {will}.")


def notices(budgets: list[Budget], before: dict[str, Decimal], after: dict[str, Decimal]) -> Iterator[dict[str, Any]]:
    """What is to be told as message and data, for each budget of which 80 % are used now and were not before."""
    for budget in budgets:
        used = after[budget.name]
        if budget.told_at(before[budget.name], used):
            text = f"{budget.whose} used 80 % of {budget.amount(budget.limit)} ({budget.param})."
            data = {"budget": budget.name, "used": float(used), "limit": float(budget.limit)}
            yield {"message": text, "data": data}


def used_by(attempt: RunAttempt) -> dict[str, Decimal]:
    """What an attempt has used of its own budgets."""
    return {"tokens": Decimal(attempt.input_tokens + attempt.output_tokens), "cost": Decimal(attempt.cost_usd)}
