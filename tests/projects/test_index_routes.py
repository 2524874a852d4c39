"""The routes of the code index: who may ask, what may be asked, what is answered with an index and without one."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from projects.models import Membership, Project
from projects.services.index_queue import queue_index
from tests.config.answers import problem
from tests.conftest import MakeApi, MakeUser
from tests.projects.indexed import CODE, index_all, push_files

READS = ["map", "search?q=login"]
ORDERS = "shop/orders.py"


def path(project: Project, name: str) -> str:
    return f"/api/projects/{project.pk}/{name}"


@pytest.fixture
def viewer(project: Project, make_user: MakeUser, make_api: MakeApi) -> APIClient:
    person = make_user("viewer@example.com")
    Membership.objects.create(project=project, user=person, role="viewer")
    return make_api(person)


@pytest.fixture
def coded(remote: Path) -> None:
    """The remote has code."""
    push_files(remote, CODE)


@pytest.fixture
def indexed(coded: None, cloned: Project) -> Project:
    """A project with an index."""
    queue_index(cloned.pk, "update")  # type: ignore[arg-type]
    index_all()
    return cloned


def test_a_project_shows_that_it_has_no_index_and_no_docs(api: APIClient, project: Project) -> None:
    body = api.get(f"/api/projects/{project.pk}").json()
    nothing = {"progress": None, "commit": None, "indexedAt": None, "error": None}
    assert body["index"] == {"status": "none", **nothing, "files": 0, "chunks": 0, "skipped": 0}
    assert body["docs"] == {"status": "none", "error": None, "generatedAt": None}


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


def test_indexing_is_queued(api: APIClient, project: Project) -> None:
    answer = api.post(path(project, "index-rag"))
    assert (answer.status_code, answer.json()["index"]["status"]) == (202, "queued")


def test_indexing_needs_a_maintainer(viewer: APIClient, project: Project) -> None:
    answer = viewer.post(path(project, "index-rag"))
    assert (problem(answer), answer.json()["requiredRole"]) == ((403, "role-required"), "maintainer")


def test_indexing_takes_no_body(api: APIClient, project: Project) -> None:
    assert problem(api.post(path(project, "index-rag"), {"force": True})) == (422, "validation-failed")


@pytest.mark.parametrize("status", ["archived", "pending", "cloning", "error"])
def test_what_has_no_clone_is_not_indexed(api: APIClient, project: Project, status: str) -> None:
    Project.objects.update(status=status)
    answer = api.post(path(project, "index-rag"))
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "project-not-ready"), status)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": "  "}, "q"),
        ({"q": "x" * 501}, "q"),
        ({"q": "x" * 10_000}, "q"),
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


def test_indexing_asked_for_under_a_key_gives_the_same_answer(api: APIClient, project: Project) -> None:
    answers = [api.post(path(project, "index-rag"), headers={"Idempotency-Key": "a"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content


def test_the_map_tells_each_file(api: APIClient, indexed: Project) -> None:
    rows = {row["path"]: row for row in api.get(path(indexed, "map")).json()["data"]}
    orders = rows[ORDERS]
    assert list(rows) == ["README.md", "app.py", ORDERS, "shop/views.py", "tests/test_orders.py"]
    assert (orders["language"], orders["kind"], orders["lines"], orders["purpose"]) == (
        "python",
        "source",
        6,
        "Orders of the shop",
    )
    assert [symbol["name"] for symbol in orders["symbols"]] == ["OrderStore", "cancel_order"]
    assert orders["symbols"][1]["parent"] == "OrderStore"
    assert rows["shop/views.py"]["imports"] == [{"module": "shop.orders", "names": ["OrderStore"], "line": 1}]
    assert rows["tests/test_orders.py"]["kind"] == "test"
    assert orders["usedBy"] == ["shop/views.py", "tests/test_orders.py"]
    assert sum(row["pageRank"] for row in rows.values()) == pytest.approx(1)
    assert orders["lastChangedAt"].endswith("Z")


def test_the_map_says_what_was_left_out_and_why(api: APIClient, indexed: Project) -> None:
    meta = api.get(path(indexed, "map")).json()["meta"]
    assert meta["commit"] == indexed.head_commit
    assert meta["skipped"] == [{"reason": "binary", "files": 1, "examples": ["fake.py"]}]


def test_the_map_is_paged_by_path(api: APIClient, indexed: Project) -> None:
    found: list[str] = []
    query: dict[str, str] = {"limit": "2"}
    while query:
        page = api.get(path(indexed, "map"), query).json()
        found += [row["path"] for row in page["data"]]
        cursor = page["meta"]["nextCursor"]
        query = {"limit": "2", "cursor": cursor} if cursor else {}
    assert found == sorted(found)
    assert len(found) == 5


def test_a_search_gives_files_with_their_passages(api: APIClient, indexed: Project) -> None:
    body = api.get(path(indexed, "search"), {"q": "cancel_order"}).json()
    first = body["data"][0]
    assert (first["path"], first["kind"], first["language"], first["score"]) == (ORDERS, "source", "python", 1)
    assert first["why"].startswith("defines cancel_order")
    chunk = first["chunks"][0]
    assert (chunk["startLine"], "def cancel_order(self, number):" in chunk["snippet"]) == (1, True)
    assert body["meta"]["commit"] == indexed.head_commit


def test_why_is_told_in_the_words_of_the_query(api: APIClient, indexed: Project) -> None:
    first = api.get(path(indexed, "search"), {"q": "cancelling an order"}).json()["data"][0]
    assert "cancelling" in first["why"]


def test_a_search_is_paged(api: APIClient, indexed: Project) -> None:
    whole = api.get(path(indexed, "search"), {"q": "orders cancel"}).json()["data"]
    first = api.get(path(indexed, "search"), {"q": "orders cancel", "limit": "1"}).json()
    cursor = first["meta"]["nextCursor"]
    second = api.get(path(indexed, "search"), {"q": "orders cancel", "limit": "200", "cursor": cursor}).json()
    assert [*first["data"], *second["data"]] == whole
    assert second["meta"]["nextCursor"] is None


def test_a_search_is_kept_to_a_folder_and_a_language(api: APIClient, indexed: Project) -> None:
    query = {"q": "cancel_order", "path": "tests/", "language": "python"}
    assert [row["path"] for row in api.get(path(indexed, "search"), query).json()["data"]] == ["tests/test_orders.py"]


@pytest.mark.parametrize("query", ["...", '"; DROP', "(((", "a" * 500, "💥", "NEAR(a b)", "漢" * 166])
def test_any_query_is_answered(api: APIClient, indexed: Project, query: str) -> None:
    assert api.get(path(indexed, "search"), {"q": query}).status_code == 200


def test_a_damaged_index_is_none(api: APIClient, indexed: Project) -> None:
    file = next(indexed.indexes_path.iterdir())
    file.write_bytes(file.read_bytes()[:4096] + b"x" * 20_000)
    assert problem(api.get(path(indexed, "map"))) == (409, "index-not-ready")
    assert problem(api.get(path(indexed, "search?q=order"))) == (409, "index-not-ready")


def test_the_command_shows_what_the_api_finds(
    indexed: Project, capsys: pytest.CaptureFixture[str], api: APIClient
) -> None:
    call_command("search", indexed.pk, "cancel", "order", "--json")
    told = [json.loads(line)["path"] for line in capsys.readouterr().out.splitlines()]
    found = api.get(path(indexed, "search"), {"q": "cancel order"}).json()["data"]
    assert told == [row["path"] for row in found]


def test_the_command_shows_passages(indexed: Project, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("search", indexed.pk, "OrderStore")
    out = capsys.readouterr().out
    assert f"1.00  {ORDERS}  (defines OrderStore" in out
    assert "| class OrderStore:" in out


def test_the_command_says_that_there_is_no_index(project: Project) -> None:
    with pytest.raises(CommandError, match="no index"):
        call_command("search", project.pk, "x")
    with pytest.raises(CommandError, match="no project"):
        call_command("search", 10**9, "x")
