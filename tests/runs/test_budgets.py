"""Budgets are kept before the next call: the run pauses and asks, goes on with more, or fails with its work kept."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from rest_framework.test import APIClient

from projects import leases
from runs.events import Draft
from runs.execution.executor import execute
from runs.execution.gateway.meter import Call
from runs.execution.metering import RunMeter
from runs.execution.model_server.server import ModelServer
from runs.execution.recorder import Recorder
from runs.models import ModelCall, Permission, Run
from runs.redaction import Redactor
from runs.services import lifecycle
from tests.conftest import QueueRun, all_at_once, working
from tests.runs.model_runs import asking
from tests.serving import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unlimited", "server")]
PARAM = "QUARTERDECK_PARAM_"
THREE_CALLS = "```sh\necho done > first.txt\n```\n\n" + asking("600 0", "600 0", "100 0")
Answer = Callable[[Run, str], int]


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of the three calls use the budget up."""
    monkeypatch.setenv(PARAM + "RUNS_TOKEN_BUDGET", "1000")


@pytest.fixture
def detaching(monkeypatch: pytest.MonkeyPatch) -> None:
    """A paused run's agent is ended at once."""
    monkeypatch.setenv(PARAM + "RUNS_PAUSE_DETACH_AFTER_MINUTES", "0")


@pytest.fixture
def answer(api: APIClient) -> Answer:
    """Answers the budget's question with a decision; gives the status of the answer."""

    def give(run: Run, decision: str) -> int:
        question = run.permissions.get(kind="budget")
        response = api.post(f"/api/runs/{run.pk}/permissions/{question.pk}", {"decision": decision})
        return int(response.status_code)

    return give


def wait_for_question(run: Run) -> Permission:
    """The budget's question, when the run has paused for it."""
    wait_until(lambda: run.permissions.filter(kind="budget").exists())
    run.refresh_from_db()
    question: Permission = run.permissions.get(kind="budget")
    assert run.status == "paused"
    return question


