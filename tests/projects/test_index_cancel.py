"""The making of an index is cancelled: whatever it was at, the one that serves stays, and everybody sees who did it."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from projects.index_models import ProjectIndex
from projects.indexing import index_file
from projects.models import Project
from projects.services import indexing
from projects.services.index_queue import queue_index
from projects.services.indexing import index_project
from projects.services.lifecycle import request_pull
from projects.services.pulling import pull_project
from runs.stream import log
from runs.stream.log import Topic
from tests.config.answers import problem
from tests.projects.indexed import CODE, index_all, push_files

pytestmark = pytest.mark.django_db(transaction=True)
Whenever = Callable[[Callable[[], None]], None]


@pytest.fixture
def indexed(remote: Path, cloned: Project) -> Project:
    """A project with an index of its head."""
    queue_index(cloned.pk, ProjectIndex.Work.UPDATE)
    index_all()
    return cloned


@pytest.fixture
def at_the_end(monkeypatch: pytest.MonkeyPatch) -> Whenever:
    """Has something done when the file of the next index is whole, before it is switched to."""
    really_sync, done = index_file._sync, threading.Event()

    def arrange(act: Callable[[], None]) -> None:
        def sync(*args: Any) -> None:
            really_sync(*args)
            if not done.is_set():
                done.set()
                act()

        monkeypatch.setattr(index_file, "_sync", sync)

    return arrange


@pytest.fixture
def while_parsing(monkeypatch: pytest.MonkeyPatch) -> Whenever:
    """Has something done when the worker of an index begins to parse, once."""
    really_tell, done = indexing._Progress.__call__, threading.Event()

    def arrange(act: Callable[[], None]) -> None:
        def tell(progress: Any, phase: str, percent: int) -> None:
            really_tell(progress, phase, percent)
            if phase == "parsing" and not done.is_set():
                done.set()
                act()

        monkeypatch.setattr(indexing._Progress, "__call__", tell)

    return arrange


def rebuild(api: APIClient, project: Project) -> None:
    assert api.post(f"/api/projects/{project.pk}/index-rag").status_code == 202


def cancel(api: APIClient, project: Project) -> Any:
    return api.post(f"/api/projects/{project.pk}/index-rag/cancel")


def shown(api: APIClient, project: Project) -> Any:
    return api.get(f"/api/projects/{project.pk}").json()["index"]


def serving(project: Project) -> str:
    return ProjectIndex.objects.get(project=project).file_name


def files(project: Project) -> list[str]:
    return [path.name for path in project.indexes_path.iterdir()]


def cancelled(api: APIClient, project: Project, whenever: Whenever) -> str:
    """One is asked for, and cancelled at that moment; the file that served before."""
    before = serving(project)
    rebuild(api, project)
    answers: list[Any] = []
    whenever(lambda: answers.append(cancel(api, project)))
    index_all()
    assert [answer.status_code for answer in answers] == [200]
    assert shown(api, project)["error"]["code"] == "index-cancelled"
    return before


def test_a_queued_index_is_cancelled_and_says_by_whom(api: APIClient, indexed: Project, user: User) -> None:
    before = shown(api, indexed)
    rebuild(api, indexed)
    answer = cancel(api, indexed)
    index = answer.json()["index"]
    assert (answer.status_code, index["status"], index["progress"]) == (200, "error", None)
    assert index["error"]["code"] == "index-cancelled"
    assert index["error"]["message"].startswith(f"It was cancelled by {user.get_short_name()}.")
    assert (index["commit"], index["files"], index["indexedAt"]) == tuple(
        before[name] for name in ("commit", "files", "indexedAt")
    )
    assert AuditEntry.objects.get(action="index_cancelled").actor == user


def test_what_was_cancelled_in_the_queue_is_not_made(api: APIClient, indexed: Project) -> None:
    before = serving(indexed)
    rebuild(api, indexed)
    cancel(api, indexed)
    index_all()
    assert (serving(indexed), shown(api, indexed)["status"]) == (before, "error")


def test_the_user_stream_hears_of_it(api: APIClient, indexed: Project) -> None:
    rebuild(api, indexed)
    cancel(api, indexed)
    last = list(log.read_after(Topic(None), 0))[-1]
    assert json.loads(last.public_json)["data"]["index"]["status"] == "error"


def test_an_index_under_way_is_cancelled_and_leaves_nothing(
    api: APIClient, indexed: Project, while_parsing: Whenever
) -> None:
    before = cancelled(api, indexed, while_parsing)
    assert (serving(indexed), files(indexed)) == (before, [before])
    assert api.get(f"/api/projects/{indexed.pk}/search?q=hello").status_code == 200


def test_what_was_to_follow_the_one_under_way_is_cancelled_with_it(
    api: APIClient, indexed: Project, while_parsing: Whenever
) -> None:
    queue_index(indexed.pk, ProjectIndex.Work.UPDATE)

    def ask_and_cancel() -> None:
        rebuild(api, indexed)
        cancel(api, indexed)

    ProjectIndex.objects.update(file_name="")
    while_parsing(ask_and_cancel)
    index_all()
    row = ProjectIndex.objects.get()
    assert (row.status, row.wanted, row.doing, row.lease_owner) == ("error", "", "", "")


def test_one_that_is_cancelled_just_before_its_end_is_not_switched_to(
    api: APIClient, indexed: Project, at_the_end: Whenever
) -> None:
    before = cancelled(api, indexed, at_the_end)
    assert serving(indexed) == before


def test_one_that_is_asked_for_after_a_cancel_is_made_though_the_worker_is_still_at_the_old_one(
    api: APIClient, indexed: Project, while_parsing: Whenever
) -> None:
    before = serving(indexed)
    rebuild(api, indexed)

    def cancel_and_ask() -> None:
        cancel(api, indexed)
        rebuild(api, indexed)

    while_parsing(cancel_and_ask)
    index_all()
    assert (shown(api, indexed)["status"], shown(api, indexed)["error"]) == ("ready", None)
    assert serving(indexed) != before


def test_a_cancel_and_the_end_at_once_come_to_one_of_the_two(
    api: APIClient, indexed: Project, at_the_end: Whenever
) -> None:
    before = serving(indexed)
    rebuild(api, indexed)
    is_at_the_end, answers = threading.Event(), []

    def cancel_elsewhere() -> None:
        try:
            is_at_the_end.wait()
            answers.append(cancel(api, indexed).status_code)
        finally:
            connections.close_all()

    other = threading.Thread(target=cancel_elsewhere)
    at_the_end(is_at_the_end.set)
    other.start()
    try:
        index_all()
    finally:
        is_at_the_end.set()
        other.join()
    outcome = (answers, shown(api, indexed)["status"], serving(indexed) == before)
    assert outcome in (([200], "error", True), ([409], "ready", False))


@pytest.mark.parametrize("status", ["none", "ready", "error"])
def test_there_is_nothing_to_cancel(api: APIClient, indexed: Project, status: str) -> None:
    ProjectIndex.objects.update(status=status)
    answer = cancel(api, indexed)
    assert (problem(answer), answer.json()["indexStatus"]) == ((409, "index-not-under-way"), status)
    assert answer.json()["projectId"] == indexed.pk
    assert not AuditEntry.objects.filter(action="index_cancelled").exists()


def test_a_project_that_nobody_asked_an_index_for_has_nothing_to_cancel(api: APIClient, project: Project) -> None:
    assert problem(cancel(api, project)) == (409, "index-not-under-way")


def test_a_second_cancel_finds_nothing(api: APIClient, indexed: Project) -> None:
    rebuild(api, indexed)
    assert [cancel(api, indexed).status_code for _ in range(2)] == [200, 409]


def test_a_cancel_takes_no_body(api: APIClient, project: Project) -> None:
    answer = api.post(f"/api/projects/{project.pk}/index-rag/cancel", {"force": True})
    assert problem(answer) == (422, "validation-failed")


def test_an_index_is_made_again_when_asked_for_and_by_the_next_pull(
    api: APIClient, indexed: Project, remote: Path, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild(api, indexed)
    cancel(api, indexed)
    rebuild(api, indexed)
    assert shown(api, indexed)["error"] is None
    index_project(indexed.pk)
    assert shown(api, indexed)["status"] == "ready"

    monkeypatch.setenv("QUARTERDECK_PARAM_INDEX_AUTOMATIC", "true")
    rebuild(api, indexed)
    cancel(api, indexed)
    newer = push_files(remote, CODE)
    request_pull(indexed, actor=user)
    pull_project(indexed.pk)
    index_all()
    assert (shown(api, indexed)["status"], shown(api, indexed)["commit"]) == ("ready", newer)
