"""The meter of a sitting: what its model calls use is written down, and its budgets are kept before each call.

What is used by now is known here in memory, as one process carries a run out; the budgets are looked at anew before a
call, at most once a second. A call that comes when one is used up waits, for days if need be, while people are asked.
"""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from config.api.params import read
from projects.leases import Lease
from runs.execution.errors import RunCannotGoOn
from runs.execution.gateway.errors import CallRefused
from runs.execution.gateway.meter import Call
from runs.execution.gateway.usage import Usage
from runs.execution.patience import patiently, written
from runs.execution.questions import wait_for_answer
from runs.execution.recorder import Recorder
from runs.models import Permission, Run, RunAttempt
from runs.services import budgets
from runs.services.budgets import Budget
from runs.services.metering import SettledCall, record_calls
from runs.services.permissions import mark_delivered
from settings_params.prices import Price, price_of

LOOK_EVERY_SECONDS = 1.0
TELL_EVERY_SECONDS = 2.0


@dataclass(frozen=True)
class _View:
    """What the database and the params said at a time."""

    budgets: list[Budget]
    spent_today: Decimal
    prices: tuple[str, ...]
    until: float


class RunMeter:
    """Of one sitting of one run's agent: a `gateway.meter.Meter`. What the recorder holds goes before a question."""

    def __init__(self, run: Run, attempt: RunAttempt, lease: Lease, recorder: Recorder) -> None:
        self._run, self._attempt, self._lease, self._recorder = run, attempt, lease, recorder
        self._used = budgets.used_by(attempt)
        self._waiting: list[SettledCall] = []
        self._is_told, self._tell_at = True, 0.0
        self._news = asyncio.Event()
        self._writing = asyncio.Lock()
        self._view: _View | None = None
        self._question: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    def require_leave(self) -> None:
        """RunCannotGoOn where somebody has said, before, that more is not wanted."""
        rejected = budgets.rejected(self._run)
        if rejected is not None:
            raise _used_up(rejected)

    async def run(self) -> None:
        """Writes down what calls have used, until cancelled. Raises what ends the run: no more is wanted, LeaseLost."""
        while True:
            await self._news.wait()
            self._news.clear()
            if self._failure is not None:
                raise self._failure
            await self._write(is_told=time.monotonic() >= self._tell_at)
            if not self._is_told:
                asyncio.get_running_loop().call_at(self._tell_at, self._news.set)

    async def finish(self) -> None:
        """After the last call: writes all that is left."""
        if self._question is not None:
            self._question.cancel()
            await asyncio.wait({self._question})
        await self._write(is_told=True)

    def settle(self, call: Call, usage: Usage) -> None:
        """The call is over; what it has used counts from now on."""
        price = None if self._view is None else price_of(call.model, self._view.prices)
        settled = _settled(call, usage, price)
        self._waiting.append(settled)
        cost = settled.cost_usd or Decimal(0)
        self._used["tokens"] += settled.input_tokens + settled.output_tokens
        self._used["cost"] += cost
        if self._view is not None:
            self._view = replace(self._view, spent_today=self._view.spent_today + cost)
        self._is_told = False
        self._news.set()

    async def admit(self, call: Call) -> None:
        """Returns when no budget is used up; asks people first, where one is."""
        view = await self._look()
        self._require_price(call, view)
        while (excess := self._excess(view)) is not None:
            if self._question is None or self._question.done():
                self._question = asyncio.create_task(self._ask(excess, self._used_of(excess, view)))
            await asyncio.wait({self._question})
            if self._failure is not None or self._question.cancelled():
                raise CallRefused(403, "The run's budget is used up.")
            view = await self._look(is_new=True)

    async def _look(self, *, is_new: bool = False) -> _View:
        if self._view is None or is_new or time.monotonic() >= self._view.until:
            await self._write(is_told=False)  # what the day has cost is read from the rows
            self._view = await patiently(self._read)
        return self._view

    def _read(self) -> _View:
        limits = budgets.budgets_of(self._run)
        spent = budgets.spent_today() if any(budget.name == "day" for budget in limits) else Decimal(0)
        return _View(limits, spent, read("providers.prices"), time.monotonic() + LOOK_EVERY_SECONDS)

    def _require_price(self, call: Call, view: _View) -> None:
        """Where money is counted, a call that nobody can count ends the run, before it is made."""
        costs = [budget for budget in view.budgets if budget.name != "tokens"]
        if costs and price_of(call.model, view.prices) is None:
            reason = (
                f"The model {call.model} has no price, and {costs[0].param} is set: an operator adds "
                f"{call.model}=INPUT/OUTPUT to providers.prices (US dollars for a million tokens)."
            )
            self._fail(RunCannotGoOn("price-unknown", reason))
            raise CallRefused(403, reason)

    def _excess(self, view: _View) -> Budget | None:
        return next((each for each in view.budgets if each.is_used_up(self._used_of(each, view))), None)

    def _used_of(self, budget: Budget, view: _View) -> Decimal:
        return view.spent_today if budget.name == "day" else self._used[budget.name]

    def _fail(self, error: Exception) -> None:
        """Ends the run, by way of `run`."""
        self._failure = error
        self._news.set()

    async def _ask(self, budget: Budget, used: Decimal) -> None:
        """Comes back with the answer. A task of its own: the call may be given up meanwhile, and made again."""
        try:
            await self._recorder.finish()
            permission = await written(budgets.ask_for_more, self._run, self._lease, budget, used)
            await wait_for_answer(permission)
            if permission.status != Permission.Status.ALLOWED:
                raise _used_up(permission)
            await patiently(mark_delivered, permission)  # the same again changes nothing
        except Exception as error:
            self._fail(error)

    async def _write(self, *, is_told: bool) -> None:
        """Cancelled meanwhile, it comes to its end first: a call leaves the list only when it is in the table."""
        if self._waiting or (is_told and not self._is_told):
            await _to_the_end(self._write_batch(is_told=is_told))

    async def _write_batch(self, *, is_told: bool) -> None:
        async with self._writing:
            batch = tuple(self._waiting)
            await written(record_calls, self._attempt, self._lease, batch, is_told=is_told)
            del self._waiting[: len(batch)]
            if is_told and not self._waiting:
                self._is_told, self._tell_at = True, time.monotonic() + TELL_EVERY_SECONDS


def _settled(call: Call, usage: Usage, price: Price | None) -> SettledCall:
    numbers = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
    }
    cost = None if price is None else price.cost(**numbers)
    return SettledCall(call.vendor, call.model, **numbers, cost_usd=cost, is_estimate=usage.is_estimate)


def _used_up(permission: Permission) -> RunCannotGoOn:
    used_up = permission.title.removesuffix("?").rpartition(". ")[0]
    who = "nobody has allowed more in time" if permission.status == Permission.Status.EXPIRED else "more is not wanted"
    return RunCannotGoOn("budget-used-up", f"{used_up}, and {who}. What was done until then is kept.")


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    finally:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task})