def events(api: APIClient, run: Run, *types: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/api/runs/{run.pk}/events?limit=200").json()["data"]
    return [event for event in found if event["eventType"] in types]


@pytest.mark.usefixtures("tokens")
def test_at_the_limit_the_run_pauses_and_goes_on_with_more(
    queue_run: QueueRun, server: ModelServer, answer: Answer
) -> None:
    run = queue_run(THREE_CALLS)
    with working(run):
        question = wait_for_question(run)
        calls_before = len(server.requests)
        assert answer(run, "allow_once") == 200
    run.refresh_from_db()
    assert (run.status, calls_before, len(server.requests)) == ("completed", 2, 3)
    assert question.title == (
        "The run has used 1,200 tokens of 1,000 tokens (runs.token_budget). Go on with 1,000 tokens more?"
    )


@pytest.mark.usefixtures("tokens")
def test_the_log_tells_of_80_percent_once_and_of_the_pause(api: APIClient, queue_run: QueueRun, answer: Answer) -> None:
    run = queue_run(THREE_CALLS)
    with working(run):
        wait_for_question(run)
        answer(run, "allow_once")
    [notice] = [event for event in events(api, run, "log") if "budget" in event["data"]]
    assert (notice["severity"], notice["data"]) == ("notice", {"budget": "tokens", "used": 1200.0, "limit": 1000.0})
    moves = events(api, run, "run_paused", "permission_requested", "permission_resolved", "run_resumed")
    assert [event["eventType"] for event in moves] == [
        *("run_paused", "permission_requested", "permission_resolved", "run_resumed")
    ]


@pytest.mark.usefixtures("tokens")
def test_what_the_agent_did_before_is_in_the_log_before_the_pause(
    api: APIClient, queue_run: QueueRun, tmp_path: Path
) -> None:
    run = queue_run("")
    lease = leases.claim(Run.objects.filter(status="queued"), run.pk)
    assert lease is not None
    lifecycle.move(run, "claim", lease=lease)
    attempt = run.attempts.create(number=1, base_commit="0" * 40, input_tokens=2000)

    async def ask() -> None:
        recorder = Recorder(run, lease, tmp_path, lambda: None, redactor=Redactor({}))
        recorder.add(Draft("log", "Done before."))
        meter = RunMeter(run, attempt, lease, recorder)
        admitting = asyncio.create_task(meter.admit(Call("openai", "scripted")))
        while not await run.permissions.filter(kind="budget").aexists():  # noqa: ASYNC110 - a row
            await asyncio.sleep(0.01)
        admitting.cancel()
        await asyncio.gather(admitting, return_exceptions=True)
        await meter.finish()

    async_to_sync(ask)()
    found = events(api, run, "log", "run_paused", "permission_requested")
    assert [each["eventType"] for each in found] == ["log", "run_paused", "permission_requested"]


@pytest.mark.usefixtures("tokens")
def test_when_no_more_is_wanted_the_run_fails_and_keeps_its_work(
    api: APIClient, queue_run: QueueRun, server: ModelServer, answer: Answer
) -> None:
    run = queue_run(THREE_CALLS)
    with working(run):
        wait_for_question(run)
        answer(run, "reject")
    run.refresh_from_db()
    files = [file["path"] for file in api.get(f"/api/runs/{run.pk}/files").json()["data"]]
    assert run.error is not None
    assert (run.status, run.error["code"], files, len(server.requests)) == (
        *("failed", "budget-used-up", ["first.txt"]),
        2,
    )


@pytest.mark.usefixtures("tokens", "detaching")
def test_an_answer_takes_a_run_up_again_whose_agent_was_ended(
    queue_run: QueueRun, work_off: Callable[[], None], answer: Answer
) -> None:
    run = queue_run(THREE_CALLS)
    execute(run.pk)
    question = wait_for_question(run)
    assert (question.status, run.has_agent, answer(run, "allow_once")) == ("pending", False, 200)
    work_off()
    run.refresh_from_db()
    assert (run.status, run.permissions.count()) == ("completed", 1)


@pytest.mark.usefixtures("tokens", "detaching")
def test_a_run_whose_agent_was_ended_fails_when_no_more_is_wanted(
    queue_run: QueueRun, work_off: Callable[[], None], server: ModelServer, answer: Answer
) -> None:
    run = queue_run(THREE_CALLS)
    execute(run.pk)
    answer(run, "reject")
    work_off()
    run.refresh_from_db()
    assert run.error is not None
    assert (run.status, run.error["code"], len(server.requests)) == ("failed", "budget-used-up", 2)


@pytest.mark.usefixtures("tokens", "detaching")
def test_of_two_answers_at_once_one_counts(queue_run: QueueRun, answer: Answer) -> None:
    run = queue_run(THREE_CALLS)
    execute(run.pk)
    statuses = all_at_once(2, lambda number: answer(run, ("allow_once", "reject")[number]))
    run.refresh_from_db()
    assert (sorted(statuses), run.status) == ([200, 409], "queued")


def test_a_budget_of_money_asks_too(queue_run: QueueRun, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    monkeypatch.setenv(PARAM + "RUNS_COST_BUDGET_USD", "0.01")
    monkeypatch.setenv(PARAM + "PROVIDERS_PRICES", '["scripted=10/10"]')
    run = queue_run(THREE_CALLS)
    with working(run):
        question = wait_for_question(run)
        answer(run, "allow_once")
    assert question.title.startswith("The run has used 0.01 USD of 0.01 USD (runs.cost_budget_usd).")


def test_the_budget_of_the_day_counts_all_runs(
    carry_out: QueueRun, queue_run: QueueRun, server: ModelServer, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setenv(PARAM + "RUNS_DAILY_COST_BUDGET_USD", "0.006")
    monkeypatch.setenv(PARAM + "PROVIDERS_PRICES", '["scripted=10/10"]')
    assert carry_out(asking("600 0")).status == "completed"
    run = queue_run(asking("1 0"))
    with working(run):
        wait_for_question(run)
        assert len(server.requests) == 1
        answer(run, "allow_once")
    run.refresh_from_db()
    assert run.status == "completed"


def test_a_model_without_a_price_ends_a_run_that_may_cost_so_much(
    carry_out: QueueRun, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PARAM + "RUNS_COST_BUDGET_USD", "5")
    run = carry_out(asking("600 0"))
    assert run.error is not None
    assert (run.error["code"], "scripted=INPUT/OUTPUT" in run.error["message"]) == ("price-unknown", True)
    assert (server.requests, ModelCall.objects.count()) == ([], 0)
