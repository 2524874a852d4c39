"""The index of a project's code in the background: when it is made, that the old one stays, what failures lead to."""

import errno
import json
import os
import subprocess
from collections.abc import Callable
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from accounts.models import AuditEntry
from config.upkeep import keep_up, prune_project
from projects.code_index import open_index
from projects.errors import IndexNotReady
from projects.index_models import BlobAnalysis, ProjectIndex
from projects.models import Project
from projects.services.commit_indexes import ensure_index
from projects.services.index_pruning import forget_unused_analyses
from projects.services.index_queue import expect_index
from projects.services.indexing import index_project
from runs.stream import log
from runs.stream.log import Topic
from runs.workers import recovery
from tests.projects.conftest import WorkOff
from tests.projects.indexed import CODE, index_all, push_files
from tests.projects.indexing.indexes import logical_rows

pytestmark = pytest.mark.django_db(transaction=True)
Pull = Callable[[], None]


@pytest.fixture(autouse=True)
def automatic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_INDEX_AUTOMATIC", "true")


@pytest.fixture
def coded(remote: Path) -> Path:
    """The remote with code in it."""
    push_files(remote, CODE)
    return remote


@pytest.fixture
def indexed(coded: Path, cloned: Project) -> Project:
    """A project with an index of its head."""
    index_all()
    cloned.refresh_from_db()
    assert cloned.index["status"] == "ready", cloned.index
    return cloned


@pytest.fixture
def pull(api: APIClient, cloned: Project, work_off: WorkOff) -> Pull:
    def pull_it() -> None:
        assert api.post(f"/api/projects/{cloned.pk}/pull").status_code == 202
        work_off()

    return pull_it


def shown(api: APIClient, project: Project) -> Any:
    return api.get(f"/api/projects/{project.pk}").json()["index"]


def serving(project: Project) -> Path:
    path = ProjectIndex.objects.get(project=project).path
    assert path is not None
    return path


def test_a_clone_queues_an_index(api: APIClient, cloned: Project) -> None:
    assert (shown(api, cloned)["status"], shown(api, cloned)["commit"]) == ("queued", None)


def test_an_index_that_is_made_is_shown_on_the_project(api: APIClient, indexed: Project) -> None:
    index = shown(api, indexed)
    assert (index["status"], index["commit"], index["progress"], index["error"]) == (
        "ready",
        indexed.head_commit,
        None,
        None,
    )
    assert (index["files"], index["skipped"]) == (5, 1)
    assert index["chunks"] >= 5
    assert index["indexedAt"]


def test_an_index_is_told_on_the_user_stream_step_by_step(indexed: Project) -> None:
    frames = [json.loads(frame.public_json)["data"]["index"] for frame in log.read_after(Topic(None), 0)]
    statuses = [status for status, _ in groupby(index["status"] for index in frames)]
    phases = [index["progress"]["phase"] for index in frames if index["progress"]]
    assert statuses == ["none", "queued", "indexing", "ready"]
    assert phases == ["listing", "parsing", "history", "ranking", "writing"]
    assert frames[-1]["commit"] == indexed.head_commit


def test_a_pull_of_a_new_head_is_followed_by_the_index(
    api: APIClient, indexed: Project, coded: Path, pull: Pull
) -> None:
    newer = push_files(coded, {"new.py": "x = 1\n"})
    pull()
    assert (shown(api, indexed)["status"], shown(api, indexed)["commit"]) == ("queued", indexed.head_commit)
    index_all()
    assert (shown(api, indexed)["status"], shown(api, indexed)["commit"]) == ("ready", newer)


def test_a_pull_that_brings_nothing_queues_nothing(api: APIClient, indexed: Project, pull: Pull) -> None:
    pull()
    assert shown(api, indexed)["status"] == "ready"


def test_an_index_that_followed_a_pull_equals_one_from_nothing(
    api: APIClient, indexed: Project, coded: Path, pull: Pull
) -> None:
    push_files(
        coded, {"shop/views.py": None, "shop/doors.py": CODE["shop/views.py"], "shop/orders.py": "def cancel(): 1\n"}
    )
    pull()
    index_all()
    followed = logical_rows(serving(indexed))
    assert api.post(f"/api/projects/{indexed.pk}/index-rag").status_code == 202
    index_all()
    assert logical_rows(serving(indexed)) == followed


