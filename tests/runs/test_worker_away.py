"""A worker that could not write down how its task ended does not keep it: it is done again."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django_tasks_db.models import DBTaskResult

from runs.models import Run
from runs.tasks import execute_run
from runs.workers import worker
from runs.workers.worker import QueueWorker

calls: list[int] = []


def execute(run_id: int) -> None:
    """In place of the executor."""
    calls.append(run_id)


@pytest.mark.django_db(transaction=True)
def test_a_task_whose_end_was_not_written_down_is_done_again(
    run: Run, settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.RUN_EXECUTOR = f"{__name__}.{execute.__name__}"
    monkeypatch.setattr(worker, "LOOK_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(worker, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(QueueWorker, "configure_signals", lambda self: None)  # they are the tests' own
    calls.clear()
    execute_run.enqueue(run.pk)

    def is_told() -> bool:
        return any(record.name == worker.__name__ for record in caplog.records)

    def refuse(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        if calls and not is_told():  # that it succeeded, and then that it failed, each as often as it is tried
            raise OperationalError("the connection is lost")
        return execute(sql, *arguments)

    def stop() -> None:
        working.running = False

    working = QueueWorker("runs", when_idle=stop)
    with connection.execute_wrapper(refuse):
        working.work()
    for thread in [each for each in threading.enumerate() if each.name == "heartbeat"]:
        thread.join(60)
    assert calls == [run.pk, run.pk]
    assert DBTaskResult.objects.get().status == "SUCCESSFUL"
