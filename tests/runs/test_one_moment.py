"""All parts of a catch-up are of one moment, whatever is committed while it is read."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from config.one_moment import one_moment
from runs.events import Draft, append
from runs.models import Permission, Run, RunAttempt, WorkspaceFile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unlimited")]
TURNS = 60


@pytest.fixture
def attempt(run: Run) -> RunAttempt:
    return RunAttempt.objects.create(run=run, number=1, branch="b", base_commit="0" * 40, tree="1" * 40)


def work_on(run: Run, attempt: RunAttempt, turns: int = 1) -> None:
    """A changed file, a question and a renamed run, with the events that tell of them, committed together."""
    for _ in range(turns):
        _work_once(run, attempt)


@transaction.atomic
def _work_once(run: Run, attempt: RunAttempt) -> None:
    append(run, [Draft("file_created"), Draft("permission_requested"), Draft("log")])
    WorkspaceFile.objects.create(attempt=attempt, path="a", change_type="added", additions=1)
    in_an_hour = timezone.now() + timedelta(hours=1)
    Permission.objects.create(run=run, attempt=1, kind="execute", title="make", expires_at=in_an_hour)
    Run.objects.filter(pk=run.pk).update(title=f"{WorkspaceFile.objects.filter(attempt=attempt).count()} files")


def elsewhere(work: Callable[[], Any]) -> None:
    """Does it in another thread, on a connection of its own, to its end."""

    def closing() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=closing)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


@contextmanager
def before_each_statement(work: Callable[[], None]) -> Iterator[list[str]]:
    """Somebody else does some work before each statement that this connection reads with; gives those statements."""
    read: list[str] = []

    def first(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT"):
            read.append(sql)
            elsewhere(work)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(first):
        yield read


def check(answer: dict[str, Any]) -> int:
    """The parts agree with each other; how much had been done by then."""
    run, counts = answer["run"], answer["run"]["timeline"]["eventCounts"]
    done: int = counts["file_created"]
    assert answer["cursor"] == run["lastEventId"] == answer["events"][-1]["id"]
    assert answer["events"][-1]["seq"] == sum(counts.values()) == 3 * done
    assert answer["diff"]["stats"] == {"files": done, "additions": done, "deletions": 0}
    assert len(answer["permissions"]) == run["pendingPermissions"] == done
    assert run["title"] == f"{done} files"
    return done


def test_what_is_committed_between_the_reads_is_not_seen(api: APIClient, run: Run, attempt: RunAttempt) -> None:
    work_on(run, attempt)
    path = f"/api/runs/{run.pk}/catch-up"
    with before_each_statement(lambda: work_on(run, attempt)) as read:
        answer = api.get(path).json()
    done = check(answer)
    assert done < 1 + len(read) == WorkspaceFile.objects.count()
    later = api.get(f"/api/runs/{run.pk}/events", {"since": answer["cursor"], "limit": 200}).json()["data"]
    assert [event["seq"] for event in later] == list(range(3 * done + 1, 3 * len(read) + 4))


def test_a_reader_beside_a_writer_gets_every_event_once(api: APIClient, run: Run, attempt: RunAttempt) -> None:
    work_on(run, attempt)
    others = threading.Thread(target=elsewhere, args=[lambda: work_on(run, attempt, TURNS)])
    others.start()
    cursor, found = 0, list[int]()
    while len(found) < 3 * (TURNS + 1):
        answer = api.get(f"/api/runs/{run.pk}/catch-up", {"since": cursor}).json()
        if answer["events"]:
            check(answer)
        cursor = answer["cursor"]
        found += [event["seq"] for event in answer["events"]]
    others.join(60)
    assert found == list(range(1, 3 * (TURNS + 1) + 1))


def test_a_reader_waits_for_no_writer(run: Run) -> None:
    written = threading.Event()
    go_on = threading.Event()

    def write() -> None:
        with transaction.atomic():
            append(run, [Draft("log")])
            written.set()
            assert go_on.wait(60)

    thread = threading.Thread(target=lambda: elsewhere(write))
    thread.start()
    assert written.wait(60)
    try:
        with one_moment():
            assert Run.objects.get(pk=run.pk).last_event_id is None
    finally:
        go_on.set()
        thread.join(60)


def test_an_error_in_between_ends_the_moment(run: Run) -> None:
    with pytest.raises(Run.DoesNotExist), one_moment():
        Run.objects.get(pk=0)
    elsewhere(lambda: append(run, [Draft("log")]))
    assert Run.objects.get(pk=run.pk).last_event_id is not None
    assert not connection.in_atomic_block


def test_within_a_transaction_it_begins_none(run: Run) -> None:
    with transaction.atomic(), one_moment():
        append(run, [Draft("log")])
    assert Run.objects.get(pk=run.pk).last_event_id is not None
