"""Documents are generated through the doors, from real commits: what is written, what is left alone, what is told."""

import socket
from pathlib import Path
from typing import Any

import pytest
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from docs_mgmt.generators.managed import MANAGED, PROJECT_MAP
from docs_mgmt.generators.stages import STAGES
from docs_mgmt.models import DocsState, GeneratedDocument
from docs_mgmt.services.due import queue_due_docs
from docs_mgmt.services.regenerating import regenerate
from projects.index_models import ProjectIndex
from projects.models import Project
from projects.services.indexing import index_project
from runs.models import AgentEvent
from tests.docs_mgmt.conftest import Commit, Indexed, index, pull

pytestmark = pytest.mark.django_db(transaction=True)
SLUGS = {PROJECT_MAP.slug, *STAGES}
TASK = "docs_mgmt.tasks.regenerate_docs"
OURS = b"\xef\xbb\xbf# Ours \xff\r\n%s\r\nold\r\n%s\r\nand after"
BEGIN, END = b"<!-- quarterdeck:begin project-map -->", b"<!-- quarterdeck:end project-map -->"


def ask(api: APIClient, project: Project) -> dict[str, Any]:
    """Asks for the documents and has them made; the project's `docs` then."""
    answer = api.post(f"/api/projects/{project.pk}/docs/regenerate")
    assert (answer.status_code, answer.json()["docs"]["status"]) == (202, "queued")
    regenerate(project.pk)
    docs: dict[str, Any] = api.get(f"/api/projects/{project.pk}").json()["docs"]
    return docs


def rows(api: APIClient, project: Project) -> dict[str, dict[str, Any]]:
    """The listed documents by slug."""
    return {row["slug"]: row for row in api.get(f"/api/projects/{project.pk}/docs").json()["data"]}


def content(project: Project, slug: str = "project-map") -> bytes:
    """The generated document byte for byte."""
    return bytes(GeneratedDocument.objects.get(project=project, slug=slug).content or b"")


def test_they_are_made_where_the_repository_has_none(api: APIClient, indexed: Indexed) -> None:
    project = indexed({})
    docs = ask(api, project)
    assert (docs["status"], docs["error"]) == ("ready", None)
    found = rows(api, project)
    assert {slug for slug, row in found.items() if row["origin"] == "generated"} == SLUGS
    assert {(row["stale"], row["commit"]) for row in found.values() if row["origin"]} == {(True, project.head_commit)}
    assert "| `app.py` | source | 1 |" in api.get(f"/api/projects/{project.pk}/docs/project-map").json()["markdown"]


def test_asked_again_before_it_is_done_nothing_is_added(api: APIClient, indexed: Indexed) -> None:
    project = indexed({})
    answers = [api.post(f"/api/projects/{project.pk}/docs/regenerate") for _ in range(2)]
    assert [(answer.status_code, answer.json()["docs"]["status"]) for answer in answers] == [(202, "queued")] * 2
    assert DBTaskResult.objects.filter(task_path=TASK).count() == 1


def test_every_byte_of_people_s_text_stays(api: APIClient, indexed: Indexed) -> None:
    project = indexed({"docs/PROJECT_MAP.md": OURS % (BEGIN, END)})
    ask(api, project)
    head, _, rest = content(project).partition(BEGIN + b"\r\n")
    block, _, tail = rest.partition(END)
    assert (head, tail) == (b"\xef\xbb\xbf# Ours \xff\r\n", b"\r\nand after")
    assert b"`app.py`" in block
    assert block.count(b"\n") == block.count(b"\r\n")


def test_a_damaged_document_is_left_alone_and_told_of_with_its_line(api: APIClient, indexed: Indexed) -> None:
    project = indexed({"docs/PROJECT_MAP.md": b"# Ours\n\n%s\n" % BEGIN})
    assert ask(api, project)["status"] == "ready"
    row = rows(api, project)["project-map"]
    assert (row["origin"], row["stale"], row["problem"]["line"]) == ("repository", None, 3)
    assert api.get(f"/api/projects/{project.pk}/docs/project-map").json()["markdown"].startswith("# Ours")


