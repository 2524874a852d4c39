"""Whatever statement of a run's executor fails on a lost connection: the run goes on, and its log is as any other's."""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import InterfaceError, OperationalError, connection

from accounts.models import User
from projects.git.changes import FileChange
from runs.execution import patience
from runs.execution.executor import execute
from runs.execution.model_server.server import ModelServer
from runs.execution.questions import Questions
from runs.models import ModelCall, Permission, Run, RunAttempt, WorkspaceFile
from runs.services.permissions import decide_permission
from runs.services.recording import record_files
from runs.workers import recovery
from tests.conftest import QueueRun
from tests.runs.model_runs import asking
from tests.runs.test_recorder import claimed
from tests.runs.test_recorder_flood import QUESTION, recorder_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unlimited")]
KIND = re.compile(r'SAVEPOINT|RELEASE|ROLLBACK|(\w+)[^"]*(?:"(\w+)")?')
PROMPT = f"{asking('2000 10')}\n\n```sh\necho two >> new.txt\n```"


@contextmanager
def failing_first(table: str = "") -> Iterator[set[Any]]:
    """Each kind of statement (verb and table) fails the first time, or each on that table; gives the kinds."""
    seen: set[Any] = set()

    def refuse(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        found = KIND.match(sql)
        kind = found.groups() if found else sql
        if kind not in seen and table in sql:
            seen.add(kind)
            raise (OperationalError, InterfaceError)[len(seen) % 2]("the connection is lost")
        return execute(sql, *arguments)

    with connection.execute_wrapper(refuse):
        yield seen


def told(run: Run) -> list[str]:
    """The kinds of its events, but for those that come in as many parts as the machine is slow."""
    in_parts = ["agent_message", "command_output", "file_updated", "usage_updated"]
    return sorted(run.events.exclude(event_type__in=in_parts).values_list("event_type", flat=True))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long enough for one step with every kind of statement in it, on a slow machine."""
    monkeypatch.setattr(patience, "AWAY_SECONDS", 100.0)
    monkeypatch.setattr(patience, "RETRY_SECONDS", 0.0)
    monkeypatch.setenv("QUARTERDECK_PARAM_DOCS_AUTO_UPDATE", "false")  # what fails there is only told


def test_every_statement_of_a_run_may_fail_once(queue_run: QueueRun, server: ModelServer) -> None:
    plain, run = queue_run(PROMPT), queue_run(PROMPT)
    execute(plain.pk)
    with failing_first() as seen:
        execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error) == ("completed", None)
    assert len(seen) > 20
    assert told(run) == told(plain)
    assert list(WorkspaceFile.objects.filter(attempt__run=run).values_list("path", flat=True)) == ["new.txt"]
    assert list(ModelCall.objects.filter(run=run).values_list("input_tokens", flat=True)) == [2000]


def test_every_statement_may_fail_of_a_run_that_fails(queue_run: QueueRun) -> None:
    run = queue_run("```sh\nexit 3\n```")
    with failing_first():
        execute(run.pk)
    run.refresh_from_db()
    assert run.error is not None
    assert (run.status, run.error["code"]) == ("failed", "agent-failed")


def test_a_run_whose_database_stays_away_is_left_to_recovery(
    queue_run: QueueRun, monkeypatch: pytest.MonkeyPatch, work_off: Callable[[], None]
) -> None:
    run = queue_run("```sh\necho two >> new.txt\n```")
    monkeypatch.setattr(patience, "AWAY_SECONDS", 0.0)
    with failing_first(table="snapshots_snapshot"):
        execute(run.pk)
    assert recovery.recover_the_dead()["requeued_runs"] == 1
    work_off()
    run.refresh_from_db()
    assert (run.status, run.error) == ("completed", None)
    assert run.events.filter(event_type="run_recovered").count() == 1


def test_files_whose_events_could_not_be_written_are_written_by_the_next_look(run: Run) -> None:
    attempt = RunAttempt.objects.create(run=run, number=1, branch="b", base_commit="0" * 40)
    change = FileChange("new.txt", None, "created", 1, 0, False, 4, None, "1" * 40, None, "100644")
    with failing_first(table="last_seq = "), pytest.raises((OperationalError, InterfaceError)):
        record_files(attempt, None, "2" * 40, [change])
    assert (attempt.tree, told(run)) == (None, [])
    record_files(attempt, None, "2" * 40, [change])
    assert (attempt.tree, told(run)) == ("2" * 40, ["file_created"])


def test_a_question_whose_writing_failed_is_asked_once(run: Run, user: User, tmp_path: Path) -> None:
    lease = claimed(run)

    async def ask() -> str | None:
        asking = asyncio.create_task(Questions(run, lease, recorder_of(run, lease, tmp_path)).ask(QUESTION))
        while (question := await sync_to_async(first_question)()) is None:  # noqa: ASYNC110 - a row has no event
            await asyncio.sleep(0.01)
        await sync_to_async(answer_in_a_thread)(question, user)
        return await asking

    with failing_first() as seen:
        assert async_to_sync(ask)() == "yes"
    assert len(seen) > 5
    assert told(run) == ["permission_requested", "permission_resolved", "run_started"]
    assert Permission.objects.get().delivered_at is not None


def in_a_thread(work: Callable[[], Any]) -> Any:
    """By a connection of its own, of which nothing fails."""

    def closing() -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(closing).result(60)


def first_question() -> Permission | None:
    found: Permission | None = in_a_thread(Permission.objects.first)
    return found


def answer_in_a_thread(question: Permission, user: User) -> None:
    in_a_thread(lambda: decide_permission(question, "yes", actor=user))