def test_nothing_is_indexed_by_itself_where_the_operator_does_not_want_it(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, allow_local: None, remote: Path, work_off: WorkOff
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_INDEX_AUTOMATIC", "false")
    made = api.post("/api/projects", {"name": "a", "repositoryUrl": str(remote)}).json()
    work_off()
    assert api.get(f"/api/projects/{made['id']}").json()["index"]["status"] == "none"


def test_a_rebuild_that_is_queued_already_is_this_one(api: APIClient, indexed: Project) -> None:
    answers = [api.post(f"/api/projects/{indexed.pk}/index-rag") for _ in range(3)]
    assert [(answer.status_code, answer.json()["index"]["status"]) for answer in answers] == [(202, "queued")] * 3
    assert DBTaskResult.objects.ready().count() == 1
    assert AuditEntry.objects.filter(action="index_requested").count() == 1


def test_a_rebuild_takes_nothing_that_was_kept(api: APIClient, indexed: Project) -> None:
    BlobAnalysis.objects.update(packed=b"nonsense")
    api.post(f"/api/projects/{indexed.pk}/index-rag")
    index_all()
    assert shown(api, indexed)["status"] == "ready"


def test_a_project_with_the_same_content_uses_what_is_kept(
    indexed: Project, api: APIClient, coded: Path, work_off: WorkOff
) -> None:
    kept = set(BlobAnalysis.objects.values_list("pk", flat=True))
    made = api.post("/api/projects", {"name": "b", "repositoryUrl": str(coded)}).json()
    work_off()
    index_all()
    assert api.get(f"/api/projects/{made['id']}").json()["index"]["status"] == "ready"
    assert set(BlobAnalysis.objects.values_list("pk", flat=True)) == kept


def test_the_old_index_serves_while_a_new_one_is_queued(indexed: Project, api: APIClient) -> None:
    api.post(f"/api/projects/{indexed.pk}/index-rag")
    with open_index(indexed) as index:
        assert index.commit == indexed.head_commit


def test_what_is_wished_while_one_is_made_is_made_after_it(indexed: Project) -> None:
    ProjectIndex.objects.update(
        status="indexing", doing="update", commit=None, lease_expires_at=Now() + timedelta(minutes=1)
    )
    expect_index(indexed.pk)
    row = ProjectIndex.objects.get()
    assert (row.status, row.wanted, DBTaskResult.objects.ready().count()) == ("indexing", "update", 0)
    ProjectIndex.objects.update(lease_expires_at=None, wanted="", doing="update")

    index_project(indexed.pk)
    assert ProjectIndex.objects.get().status == "ready"


def test_a_second_delivery_finds_nothing_to_do(indexed: Project) -> None:
    before = serving(indexed)
    index_project(indexed.pk)
    assert serving(indexed) == before


def test_the_task_of_a_project_that_is_gone_does_nothing() -> None:
    index_project(10**9)


def test_a_failure_is_told_and_the_old_index_stays(api: APIClient, indexed: Project) -> None:
    before = serving(indexed)
    head = indexed.repository_path / "HEAD"
    head.rename(head.with_name("HEAD.gone"))
    api.post(f"/api/projects/{indexed.pk}/index-rag")
    index_all()
    index = shown(api, indexed)
    assert (index["status"], bool(index["error"]["message"]), index["files"]) == ("error", True, 5)
    assert serving(indexed) == before
    head.with_name("HEAD.gone").rename(head)
    api.post(f"/api/projects/{indexed.pk}/index-rag")
    assert shown(api, indexed)["error"] is None
    index_all()
    assert shown(api, indexed)["status"] == "ready"


def test_one_that_takes_too_long_is_given_up_and_the_old_index_stays(
    api: APIClient, indexed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = serving(indexed)
    api.post(f"/api/projects/{indexed.pk}/index-rag")
    monkeypatch.setattr("projects.services.indexing.MOST_SECONDS", -1.0)
    index_all()
    assert shown(api, indexed)["error"]["code"] == "index-time-limit"
    assert (serving(indexed), list(indexed.indexes_path.iterdir())) == (before, [before])


def test_a_full_disk_is_told_and_the_old_index_stays(
    api: APIClient, indexed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = serving(indexed)
    folder = indexed.indexes_path
    api.post(f"/api/projects/{indexed.pk}/index-rag")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("projects.indexing.index_file._sync", full)
    index_all()
    assert shown(api, indexed)["error"]["code"] == "disk-full"
    assert (serving(indexed), [path.name for path in folder.iterdir()]) == (before, [before.name])


def abandon(project: Project, *, lease_seconds: int) -> None:
    """Leaves the index as a worker that was killed in the middle does."""
    ProjectIndex.objects.filter(project=project).update(
        status="indexing",
        doing="rebuild",
        lease_owner="elsewhere:1:1",
        lease_generation=7,
        lease_expires_at=Now() + timedelta(seconds=lease_seconds),
        updated_at=timezone.now() - timedelta(minutes=5),
    )


def test_an_index_whose_worker_died_is_delivered_again(api: APIClient, indexed: Project) -> None:
    abandon(indexed, lease_seconds=-1)
    recovery.deliver_forgotten_work()
    index_all()
    assert shown(api, indexed)["status"] == "ready"


def test_an_index_whose_worker_lives_is_left_to_it(indexed: Project) -> None:
    abandon(indexed, lease_seconds=60)
    recovery.deliver_forgotten_work()
    index_project(indexed.pk)
    assert not DBTaskResult.objects.ready().exists()
    assert ProjectIndex.objects.get().status == "indexing"


def test_an_archived_project_keeps_its_index(api: APIClient, indexed: Project) -> None:
    api.delete(f"/api/projects/{indexed.pk}")
    with open_index(indexed) as index:
        assert index.count("files") == 5


def test_the_index_of_another_commit_is_made_beside(indexed: Project, coded: Path) -> None:
    newer = push_files(coded, {"new.py": "x = 1\n"})
    subprocess.run(["git", "fetch", "-q", coded, "main"], cwd=indexed.repository_path, check=True)
    index = ensure_index(indexed, newer, time_limit_seconds=60)
    assert index is not None
    with index, open_index(indexed) as own:
        assert (index.commit, index.count("files"), own.commit) == (newer, 6, indexed.head_commit)


def test_an_index_that_takes_too_long_is_not_waited_for(indexed: Project, coded: Path) -> None:
    newer = push_files(coded, {"new.py": "x = 1\n"})
    subprocess.run(["git", "fetch", "-q", coded, "main"], cwd=indexed.repository_path, check=True)
    assert ensure_index(indexed, newer, time_limit_seconds=-1) is None


def test_the_index_of_the_head_is_the_projects_own(indexed: Project) -> None:
    assert indexed.head_commit is not None
    with ensure_index(indexed, indexed.head_commit, time_limit_seconds=0) as index:  # type: ignore[union-attr]
        assert index.commit == indexed.head_commit
    assert len(list(indexed.indexes_path.iterdir())) == 1


def test_old_files_are_pruned_but_the_newest_and_the_one_that_serves(indexed: Project) -> None:
    own = serving(indexed)
    for number in range(5):
        path = indexed.indexes_path / f"{number}.sqlite"
        path.write_bytes(b"x")
        os.utime(path, (number + 10**9, number + 10**9))
    os.utime(own, (1, 1))
    told = [removal.name for removal in prune_project(indexed, is_dry=True) if removal.what == "index"]
    for _ in prune_project(indexed):
        pass
    assert told == ["1.sqlite", "0.sqlite"]
    assert {path.name for path in indexed.indexes_path.iterdir()} == {own.name, "2.sqlite", "3.sqlite", "4.sqlite"}


def test_an_index_whose_file_is_gone_is_made_again(api: APIClient, indexed: Project) -> None:
    serving(indexed).unlink()
    with pytest.raises(IndexNotReady):
        open_index(indexed)
    keep_up.func(indexed.pk)
    assert shown(api, indexed)["status"] == "queued"
    index_all()
    with open_index(indexed) as index:
        assert index.count("files") == 5


def test_an_index_of_an_older_server_is_made_again(api: APIClient, indexed: Project) -> None:
    ProjectIndex.objects.update(extractor_version="0")
    keep_up.func(indexed.pk)
    assert shown(api, indexed)["status"] == "queued"


def test_an_index_that_failed_is_not_tried_again_and_again(api: APIClient, indexed: Project) -> None:
    ProjectIndex.objects.update(status="error", extractor_version="0")
    keep_up.func(indexed.pk)
    assert shown(api, indexed)["status"] == "error"


def test_analyses_that_nothing_used_for_a_month_are_forgotten(indexed: Project) -> None:
    kept = BlobAnalysis.objects.count()
    old = BlobAnalysis.objects.order_by("pk").values_list("pk", flat=True)[:2]
    BlobAnalysis.objects.filter(pk__in=list(old)).update(used_on=timezone.localdate() - timedelta(days=31))
    assert (forget_unused_analyses(), BlobAnalysis.objects.count()) == (2, kept - 2)
