"""Snapshots through the doors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from projects.models import Project
from projects.workspaces import open_repository
from runs.models import Run
from snapshots.models import Snapshot
from tests.config.answers import problem

PROMPT = "Write a note.\n\n```file note.txt\nhello\n```\n"


def make(project: Project, run: Run | None, number: int) -> Snapshot:
    """A row without a ref behind it."""
    return Snapshot.objects.create(
        project=project,
        run=run,
        attempt=1 if run else None,
        kind="before_run",
        ref=f"refs/quarterdeck/snapshots/{number}",
        commit=f"{number:040x}",
        tree="0" * 40,
    )


def test_a_snapshot_is_shown_whole(api: APIClient, run: Run) -> None:
    made = make(run.project, run, 1)
    shown = api.get(f"/api/snapshots/{made.pk}").json()
    assert shown.pop("createdAt").endswith("Z")
    assert shown == {
        "id": made.pk,
        "projectId": run.project_id,
        "runId": run.pk,
        "attempt": 1,
        "kind": "before_run",
        "description": "",
        "commit": f"{1:040x}",
        "tree": "0" * 40,
        "parentId": None,
        "filesChanged": 0,
        "leftOut": [],
        "restore": None,
        "createdBy": None,
    }


def test_a_project_lists_its_snapshots_newest_first(api: APIClient, run: Run) -> None:
    first, second = make(run.project, run, 1), make(run.project, None, 2)
    rows = api.get(f"/api/projects/{run.project_id}/snapshots").json()["data"]
    assert [row["id"] for row in rows] == [second.pk, first.pk]


def test_a_run_lists_only_its_own(api: APIClient, run: Run) -> None:
    own = make(run.project, run, 1)
    make(run.project, None, 2)
    assert [row["id"] for row in api.get(f"/api/runs/{run.pk}/snapshots").json()["data"]] == [own.pk]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("allow_local")
def test_a_run_leaves_the_state_before_and_after_it(api: APIClient, remote: Path, work_off: Callable[[], None]) -> None:
    project = api.post("/api/projects", {"name": "Sample", "repositoryUrl": str(remote)}).json()
    work_off()
    body = {"projectId": project["id"], "title": "Note", "prompt": PROMPT, "safeMode": False, "start": True}
    run = api.post("/api/runs", body).json()
    work_off()

    after, before = api.get(f"/api/runs/{run['id']}/snapshots").json()["data"]

    assert (before["kind"], after["kind"], after["parentId"]) == ("before_run", "after_run", before["id"])
    repository = open_repository(Project.objects.get())
    assert repository.run(["cat-file", "blob", f"{after['commit']}:note.txt"]) == b"hello\n"
    assert b"note.txt" not in repository.run(["ls-tree", "--name-only", before["commit"]])


def test_a_list_is_narrowed_to_a_kind_or_an_attempt(api: APIClient, run: Run) -> None:
    first, second = make(run.project, run, 1), make(run.project, run, 2)
    Snapshot.objects.filter(pk=second.pk).update(kind="manual", attempt=2)
    for path in (f"/api/runs/{run.pk}/snapshots", f"/api/projects/{run.project_id}/snapshots"):
        asked = {"kind=before_run": [first.pk], "kind=manual": [second.pk], "attempt=2": [second.pk], "attempt=3": []}
        assert {query: [row["id"] for row in api.get(f"{path}?{query}").json()["data"]] for query in asked} == asked


@pytest.mark.parametrize("query", ["kind=other", "attempt=x", "attempt=-1", f"attempt={10**18}"])
def test_a_filter_that_cannot_be_is_refused(api: APIClient, run: Run, query: str) -> None:
    answer = api.get(f"/api/runs/{run.pk}/snapshots?{query}")
    assert (problem(answer), answer.json()["parameter"]) == ((400, "invalid-parameter"), query.partition("=")[0])


@pytest.mark.parametrize("count", [1, 9])
def test_a_list_asks_the_database_as_often_for_many_as_for_one(
    api: APIClient, run: Run, count: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        make(run.project, run, number)
    with django_assert_max_num_queries(5):
        assert len(api.get(f"/api/projects/{run.project_id}/snapshots").json()["data"]) == count
