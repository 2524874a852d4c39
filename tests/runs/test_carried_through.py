"""Whatever statement of a run's executor fails on a lost connection: the run goes on, and its log is as any other's."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection

from runs.execution import patience
from runs.execution.executor import execute
from runs.execution.model_server.server import ModelServer
from runs.models import ModelCall, Run
from runs.workers import recovery
from tests.conftest import QueueRun
from tests.runs.model_runs import asking

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unlimited")]
KIND = re.compile(r'(\w+)[^"]*(?:"(\w+)")?')
PROMPT = f"{asking('2000 10')}\n\n```sh\necho two >> new.txt\n```"


@contextmanager
def failing_first(errors: tuple[type[Exception], ...] = (OperationalError, InterfaceError)) -> Iterator[set[Any]]:
    """Each kind of statement (verb and table) fails the first time, by turns with these errors; gives the kinds."""
    seen: set[Any] = set()

    def refuse(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        found = KIND.match(sql)
        kind = found.groups() if found else sql
        if kind not in seen:
            seen.add(kind)
            raise errors[len(seen) % len(errors)]("the connection is lost")
        return execute(sql, *arguments)

    with connection.execute_wrapper(refuse):
        yield seen


def told(run: Run) -> list[str]:
    """The kinds of its events, but for those that come in as many parts as the machine is slow."""
    kinds = run.events.exclude(event_type__in=["command_output", "file_updated", "usage_updated"])
    return sorted(kinds.values_list("event_type", flat=True))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long enough for one step with every kind of statement in it, on a slow machine."""
    monkeypatch.setattr(patience, "AWAY_SECONDS", 300.0)
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
    assert list(run.files.values_list("path", flat=True)) == ["new.txt"]
    assert list(ModelCall.objects.filter(run=run).values_list("input_tokens", flat=True)) == [2000]


def test_every_statement_may_fail_of_a_run_that_fails(queue_run: QueueRun) -> None:
    run = queue_run("```sh\nexit 3\n```")
    with failing_first():
        execute(run.pk)
    run.refresh_from_db()
    assert run.error is not None
    assert (run.status, run.error["code"]) == ("failed", "agent-failed")


def test_a_run_whose_database_stays_away_is_recovered(
    queue_run: QueueRun, monkeypatch: pytest.MonkeyPatch, work_off: Callable[[], None]
) -> None:
    run = queue_run("```sh\necho two >> new.txt\n```")
    with monkeypatch.context() as impatience, failing_first() as seen:
        seen |= {("SELECT", None), ("BEGIN", None)}
        impatience.setattr(patience, "AWAY_SECONDS", 0.0)
        while not Run.objects.filter(pk=run.pk, lease_expires_at__isnull=False).exists():
            with pytest.raises((OperationalError, InterfaceError)):
                execute(run.pk)
    recovery.recover_the_dead()
    work_off()
    run.refresh_from_db()
    assert (run.status, run.error) == ("completed", None)
    assert run.events.filter(event_type="run_recovered").count() == 1