def test_a_folder_of_documents_that_is_a_link_is_left_alone(api: APIClient, indexed: Indexed, tmp_path: Path) -> None:
    (tmp_path / "origin/docs").symlink_to("/etc")
    project = indexed({"a.py": b"x = 1\n"})
    assert ask(api, project)["status"] == "ready"
    assert rows(api, project)["project-map"]["problem"] == {
        "message": "docs is no folder in the repository.",
        "line": None,
    }


def test_a_document_that_is_a_link_is_left_alone(api: APIClient, indexed: Indexed, tmp_path: Path) -> None:
    (tmp_path / "origin/docs").mkdir()
    (tmp_path / "origin/docs/PROJECT_MAP.md").symlink_to("/etc/passwd")
    project = indexed({"a.py": b"x = 1\n"})
    ask(api, project)
    assert "no ordinary file" in rows(api, project)["project-map"]["problem"]["message"]


def test_a_document_that_is_too_large_is_left_alone(api: APIClient, indexed: Indexed) -> None:
    project = indexed({"docs/PROJECT_MAP.md": b"x" * (4 * 1024 * 1024 + 1)})
    ask(api, project)
    assert "more than" in rows(api, project)["project-map"]["problem"]["message"]


def test_without_an_index_it_fails_and_the_same_call_tries_again(api: APIClient, cloned: Project) -> None:
    docs = ask(api, cloned)
    assert (docs["status"], docs["error"]["code"], docs["generatedAt"]) == ("error", "index-not-ready", None)
    index(cloned)
    assert ask(api, cloned)["status"] == "ready"


def test_a_failed_try_leaves_what_was_generated(api: APIClient, indexed: Indexed) -> None:
    project = indexed({})
    ask(api, project)
    before = content(project)
    project.repository_path.rename(project.folder / "away")
    assert ask(api, project)["status"] == "error"
    assert content(project) == before
    assert rows(api, project)["project-map"]["origin"] == "generated"


def test_the_same_commit_gives_the_same_bytes(api: APIClient, indexed: Indexed) -> None:
    project = indexed({"src/a.py": b'"""Adds."""\nfrom src import b\n', "src/b.py": b"def f():\n    pass\n"})
    ask(api, project)
    before = {slug: content(project, slug) for slug in SLUGS}
    changed_at = GeneratedDocument.objects.get(project=project, slug="project-map").changed_at
    ask(api, project)
    assert {slug: content(project, slug) for slug in SLUGS} == before
    assert GeneratedDocument.objects.get(project=project, slug="project-map").changed_at == changed_at


def test_once_committed_they_are_not_stale_and_do_not_change_again(
    api: APIClient, indexed: Indexed, commit: Commit
) -> None:
    project = indexed({"src/a.py": b"def f():\n    pass\n"})
    ask(api, project)
    commit({MANAGED[slug].path: content(project, slug) for slug in SLUGS})
    pull(project)
    assert {row["stale"] for row in rows(api, project).values() if row["origin"] == "generated"} == {True}
    ask(api, project)
    assert {row["stale"] for row in rows(api, project).values() if row["origin"] == "generated"} == {False}


def test_they_are_due_when_an_index_is_ready_and_only_once(api: APIClient, indexed: Indexed) -> None:
    project = indexed({})
    assert [queue_due_docs() for _ in range(2)] == [1, 0]
    regenerate(project.pk)
    assert (DocsState.objects.get().status, queue_due_docs()) == ("ready", 0)
    DocsState.objects.update(generator_version=0)
    assert queue_due_docs() == 1


def test_they_are_due_again_with_another_commit(indexed: Indexed, commit: Commit) -> None:
    project = indexed({})
    queue_due_docs()
    regenerate(project.pk)
    commit({"new.py": b"x = 1\n"})
    pull(project)
    assert queue_due_docs() == 1


