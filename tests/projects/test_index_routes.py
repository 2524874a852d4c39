"""The routes of the code index, which does not exist yet: who may ask, what may be asked, and the honest answer."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from projects.models import Membership, Project
from tests.config.answers import problem
from tests.conftest import MakeApi, MakeUser

READS = ["map", "schema", "diagrams", "search?q=login"]


def path(project: Project, name: str) -> str:
    return f"/api/projects/{project.pk}/{name}"


@pytest.fixture
def viewer(project: Project, make_user: MakeUser, make_api: MakeApi) -> APIClient:
    person = make_user("viewer@example.com")
    Membership.objects.create(project=project, user=person, role="viewer")
    return make_api(person)


def test_a_project_shows_that_it_has_no_index_and_no_docs(api: APIClient, project: Project) -> None:
    body = api.get(f"/api/projects/{project.pk}").json()
    none = {"status": "none", "progress": None, "commit": None, "indexedAt": None, "files": 0, "chunks": 0}
    assert (body["index"], body["docs"]) == (none, {"status": "none", "error": None, "generatedAt": None})


@pytest.mark.parametrize("name", READS)
def test_reading_without_an_index_says_so(viewer: APIClient, project: Project, name: str) -> None:
    answer = viewer.get(path(project, name))
    assert problem(answer) == (409, "index-not-ready")
    body = answer.json()
    assert (body["indexStatus"], body["projectId"], body["currentStatus"]) == ("none", project.pk, "ready")


@pytest.mark.parametrize("name", [*READS, "index-rag"])
def test_a_stranger_finds_nothing(stranger: APIClient, project: Project, name: str) -> None:
    answer = stranger.post(path(project, name)) if name == "index-rag" else stranger.get(path(project, name))
    assert problem(answer) == (404, "not-found")


@pytest.mark.parametrize("name", READS)
def test_an_archived_project_is_read_the_same(api: APIClient, project: Project, name: str) -> None:
    Project.objects.update(status="archived")
    assert problem(api.get(path(project, name))) == (409, "index-not-ready")


def test_indexing_is_not_there_yet(api: APIClient, project: Project) -> None:
    answer = api.post(path(project, "index-rag"))
    assert (problem(answer), answer.json()["projectId"]) == ((409, "index-not-available"), project.pk)


def test_indexing_needs_a_maintainer(viewer: APIClient, project: Project) -> None:
    answer = viewer.post(path(project, "index-rag"))
    assert (problem(answer), answer.json()["requiredRole"]) == ((403, "role-required"), "maintainer")


def test_indexing_takes_no_body(api: APIClient, project: Project) -> None:
    assert problem(api.post(path(project, "index-rag"), {"force": True})) == (422, "validation-failed")


def test_an_archived_project_is_not_indexed(api: APIClient, project: Project) -> None:
    Project.objects.update(status="archived")
    answer = api.post(path(project, "index-rag"))
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "project-not-ready"), "archived")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": "  "}, "q"),
        ({"q": "x" * 501}, "q"),
        ({"q": "a\0b"}, "q"),
        ({"q": "a", "path": ""}, "path"),
        ({"q": "a", "path": "x" * 1001}, "path"),
        ({"q": "a", "language": "x" * 41}, "language"),
        ({"q": "a", "limit": "0"}, "limit"),
        ({"q": "a", "limit": "201"}, "limit"),
        ({"q": "a", "lang": "python"}, "lang"),
    ],
)
def test_a_search_that_cannot_be_made_is_refused(
    viewer: APIClient, project: Project, query: dict[str, Any], parameter: str
) -> None:
    answer = viewer.get(path(project, "search"), query)
    assert (problem(answer), answer.json()["parameter"]) == ((400, "invalid-parameter"), parameter)


@pytest.mark.parametrize("name", ["map", "search?q=a"])
def test_a_broken_cursor_is_refused(viewer: APIClient, project: Project, name: str) -> None:
    answer = viewer.get(path(project, name) + ("&" if "?" in name else "?") + "cursor=x")
    assert problem(answer) == (400, "invalid-cursor")


def test_diagrams_are_offered_as_markdown_and_as_json_only(viewer: APIClient, project: Project) -> None:
    asked = {kind: viewer.get(path(project, "diagrams"), headers={"Accept": kind}) for kind in ("text/markdown", "a/b")}
    assert {kind: problem(answer) for kind, answer in asked.items()} == {
        "text/markdown": (409, "index-not-ready"),
        "a/b": (406, "not-acceptable"),
    }


def test_indexing_asked_for_under_a_key_gives_the_same_answer(api: APIClient, project: Project) -> None:
    answers = [api.post(path(project, "index-rag"), headers={"Idempotency-Key": "a"}) for _ in range(2)]
    assert {problem(answer) for answer in answers} == {(409, "index-not-available")}
