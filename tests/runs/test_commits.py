"""Who is told of events within the process that commits them."""

import logging
from collections.abc import Iterator

import pytest
from django.db import transaction

from projects.models import Project
from runs.commits import add_waker, remove_waker
from runs.events import Draft, append, append_for_project
from runs.models import Run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def calls() -> Iterator[list[None]]:
    """One item for each time that a waker was called."""
    made: list[None] = []

    def wake() -> None:
        made.append(None)

    add_waker(wake)
    yield made
    remove_waker(wake)


def test_an_event_wakes_once_its_transaction_is_committed(run: Run, calls: list[None]) -> None:
    with transaction.atomic():
        append(run, [Draft("log")])
        assert calls == []
    assert calls == [None]


def test_an_event_that_is_rolled_back_wakes_nobody(run: Run, calls: list[None]) -> None:
    with transaction.atomic():
        append(run, [Draft("log")])
        transaction.set_rollback(True)
    assert calls == []


def test_an_event_of_a_project_wakes_too(project: Project, calls: list[None]) -> None:
    append_for_project(project, Draft("project_updated"))
    assert calls == [None]


def test_a_waker_that_fails_harms_no_writer(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise LookupError("a waker of a test")

    add_waker(fail)
    try:
        with caplog.at_level(logging.CRITICAL):
            append(run, [Draft("log")])
    finally:
        remove_waker(fail)
    assert Run.objects.get(pk=run.pk).last_seq == 1