def test_what_has_failed_is_not_tried_again_by_itself(api: APIClient, indexed: Indexed) -> None:
    project = indexed({})
    project.repository_path.rename(project.folder / "away")
    assert ask(api, project)["status"] == "error"
    assert queue_due_docs() == 0


def test_an_index_that_cannot_be_read_is_made_anew_before_they_are_due_again(
    indexed: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = indexed({})
    monkeypatch.setenv("QUARTERDECK_PARAM_INDEX_AUTOMATIC", "true")
    damaged = ProjectIndex.objects.get().path
    assert damaged is not None
    damaged.chmod(0o600)
    damaged.write_bytes(b"no index")
    queue_due_docs()
    regenerate(project.pk)
    assert (DocsState.objects.get().status, queue_due_docs()) == ("error", 0)
    index_project(project.pk)
    assert (ProjectIndex.objects.get().status, queue_due_docs()) == ("ready", 1)


def test_those_that_a_dead_worker_held_are_made_by_the_next_one(api: APIClient, indexed: Indexed) -> None:
    project = indexed({})
    api.post(f"/api/projects/{project.pk}/docs/regenerate")
    gone = f"{socket.gethostname()[:30]}:99999999:0"
    DocsState.objects.update(status="generating", lease_owner=gone, lease_expires_at="2999-01-01T00:00Z")
    regenerate(project.pk)
    assert DocsState.objects.get().status == "ready"


def test_a_second_delivery_finds_nothing_to_do(api: APIClient, indexed: Indexed) -> None:
    project = indexed({})
    ask(api, project)
    before = DocsState.objects.get()
    regenerate(project.pk)
    assert DocsState.objects.get().generated_at == before.generated_at


def test_the_project_is_told_of_on_the_user_stream(api: APIClient, indexed: Indexed) -> None:
    project = indexed({})
    before = AgentEvent.objects.filter(event_type="project_updated").count()
    ask(api, project)
    assert AgentEvent.objects.filter(event_type="project_updated").count() == before + 3  # queued, generating, ready


def test_the_schema_is_given_with_where_each_thing_stands(api: APIClient, indexed: Indexed) -> None:
    project = indexed(
        {"schema.sql": b"CREATE TABLE users (\n  id integer PRIMARY KEY,\n  name varchar(9) NOT NULL\n);\n"}
    )
    ask(api, project)
    schema = api.get(f"/api/projects/{project.pk}/schema").json()
    (table,) = schema["tables"]
    assert (table["name"], table["path"], table["line"], table["primaryKey"]) == ("users", "schema.sql", 1, ["id"])
    assert [(each["name"], each["rawType"], each["line"]) for each in table["columns"]] == [
        ("id", "INT", 2),
        ("name", "VARCHAR(9)", 3),
    ]
    assert (schema["commit"], schema["relations"]) == (project.head_commit, [])


def test_a_project_without_a_database_has_an_empty_schema(api: APIClient, indexed: Indexed) -> None:
    project = indexed({})
    ask(api, project)
    assert api.get(f"/api/projects/{project.pk}/schema").json()["tables"] == []


def test_the_diagrams_are_given_as_json_and_bare(api: APIClient, indexed: Indexed) -> None:
    project = indexed({"src/a.py": b"from src import b\n", "src/b.py": b"x = 1\n", "src/__init__.py": b""})
    ask(api, project)
    path = f"/api/projects/{project.pk}/diagrams"
    body = api.get(path).json()
    assert "```mermaid\nflowchart" in body["markdown"]
    assert (body["commit"], body["generatedAt"][-1]) == (project.head_commit, "Z")
    assert api.get(path, headers={"Accept": "text/markdown"}).content.decode() == body["markdown"]


def test_code_that_is_nested_without_end_costs_no_other_document(api: APIClient, indexed: Indexed) -> None:
    project = indexed({"app/models.py": b"(" * 100_000, "schema.sql": b"SELECT " + b"(" * 100_000})
    assert ask(api, project)["status"] == "ready"
    assert rows(api, project)["project-map"]["origin"] == "generated"
